"""Aurora and the naive forecast."""
