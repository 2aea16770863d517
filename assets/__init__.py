"""Dagster assets, one module a stage: it reads, calls `env` or `planner`, writes and describes."""
