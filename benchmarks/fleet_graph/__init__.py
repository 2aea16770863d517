"""A fleet in Dagster, measured."""
