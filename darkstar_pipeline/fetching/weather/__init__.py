"""Weather and PV forecasts fetched by themselves: forecasts as they are issued, and past days for training."""
