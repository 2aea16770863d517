"""Benchmarks of what people want of the battery beside the least cost."""
