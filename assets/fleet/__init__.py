"""Stages of the daily tables for many homes at once: functions of homes and frames, without Dagster."""
