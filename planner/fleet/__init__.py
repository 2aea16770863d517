"""Plans of many homes at once."""
