"""A plan in a few lines: blocks of slots with the same intent, what each saves, and what changed since the last."""
