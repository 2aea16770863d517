"""Readings fetched from Home Assistant: statistics of years in pieces, then what an import of its exports does."""
