"""Trained models of a site: their versions and evidence in MLflow, their bundles and the champion's pointer beside it.

Serving needs `pointer` only, which imports neither MLflow nor torch. What does not belong here: what a bundle holds
(`planner.artifacts.bundle`), how a model is trained, and whether a challenger is good enough
(`planner.evaluation.promotion_test`).
"""
