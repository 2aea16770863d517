"""What a fleet costs in Dagster."""
