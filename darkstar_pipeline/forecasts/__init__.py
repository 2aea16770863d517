"""Aurora in the pipeline: what it is fitted and asked on, and which model forecasts which day.

What does not belong here: how it learns (`planner.forecasts.aurora_model`), or where bundles stand
(`darkstar_pipeline.models`).
"""
