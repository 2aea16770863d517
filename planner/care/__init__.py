"""Reserve and care: what the battery is to hold for outages and for its own sake, as targets of every planner."""
