"""Benchmarks of what goes wrong: faults in a running service, kills, wrong files, random sites."""
