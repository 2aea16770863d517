"""A proposal of which sensors of a Home Assistant measure the home, and what it tells of the home besides."""
