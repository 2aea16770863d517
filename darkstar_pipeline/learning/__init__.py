"""Learning from a home's history: which days, which trainings, what they are worth, and the weekly retrain.

What does not belong here: how a model learns (`planner`), what becomes of it (`darkstar_pipeline.models`).
"""
