"""A fortnight of the planner service in simulated time: its sources fail, its home goes on."""
