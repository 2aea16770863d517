"""Aurora in the pipeline: its training and its inputs, and which model forecasts which day.

What does not belong here: how it learns (`planner.forecasts.aurora_model`), or where bundles stand
(`darkstar_pipeline.models`).
"""
