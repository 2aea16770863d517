"""The names of the policies that can be replayed: light, since settings and the command line start with it."""

POLICIES = ("idle", "self_consumption", "mpc", "value", "oracle")
PLANNERS = ("mpc", "value")
TOGETHER = frozenset({"value"})
"""Planners that decide several days or homes at once, also where power is charged."""
"""Policies that plan ahead: under a demand charge, their day depends on the earlier days of the month."""
PUBLISHED_BOUND = "oracle_published"  # knows the home, but prices only as published; makes sense where days follow days
CONTINUOUS_POLICIES = (*POLICIES, PUBLISHED_BOUND)
CHAMPION = "champion"
REPLAYED = (*POLICIES, CHAMPION)
"""The policies that a backfill can replay and store."""
LEARNED_POLICIES = ("lightgbm", "rl", CHAMPION)
"""The newest version of its kind, and the one in use; where none is in use, `value` is champion."""
FALLBACK = "value"  # decides where no version is in use
MODEL_REFERENCE = "models:/"  # before the registered name and the version: models:/antares-home/3

GATED = "+gate"  # behind a trained policy's name: with the price gate between it and the inverter


def is_learned(policy: str) -> bool:
    """Return whether a name means a trained model of the site."""
    policy = policy.removesuffix(GATED)
    return policy in LEARNED_POLICIES or policy.startswith(MODEL_REFERENCE)
