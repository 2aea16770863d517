"""Decisions: optimiser, oracle, MPC, policies and forecasts. Imports `env`, never Dagster."""
