"""The home's Home Assistant: what it reads there, what it shows there, and how the inverter is steered through it."""
