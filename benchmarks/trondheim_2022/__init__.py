"""The Trondheim study of arXiv 2307.07580, which `python -m benchmarks trondheim` runs."""
