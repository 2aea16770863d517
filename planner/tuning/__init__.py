"""Quantities of a site that drift and are learned from its readings: slowly, within bounds, and only where used."""
