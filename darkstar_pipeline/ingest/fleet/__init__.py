"""Import into a fleet: its homes as rows, and the readings and prices of all of them at once."""
