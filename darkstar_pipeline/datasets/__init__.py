"""Believed inputs cut for replays and training."""
