"""Meanings of sensors' names: makers' conventions, general words, and names that are parts of one whole.

What does not belong here: a person's mapping (`subject_mapping`), which sensor is taken (`choosing`).
"""
