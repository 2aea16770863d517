"""`darkstar fetch …`: ask the sources for data now; a module a kind of data."""
