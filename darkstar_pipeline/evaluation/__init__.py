"""Verdicts of a site."""
