"""Days that paid less than perfect hindsight, which cannot be."""

import polars as pl

BOUND_TOLERANCE = 1e-6  # money; the solver's own


def below_bound(results: pl.DataFrame, oracle: pl.DataFrame) -> pl.DataFrame:
    """Days and policies that paid less than the oracle: `site, day, policy, cost, oracle_cost`."""
    bound = oracle.select("site", "day", oracle_cost="cost")
    joined = results.join(bound, on=["site", "day"], how="inner").select("site", "day", "policy", "cost", "oracle_cost")
    return joined.filter(pl.col("cost") < pl.col("oracle_cost") - BOUND_TOLERANCE).sort("day", "policy", "site")
