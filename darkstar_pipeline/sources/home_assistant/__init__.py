"""Readers of what Home Assistant exports."""
