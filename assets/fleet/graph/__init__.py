"""The fleet's assets in Dagster: one graph for all homes, by day and group of buckets (ADR 0063)."""
