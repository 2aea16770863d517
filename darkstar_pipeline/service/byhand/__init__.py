"""Blocks by hand: previewed with their price, then accepted."""
