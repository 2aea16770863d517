"""The planner service: the promoted model at work, watched, explained, and never worse than doing nothing."""
