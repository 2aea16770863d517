"""The home's Home Assistant: what is read there, how entities are written, and what is shown there."""
