"""Helpers of the fault benchmarks."""
