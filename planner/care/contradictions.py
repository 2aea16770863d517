"""Wishes for a battery's care that contradict each other or the battery, found without any day's data."""

import math

import numpy as np

from env.inverter import battery_room, next_soc, slot_limit
from env.site import Site
from env.time_grid import SLOT_HOURS
from planner.wording.messages import phrase

HOURS_A_DAY = 24.0
MOST_SLOTS = 40_000
"""A battery that is not full after so many slots never is: 400 days."""


def contradictions(site: Site) -> list[tuple[str, str]]:
    """Return what cannot be had together, each with what to do about it."""
    return [*_resting_reserve(site), *_slow_full_charge(site)]


def hours_to_full(site: Site) -> float:
    """Return how long the battery takes from its minimum to full, at the power that it and the home allow [h].

    The house itself takes nothing meanwhile; infinity where it is never full.
    """
    battery, limits = site.battery, site.limits
    most = min(slot_limit(limits.import_kw), slot_limit(limits.inverter_kw))
    soc, nothing = np.array([battery.min_soc_kwh]), np.zeros(1)
    for slot in range(MOST_SLOTS):
        if soc[0] >= battery.max_soc_kwh - 1e-9 * battery.capacity_kwh:
            return slot * SLOT_HOURS
        charge = np.minimum(battery_room(soc, battery)[0], most)
        later = next_soc(soc, charge, nothing, battery)
        if later[0] <= soc[0]:
            return math.inf
        soc = later
    return math.inf


def _resting_reserve(site: Site) -> list[tuple[str, str]]:
    """Return where a reserve keeps more than the resting ceiling, above which energy should not rest."""
    battery, care = site.battery, site.care
    if care.resting_soc_percent is None or not care.reserve:
        return []
    least = 100 * battery.min_soc_kwh / battery.capacity_kwh
    kept = least + max(rule.percent for rule in care.reserve)
    if kept <= care.resting_soc_percent:
        return []
    found = phrase(
        "a reserve keeps {kept:g} % ({reserve:g} above min_soc_percent {least:g}), and above resting_soc_max_percent "
        "{resting:g} energy should not rest: the reserve wins",
        kept=kept,
        reserve=kept - least,
        least=least,
        resting=care.resting_soc_percent,
    )
    return [(found, phrase("raise resting_soc_max_percent to {kept:g}, or lower that reserve", kept=min(kept, 100.0)))]


def _slow_full_charge(site: Site) -> list[tuple[str, str]]:
    """Return where a full charge takes longer than the days within which it is wished for."""
    days = site.care.full_charge_days
    if days is None:
        return []
    hours = hours_to_full(site)
    if hours <= days * HOURS_A_DAY:
        return []
    remedy = phrase("correct battery.charge_kw, charge_taper and limits, or raise full_charge_every_days")
    if math.isinf(hours):
        found = phrase(
            "a full charge is wished for every {days} days, and the battery is never full at the power that is set",
            days=days,
        )
        return [(found, remedy)]
    found = phrase(
        "a full charge is wished for every {days} days, and the battery takes {hours:.0f} h to be full at the power "
        "that is set",
        days=days,
        hours=hours,
    )
    return [(found, remedy)]
