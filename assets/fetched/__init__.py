"""Data that comes by itself, as assets: a module a kind of data."""
