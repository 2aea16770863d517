"""Captured shares over pairs of home and area: their mean, and paired differences with intervals over weeks."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import Pair
from planner.evaluation.verdict import total_interval

Costs = Mapping[str, npt.NDArray[np.float64]]
"""Cost of each day by policy, of one pair `(n_days,)` [money]."""


def share(costs: Costs, policy: str) -> float:
    """Return the part of the saving between idle and oracle that a policy captures."""
    idle, bound = costs["idle"].sum(), costs["oracle"].sum()
    return float((idle - costs[policy].sum()) / (idle - bound))


def gain_rows(figure: str, costs: Mapping[Pair, Costs], policy: str, other: str) -> list[Row]:
    """Return how many points a policy captures more than another: each pair, the mean, and the mean's interval.

    Pairs count alike. Their days are resampled in weeks together, since all have the same seasons: the n-th day of
    each, so that a pair which lacks some days runs ahead of the calendar by as many.
    """
    points = {
        pair: 100 * (own[other] - own[policy]) / (own["idle"].sum() - own["oracle"].sum())
        for pair, own in costs.items()
    }
    longest = max(len(daily) for daily in points.values())
    together = np.zeros(longest)
    for daily in points.values():
        together[: len(daily)] += daily / len(points)
    low, high = total_interval(together)
    rows = [Row(f"{figure}_mean", float(together.sum()), "points")]
    rows += [
        Row(f"{figure}_mean_{end}", value, "points")
        for end, value in (("low", low), ("high", high))
        if value is not None
    ]
    for (home, area), daily in points.items():
        rows.append(Row(f"{figure}_{home}_{area}", float(daily.sum()), "points"))
        own_low, own_high = total_interval(daily)
        ends = (("low", own_low), ("high", own_high))
        rows += [Row(f"{figure}_{home}_{area}_{end}", value, "points") for end, value in ends if value is not None]
    return rows
