"""Checks of what a fleet has besides single homes."""
