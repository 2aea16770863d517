"""The continuous protocol: stored energy is carried through the whole window, prices are known as they were published.

The window is settled once, at its end. Bounds: `oracle` knows the whole window; `oracle_published` knows load and PV,
but prices only as they were published: what a planner with perfect forecasts of the home could reach. With a demand
charge `oracle` adds the months' charges to the window's energy cost; `oracle_published` does not see them and is no
bound then. What planners know in each slot: `planner.policies.window`.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.simulator import Decide, Replay, simulate
from env.site import Site
from planner.demand_charges.day_charges import earlier_peaks
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.peak_calendar import month_demands
from planner.policies.rolling import RollingMpc, RollingOracle, RollingValue
from planner.policies.window import Window, open_window
from planner.replay.schedules import constant_command, leaving_reserve, replay_of_plan, schedule_frame, unused_battery
from planner.value.forecast_ends import DayPrices
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past

WINDOW_SECONDS = 600.0


def replay_window(
    policy: str,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    history: Past,
    site: Site,
    protocol: Protocol,
    *,
    prices: DayPrices | None = None,
) -> pl.DataFrame:
    """Replay a policy through a window, stored energy carried over.

    Args:
        policy: one of `CONTINUOUS`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`, each vintage for its day and the next.
        history: readings `slot_start, load_kwh, pv_kwh` that scenarios are taken from, or the scenarios of each day.
        site: battery, limits, time zone.
        protocol: start, settlement, write budget.
        prices: forecaster of the spot prices of days that are not published; without one energy beyond the published
            prices is worth what it was on the days before.

    Returns:
        As `planner.replay.daily.replay_days`.
    """
    return replay_in(policy, open_window(slots, forecasts, history, site, protocol, prices=prices))


def replay_in(policy: str, window: Window) -> pl.DataFrame:
    """Replay a policy through an open window; several share what it works out about its days."""
    return schedule_frame(policy, window.days, CONTINUOUS[policy](window))


def run_window(window: Window, decide: Decide, site: Site | None = None) -> Replay:
    """Simulate the window from the protocol's start; another site where the battery is not the home's."""
    return simulate(decide, window.world, site or window.site, np.array([window.protocol.start_soc_kwh]))


def _idle(window: Window) -> Replay:
    return run_window(window, constant_command(0.0, full_export_kw(window.site)), unused_battery(window.site))


def _self_consumption(window: Window) -> Replay:
    targets, battery = window.targets_of(0, len(window.slots)), window.site.battery
    return run_window(window, leaving_reserve(constant_command(battery.discharge_kw, 0.0), targets, battery))


def _oracle(window: Window) -> Replay:
    """Solve the whole window in one program."""
    world, site, start = window.world, window.site, window.protocol.start_soc_kwh
    month = window.slots["local_day"][0].replace(day=1)
    earlier = earlier_peaks(window.protocol.month_before, month, len(site.tariff.charges_of_month(month)))
    power = month_demands(window.slots["slot_start"], site, earlier)
    n_slots = world.load_kwh.shape[1]
    program = HomeProgram(site.commanded, n_slots, power=power, targets=window.targets_of(0, n_slots))
    program.set_prices(world.import_price[0], world.export_price[0], window.settlement_value)
    program.set_house(world.load_kwh[0], world.pv_kwh[0], world.export_price[0])
    program.start_at(0, start)
    return replay_of_plan(program.solve(time_limit=WINDOW_SECONDS).flows, world, site, start)


Replayer: TypeAlias = Callable[[Window], Replay]
CONTINUOUS: dict[str, Replayer] = {
    "idle": _idle,
    "self_consumption": _self_consumption,
    "mpc": lambda window: run_window(window, RollingMpc(window).decide),
    "value": lambda window: run_window(window, RollingValue(window).decide),
    "oracle_published": lambda window: run_window(window, RollingOracle(window).decide),
    "oracle": _oracle,
}
