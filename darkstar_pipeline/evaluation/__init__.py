"""Evaluation of a site: costs of policies on ranges of days, actual costs, and the history of plans.

What does not belong here: replaying policies (`planner.replay`), statistics of costs (`planner.evaluation`).
"""
