"""Inverters in memory as their families' integrations show them in Home Assistant, written apart from the profiles."""
