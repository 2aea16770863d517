"""Models of a fleet: classes of homes, the version that each class has in use, and the pointer that says so.

One object holds it for all homes (`pointer`), so that a home's model resolves in one read. What does not belong here:
training and judging (`darkstar_pipeline.learning.fleet`), and running a policy (`darkstar_pipeline.policies`).
"""
