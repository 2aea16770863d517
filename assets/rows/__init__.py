"""Rows of the daily tables, a stage a module: functions of a home's context and of frames, without Dagster.

The assets of a single home and the stages of a fleet (`assets.fleet`) call the same ones.
"""
