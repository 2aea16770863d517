"""The daily protocol on days of many homes: those of homes that are alike lie side by side in arrays.

A home's days are the same to the bit whichever homes are worked on with it.
"""

from collections.abc import Hashable, Mapping

import numpy as np
import polars as pl

from env.fleet import Homes, SiteRows, rows_form
from env.site import Site
from planner.optimizer.slot_arrays import NEEDED
from planner.replay.daily import Home, planned_slots, replay_equal
from planner.replay.schedules import empty_schedule
from planner.value.protocol import Protocol

SIDE_BY_SIDE = frozenset({"idle", "self_consumption", "value", "oracle"})
"""Policies whose days may be of homes with different batteries and limits."""
_KEYS = ("site", "slot_start", "local_day")


def replay_homes(
    policy: str, homes: Mapping[str, Home], slots: pl.DataFrame, forecasts: pl.DataFrame, history: pl.DataFrame
) -> pl.DataFrame:
    """Replay a policy on days of several homes, as `planner.replay.daily.replay_days` does for each.

    Args:
        policy: one of `planner.replay.daily.REPLAYERS`.
        homes: by name, each with its start and settlement; without a demand charge, where the policy plans.
        slots: as for `replay_days`, with `site`.
        forecasts: as for `replay_days`, with `site`.
        history: readings before the days, with `site`.

    Returns:
        The schedules of all homes, with `site`, by home and slot.

    Raises:
        UnknownPolicyError: no such policy.
        IncompleteDayError: a slot has no finite price, load or PV, or a day is not whole.
    """
    known = slots.select(*_KEYS, *NEEDED).sort("site", "slot_start")
    schedules = [empty_schedule(policy, known.clear())]
    for names in _alike(policy, homes):
        own = known.filter(pl.col("site").is_in(names))
        if own.is_empty():
            continue
        one = homes[names[0]][0]
        sized = planned_slots(own, forecasts, one).with_columns(n_slots=pl.len().over("site", "local_day"))
        past = history.filter(pl.col("site").is_in(names))
        for part in sized.partition_by("n_slots", maintain_order=True):
            schedules += replay_equal(policy, [_rows(homes, part)], past, part, one.timezone)
    return pl.concat(schedules, how="diagonal").sort("site", "slot_start")


def _alike(policy: str, homes: Mapping[str, Home]) -> list[list[str]]:
    """Return the names of homes that are worked on together."""
    groups: dict[Hashable, list[str]] = {}
    for name, (site, protocol) in homes.items():
        form = rows_form(site) if policy in SIDE_BY_SIDE else (_physics(site), protocol)
        groups.setdefault((site.timezone, form), []).append(name)
    return list(groups.values())


def _rows(homes: Mapping[str, Home], slots: pl.DataFrame) -> tuple[Homes, tuple[Protocol, ...]]:
    """Return the homes of days that follow one another in slots, with the protocol of each that differs."""
    kinds: dict[Hashable, tuple[int, Home]] = {}
    which: list[int] = []
    for name in slots["site"].gather_every(int(slots["n_slots"][0])):
        site, protocol = homes[name]
        key = (_physics(site), protocol)
        kinds.setdefault(key, (len(kinds), (site, protocol)))
        which.append(kinds[key][0])
    found = [home for _, home in kinds.values()]
    sites, protocols = tuple(site for site, _ in found), tuple(protocol for _, protocol in found)
    rows = sites[0] if len(sites) == 1 else SiteRows(sites, np.array(which, dtype=np.intp))
    return rows, protocols


def _physics(site: Site) -> Hashable:
    """Return all of a home that its replays follow from, besides prices."""
    return site.battery, site.limits, site.care
