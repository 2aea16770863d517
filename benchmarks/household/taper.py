"""The price of ignoring a battery's taper: `value` planned with and without it, carried through days where it is there.

Both run through the same tapering battery and see the same stored energy in every slot; the one without plans as if
the battery took its whole power up to 100 %.
"""

import time
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol
from env.command_menu import full_export_kw
from env.simulator import Replay
from env.site import Site
from planner.parallel import map_shards
from planner.policies.rolling import RollingValue
from planner.policies.window import Window, open_window
from planner.replay.continuous import run_window
from planner.replay.schedules import constant_command, unused_battery

DAYS, SHORT_DAYS = 90, 21
TAPERS = {
    "usual": ((85.0, 1.0), (95.0, 0.6), (100.0, 0.2)),
    "strong": ((70.0, 1.0), (90.0, 0.5), (100.0, 0.1)),
}
"""Points of state of charge [%] and share of the battery's power."""


def run(scope: Scope) -> list[Row]:
    """Replay every pair and battery with each taper."""
    n_days = scope.of(DAYS, SHORT_DAYS)
    rows: list[Row] = []
    for battery in scope.of((USUAL, LARGE), (USUAL,)):
        pairs = scope.of(scope.homes.pairs, scope.homes.pairs[:1])
        for (home, area), found in zip(
            pairs, map_shards(partial(_pair, scope.homes, battery, n_days), pairs), strict=True
        ):
            for kind, (price, percent, slower) in found.items():
                name = f"{kind}_{home}_{area}{battery.suffix}"
                rows += [
                    Row(f"taper_ignored_cost_{name}", price, "money"),
                    Row(f"taper_ignored_share_{name}", percent, "% of the saving"),
                    Row(f"taper_seconds_times_{name}", slower, "times the processor time"),
                ]
    return rows


def _pair(homes: BenchHomes, battery: BenchBattery, n_days: int, pair: Pair) -> dict[str, tuple[float, float, float]]:
    """Return of each taper what ignoring it costs [money] and takes of the saving [%], and the time of knowing it."""
    plain = battery.site()
    protocol, slots = default_protocol(plain), homes.window(pair, plain, n_days=n_days)
    window = open_window(slots, homes.forecasts(pair[0], slots, plain), homes.history(pair[0]), plain, protocol)
    idle = _cost(window, run_window(window, constant_command(0.0, full_export_kw(plain)), unused_battery(plain)))
    found: dict[str, tuple[float, float, float]] = {}
    for kind, points in TAPERS.items():
        taper = tuple((level, share * battery.power_kw) for level, share in points)
        site = replace(plain, battery=replace(plain.battery, charge_taper=taper))
        known, seconds = _replayed(replace(window, site=site), site)
        ignored, usual_seconds = _replayed(window, site)
        found[kind] = ignored - known, 100 * (ignored - known) / (idle - known), seconds / usual_seconds
    return found


def _replayed(window: Window, real: Site) -> tuple[float, float]:
    """Return the cost of planning with a window's battery where the real one is a site's [money], and its time [s]."""
    began = time.process_time()
    replay = run_window(window, RollingValue(window).decide, real)
    return _cost(window, replay), time.process_time() - began


def _cost(window: Window, replay: Replay) -> float:
    """Return the cost of a window, energy left included [money]."""
    kept = float(replay.soc_kwh[0, -1]) - window.protocol.start_soc_kwh
    return float(np.sum(replay.cost)) - window.settlement_value * kept
