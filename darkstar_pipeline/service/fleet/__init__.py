"""The service of a fleet: plans of many homes, for tenants who see their own ones."""
