"""Retention: rules of what of the state folder goes and when, by kind, and their application."""
