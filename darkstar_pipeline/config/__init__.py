"""One tree of settings, in parts by subject."""
