"""The cost of a plan's movable loads."""
