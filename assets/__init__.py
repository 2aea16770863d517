"""What exists: Dagster assets, one module a stage. Each reads, calls `env` or `planner`, writes, describes; no logic."""
