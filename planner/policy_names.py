"""The names of the policies that can be replayed: light, since settings and the command line start with it."""

POLICIES = ("idle", "self_consumption", "mpc", "value", "oracle")
PLANNERS = ("mpc", "value")
"""What plans ahead: where power is charged, what these do on a day depends on the days of the month before it."""
PUBLISHED_BOUND = "oracle_published"  # knows the home, but prices only as published; makes sense where days follow days
CONTINUOUS_POLICIES = (*POLICIES, PUBLISHED_BOUND)
