"""Learning from a home's history: splits of days, trainings, their scores, and the weekly retrain.

What does not belong here: how a model learns (`planner`), what becomes of it (`darkstar_pipeline.models`).
"""
