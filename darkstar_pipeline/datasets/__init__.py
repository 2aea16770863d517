"""Usable readings and prices of a site, selected for replays and training.

What does not belong here: grading days (`quality`), replaying them (`planner.replay`).
"""
