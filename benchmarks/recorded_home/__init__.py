"""A home that a real Home Assistant has recorded for years: set up and fetched from it."""
