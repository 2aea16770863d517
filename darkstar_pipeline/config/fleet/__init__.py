"""Settings of a fleet: what its homes share, and how one row of a table becomes one home's settings."""
