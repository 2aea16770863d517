"""The daily protocol on days of many homes: those of homes that are alike lie side by side in arrays.

A home's days are the same to the bit whichever homes are worked on with it.
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from env.fleet import Homes, SiteRows, rows_form
from env.site import Site
from planner.demand_charges.bills import has_demand_charge
from planner.errors import UnknownPolicyError
from planner.optimizer.slot_arrays import NEEDED
from planner.policy_names import PLANNERS, TOGETHER
from planner.replay.daily import Home, planned_slots, replay_equal
from planner.replay.schedules import empty_schedule, schedule_frame
from planner.value.protocol import Protocol
from planner.value.scenario_source import day_scenarios
from planner.value.scenarios import Scenarios

SIDE_BY_SIDE = frozenset({"idle", "self_consumption", "value", "oracle"})
"""Policies whose days may be of homes with different batteries and limits."""
_KEYS = ("site", "slot_start", "local_day")


def replay_homes(
    policy: str, homes: Mapping[str, Home], slots: pl.DataFrame, forecasts: pl.DataFrame, history: pl.DataFrame
) -> pl.DataFrame:
    """Replay a policy on days of several homes, as `planner.replay.daily.replay_days` does for each.

    Args:
        policy: one of `planner.replay.daily.REPLAYERS`.
        homes: by name, each with its start and settlement; those with a demand charge plan by `value` alone.
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
        if policy in PLANNERS and has_demand_charge(one):
            schedules += _months(policy, {name: homes[name] for name in names}, sized.drop("n_slots"), past)
            continue
        for part in sized.partition_by("n_slots", maintain_order=True):
            schedules += replay_equal(policy, [_rows(homes, part)], past, part, one.timezone)
    return pl.concat(schedules, how="diagonal").sort("site", "slot_start")


def _alike(policy: str, homes: Mapping[str, Home]) -> list[list[str]]:
    """Return the names of homes that are worked on together."""
    groups: dict[Hashable, list[str]] = {}
    for name, (site, protocol) in homes.items():
        form: Hashable = (_physics(site), protocol)
        if policy in PLANNERS and has_demand_charge(site):
            charges = tuple((version.valid_from, version.power) for version in site.tariff.versions)
            form = (_physics(site), replace(protocol, month_before=()), charges)
        elif policy in SIDE_BY_SIDE:
            form = rows_form(site)
        groups.setdefault((site.timezone, form), []).append(name)
    return list(groups.values())


def _months(policy: str, homes: Mapping[str, Home], slots: pl.DataFrame, history: pl.DataFrame) -> list[pl.DataFrame]:
    """Replay homes whose days depend on their months' peaks, as `planner.replay.daily` does for each.

    Raises:
        UnknownPolicyError: the policy plans months of one home at a time.
    """
    from planner.replay.monthly import replay_homes_months  # SciPy's solver is needed there only

    if policy not in TOGETHER:
        message = f"policy {policy!r} plans the months of one home at a time"
        raise UnknownPolicyError(message)
    timezone = next(iter(homes.values()))[0].timezone
    scenarios: dict[tuple[str, date], Scenarios] = {}
    sized = slots.with_columns(n_slots=pl.len().over("site", "local_day"))
    for part in sized.partition_by("n_slots", maintain_order=True):
        known = day_scenarios(history, part.drop("n_slots"), timezone)
        days = part.select("site", "local_day").unique(maintain_order=True).iter_rows()
        scenarios |= {day: known.part(slice(place, place + 1)) for place, day in enumerate(days)}
    found = replay_homes_months(homes, slots, scenarios)
    return [schedule_frame(policy, rows, replay) for rows, replay in found]


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
