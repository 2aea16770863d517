"""Trained models of a site: their versions and evidence in MLflow, their bundles and the champion's pointer beside it.

Serving needs `champion_pointer` only, which imports neither MLflow nor torch. What does not belong here: contents of a
bundle (`planner.artifacts.bundle`), training (`learning`), and the statistics of a promotion
(`planner.evaluation.promotion_test`).
"""
