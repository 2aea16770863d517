"""Settings of the household: what people want of the battery beside the least cost, and who else steers."""
