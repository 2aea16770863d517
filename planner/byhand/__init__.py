"""Blocks by hand: commands that people set for stretches of time, which plans keep and are made around."""
