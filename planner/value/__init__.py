"""Value function, scenarios and what stored energy is worth."""
