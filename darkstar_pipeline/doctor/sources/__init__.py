"""Checks of what is fetched by itself: a module a kind of data."""
