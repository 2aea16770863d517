"""Import: what the readers of `sources` accepted, merged into the lake slot by slot.

All parsing and refusing happens before the first write. What does not belong here: reading files (`sources`), repairing
prices and grading days (`quality`).
"""
