"""Trained policies at work: found by name, and replayed on a site's days.

What does not belong here: how they were trained (`darkstar_pipeline.learning`), which is in use
(`darkstar_pipeline.models`).
"""
