"""Files on disk: atomic writes, locks, migrations."""
