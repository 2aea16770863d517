"""All that knows Dagster's internals."""
