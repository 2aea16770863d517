"""Replays planners over daily episodes where power is charged: the days of a month one after the other.

Every day starts from the same stored energy as ever; what it takes over from the days before in its month are their
peaks, and the level that is worth keeping below (`power_watch`). Months are independent and go to separate processes.
A range that begins inside a month knows nothing of the month before its first day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TypeAlias, cast

import numpy as np
import polars as pl

from env.inverter import Command, Energy
from env.simulator import Decide, Replay, World, simulate
from env.site import Site
from planner.demand_charges.peak_tracker import LIKE_DAYS, PowerWatch, imagined
from planner.parallel import map_shards
from planner.policies.mpc import ExactPrograms, Mpc, exact_program, known_span
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import Steadiness
from planner.replay.schedules import world_of
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import soc_grid

_FORECASTS = ("load_forecast", "pv_forecast")


@dataclass(frozen=True)
class Month:
    """The days of a month that are replayed, and some before them.

    Attributes:
        slots: of the days.
        before: of the days before, at most `LIKE_DAYS`.
    """

    slots: pl.DataFrame
    before: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class Morning:
    """A day as its morning sees it.

    Attributes:
        world: what will happen, one home; the planner is told of it slot by slot.
        load_forecast: `(n_slots,)` [kWh].
        pv_forecast: `(n_slots,)` [kWh].
        scenarios: what the day may be.
        power: what power costs in its slots.
        settlement: worth of a stored kWh at its end [money/kWh].
    """

    world: World
    load_forecast: Energy
    pv_forecast: Energy
    scenarios: Scenarios
    power: SlotPrices
    settlement: float


def replay_months(
    policy: str, slots: pl.DataFrame, site: Site, protocol: Protocol, *, history: pl.DataFrame, workers: int | None
) -> list[tuple[pl.DataFrame, Replay]]:
    """What a planner does on each day.

    Args:
        policy: one of `PLANNERS`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh, load_forecast, pv_forecast` of
            whole days, in order.
        site: battery, limits, tariff, time zone.
        protocol: start, settlement, steadiness.
        history: readings that scenarios are taken from.
        workers: processes at most; None for one per core.

    Returns:
        The slots of each day, and what happened.
    """
    found = map_shards(partial(_month, policy, site, protocol, history), _months(slots), workers=workers)
    return [day for month in found for day in month]


def _months(slots: pl.DataFrame) -> list[Month]:
    """The slots cut into months."""
    days = slots["local_day"].unique().sort()
    months: list[Month] = []
    for _, part in slots.group_by(pl.col("local_day").dt.month_start(), maintain_order=True):
        before = days.filter(days < part["local_day"][0]).tail(LIKE_DAYS)
        months.append(Month(part, slots.filter(pl.col("local_day").is_in(before.implode()))))
    return months


def _month(
    policy: str, site: Site, protocol: Protocol, history: pl.DataFrame, month: Month
) -> list[tuple[pl.DataFrame, Replay]]:
    """Replay a month's days, each knowing the peaks before it."""
    planner, watch = PLANNERS[policy](site, protocol), PowerWatch(site, protocol)
    scenarios = ScenarioSource(history=history).by_day(month.slots, site.timezone)
    known = month.before.partition_by("local_day", maintain_order=True)
    replayed: list[tuple[pl.DataFrame, Replay]] = []
    for slots in month.slots.partition_by("local_day", maintain_order=True):
        day = cast("date", slots["local_day"][0])
        watch.begin(day)
        morning = _morning(slots, scenarios[day], site, protocol, partial(_power, watch, slots, known))
        start = np.array([protocol.start_soc_kwh])
        replay = simulate(planner(morning), morning.world, site, start)
        watch.end(slots.select("slot_start").with_columns(import_kwh=pl.Series(replay.flows.import_kwh[0])))
        known = [*known, slots][-LIKE_DAYS:]
        replayed.append((slots.drop(_FORECASTS), replay))
    return replayed


def _power(watch: PowerWatch, slots: pl.DataFrame, known: list[pl.DataFrame], scenarios: Scenarios) -> SlotPrices:
    """What power costs in a day's slots, were the rest of the month like the days before, else like the scenarios."""
    return watch.prices(slots["slot_start"], known, imagined(slots, scenarios))


def _morning(
    slots: pl.DataFrame,
    scenarios: Scenarios,
    site: Site,
    protocol: Protocol,
    power: Callable[[Scenarios], SlotPrices],
) -> Morning:
    world = world_of(slots, slots.height)
    load_forecast, pv_forecast = (np.nan_to_num(slots[name].cast(pl.Float64).to_numpy()) for name in _FORECASTS)
    return Morning(
        world=world,
        load_forecast=load_forecast,
        pv_forecast=pv_forecast,
        scenarios=scenarios,
        power=power(scenarios),
        settlement=protocol.settlement(world.import_price[0], site.battery),
    )


class _MpcDays:
    """MPC, day after day."""

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site, self.protocol = site, protocol
        self.programs = ExactPrograms(site)

    def __call__(self, morning: Morning) -> Decide:
        """The decisions of a day."""
        world, site = morning.world, self.site
        span = known_span(
            site=site,
            prices=(world.import_price[0], world.export_price[0]),
            forecasts=(morning.load_forecast, morning.pv_forecast),
            end_value=morning.settlement * soc_grid(site.battery),
            scenarios=morning.scenarios,
            power=morning.power,
        )
        steadiness = Steadiness(site, self.protocol.steadiness)
        program = exact_program(site, world.load_kwh.shape[1])
        mpc = Mpc(site, span, steadiness=steadiness, program=program, programs=self.programs)

        def decide(slot: int, soc_kwh: Energy) -> Command:
            last = (world.load_kwh[0, slot - 1], world.pv_kwh[0, slot - 1]) if slot > 0 else (None, None)
            return mpc.command(slot, float(soc_kwh[0]), *last)

        return decide


class _ValueDays:
    """The policy `value`, day after day."""

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site = site
        del protocol

    def __call__(self, morning: Morning) -> Decide:
        """The decisions of a day."""
        world, site = morning.world, self.site
        days = ValueDays(
            site=site,
            scenarios=morning.scenarios,
            import_price=world.import_price,
            export_price=world.export_price,
            end_value=morning.settlement * soc_grid(site.battery)[None],
            power=morning.power,
        )

        def decide(slot: int, soc_kwh: Energy) -> Command:
            last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)
            return days.command(slot, soc_kwh, *last)

        return decide


Planner: TypeAlias = Callable[[Site, Protocol], Callable[[Morning], Decide]]
PLANNERS: dict[str, Planner] = {"mpc": _MpcDays, "value": _ValueDays}
