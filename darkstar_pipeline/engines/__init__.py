"""Engines for the work of a fleet behind `planner.parallel.map_shards`: chosen by `engine` in `darkstar.yaml`."""
