"""Settings of what a person is told without asking."""
