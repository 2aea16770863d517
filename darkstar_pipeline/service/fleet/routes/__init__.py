"""Routes of the service of a fleet."""
