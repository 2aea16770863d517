"""The price of reserve and care: `value` carried through the window with each wish, beside `value` without.

A full charge every 14 days is compared with one at a fixed hour of every second week, for a few such hours. Beyond the
published prices stored energy is worth what it was on the days before: the price of a wish is a difference, and the
forecast of prices is the slowest part of a replay.
"""

import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol
from env.care import NO_CARE, Care, ReserveRule
from env.inverter import Energy
from env.site import Site
from planner.care.soc_targets import SocTargets, is_full, soc_targets
from planner.parallel import map_shards
from planner.policies.window import Window, open_window
from planner.replay.continuous import replay_in

SHORT_DAYS = 45
FULL_CHARGE_DAYS = 14
RESERVE_PERCENT = 20.0
RESTING_PERCENT = 80.0
WISHES = {
    "reserve": Care(reserve=(ReserveRule(percent=RESERVE_PERCENT),)),
    "full_charge": Care(full_charge_days=FULL_CHARGE_DAYS),
    "resting": Care(resting_soc_percent=RESTING_PERCENT),
}
LAST_SLOT_MINUTE = 45
FIXED_HOURS = ((7, 3), (7, 13), (3, 3), (3, 18))
"""ISO weekdays and hours of the full charges that are placed by the clock."""
NOISE_SHARE = 1e-3
"""Part of the window's cost by which two replays of one planner differ without a reason."""


@dataclass(frozen=True)
class _Replayed:
    """The result of a replay with a wish.

    Attributes:
        cost: of the window, energy left included [money].
        longest_gap_days: longest time without a full charge [d].
        hours_above: time above the resting ceiling [h/d].
        least_percent: lowest state of charge [%].
        seconds: processor time of the replay [s].
    """

    cost: float
    longest_gap_days: float
    hours_above: float
    least_percent: float
    seconds: float


def run(scope: Scope) -> list[Row]:
    """Replay every pair with both batteries."""
    n_days = scope.of(None, SHORT_DAYS)
    rows: list[Row] = []
    for battery in scope.of((USUAL, LARGE), (USUAL,)):
        pairs = scope.of(scope.homes.pairs, scope.homes.pairs[:1])
        found = map_shards(partial(_pair, scope.homes, battery, n_days), pairs)
        for (home, area), replayed in zip(pairs, found, strict=True):
            rows += _rows(f"{home}_{area}{battery.suffix}", replayed)
    return rows


def _rows(name: str, replayed: dict[str, _Replayed]) -> list[Row]:
    free = replayed["none"]
    rows = [Row(f"care_{wish}_cost_{name}", replayed[wish].cost - free.cost, "money") for wish in WISHES]
    fixed = [each.cost for wish, each in replayed.items() if wish.startswith("fixed")]
    placed, noise = replayed["full_charge"].cost, NOISE_SHARE * abs(free.cost)
    dearer = placed - float(np.mean(fixed))
    gap, target = replayed["full_charge"].longest_gap_days, f"<= {FULL_CHARGE_DAYS}"
    least = replayed["reserve"].least_percent
    kept = 12 + RESERVE_PERCENT
    return [
        *rows,
        Row(f"care_fixed_hours_cost_{name}", float(np.mean(fixed)) - free.cost, "money"),
        Row(f"care_placed_less_fixed_{name}", dearer, "money", f"<= {noise:.2f}", dearer <= noise),
        Row(f"care_longest_gap_without_{name}", free.longest_gap_days, "days"),
        Row(f"care_longest_gap_{name}", gap, "days", target, gap <= FULL_CHARGE_DAYS),
        Row(f"care_least_soc_{name}", least, "%", f">= {kept:g}", least >= kept - 1e-6),
        Row(f"care_hours_above_80_without_{name}", free.hours_above, "h/day"),
        Row(f"care_hours_above_80_{name}", replayed["resting"].hours_above, "h/day"),
        Row(f"care_seconds_without_{name}", free.seconds, "s of processor time"),
        Row(f"care_seconds_full_charge_{name}", replayed["full_charge"].seconds, "s of processor time"),
    ]


def _pair(homes: BenchHomes, battery: BenchBattery, n_days: int | None, pair: Pair) -> dict[str, _Replayed]:
    """Return what each wish comes to on a pair."""
    site = battery.site()
    protocol, slots = default_protocol(site), homes.window(pair, site, n_days=n_days)
    window = open_window(slots, homes.forecasts(pair[0], slots, site), homes.history(pair[0]), site, protocol)
    replayed = {"none": _replayed(window, site)}
    for wish, care in WISHES.items():
        replayed[wish] = _replayed(window, replace(site, care=care))
    for weekday, hour in FIXED_HOURS:
        targets = _fixed_targets(window, weekday, hour)
        replayed[f"fixed_{weekday}_{hour}"] = _replayed(window, replace(site, care=NO_CARE), targets)
    return replayed


def _replayed(window: Window, site: Site, targets: SocTargets | None = None) -> _Replayed:
    """Return what `value` comes to in the window with a wish."""
    own, began = replace(window, site=site, targets=targets), time.process_time()
    schedule = replay_in("value", own)
    seconds = time.process_time() - began
    soc, battery = schedule["soc_end_kwh"].to_numpy(), site.battery
    kept = float(soc[-1]) - window.protocol.start_soc_kwh
    return _Replayed(
        cost=float(schedule["cost"].sum()) - window.settlement_value * kept,
        longest_gap_days=_longest_gap(schedule, soc, site),
        hours_above=float((soc > battery.stored_kwh(RESTING_PERCENT) + 1e-6).mean() * 24),
        least_percent=float(soc.min()) * 100 / battery.capacity_kwh,
        seconds=seconds,
    )


def _longest_gap(schedule: pl.DataFrame, soc_kwh: Energy, site: Site) -> float:
    """Return the longest time without a full charge; the window's edges count as one [d]."""
    full = [index for index, each in enumerate(soc_kwh.tolist()) if is_full(site.battery, each)]
    starts = schedule["slot_start"].to_list()
    posts = [starts[0], *(starts[index] for index in full), starts[-1]]
    gaps = [(later - before).total_seconds() for before, later in pairwise(posts)]
    return max(gaps) / 86_400


def _fixed_targets(window: Window, weekday: int, hour: int) -> SocTargets:
    """Return the targets of a full charge by the clock, at the end of an hour of every second week."""
    site, local = window.site, pl.col("slot_start").dt.convert_time_zone(window.site.timezone)
    at_hour = (local.dt.weekday() == weekday) & (local.dt.hour() == hour) & (local.dt.minute() == LAST_SLOT_MINUTE)
    rows = window.slots.with_row_index().filter(at_hour)["index"].to_numpy()
    floor = np.full((1, len(window.slots)), site.battery.min_soc_kwh)
    wanted = floor.copy()
    wanted[0, rows[1::2]] = site.battery.max_soc_kwh
    return soc_targets(site, floor, window.world.import_price, window.world.export_price, wanted_kwh=wanted)
