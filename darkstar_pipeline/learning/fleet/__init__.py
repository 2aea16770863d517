"""Learning from many homes of a fleet: pooled trainings of a class, their judgement, and that of canaries.

What does not belong here: how a pooled policy learns (`planner.training.pooled_lightgbm`), the statistics
(`planner.evaluation.class_test`), and which version is in use (`darkstar_pipeline.models.fleet`).
"""
