"""A plan for the hours ahead: task, sources, release, explanation."""
