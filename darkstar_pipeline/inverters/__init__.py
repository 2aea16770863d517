"""Inverters as data: what each family's entities are called in Home Assistant, and which values carry out a command."""
