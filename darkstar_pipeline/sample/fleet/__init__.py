"""A synthetic fleet: homes, prices and readings that are made of a seed, for trials, docs and benchmarks."""
