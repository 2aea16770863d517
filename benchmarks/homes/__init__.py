"""Homes that benchmarks run on."""
