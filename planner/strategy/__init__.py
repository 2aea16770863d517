"""The strategy engine: named, bounded adjustments of what a plan rests on, by its context."""
