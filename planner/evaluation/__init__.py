"""Costs, verdicts and the promotion test."""
