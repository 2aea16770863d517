"""Months billed by their peaks."""
