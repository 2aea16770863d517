"""Dispatch of several batteries together, over steps of any length, with demands that may be missed at a price."""
