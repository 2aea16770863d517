"""Steps of `darkstar init` beyond writing the configuration: look at a Home Assistant, make the first plan."""
