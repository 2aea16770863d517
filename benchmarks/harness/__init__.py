"""Running benchmarks by name: the table of those there are, their rows, and how these are shown."""
