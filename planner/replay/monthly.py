"""The monthly protocol: daily episodes with a demand charge, the days of a month one after the other.

Every day starts from the same stored energy as ever; what it takes over from the days before in its month are their
peaks, and the level that is worth keeping below (`planner.demand_charges.peak_tracker`). Months are independent and go
to separate processes. A range that begins inside a month goes on from the peaks of the month's days before it, as the
protocol has them (`Protocol.month_before`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TypeAlias, cast

import numpy as np
import polars as pl

from env.inverter import Command, Decision, Energy
from env.simulator import Decide, Replay, World, simulate
from env.site import Site
from planner.care.soc_targets import SocTargets, scheduled_targets
from planner.demand_charges.day_curves import DayCurve
from planner.demand_charges.peak_tracker import SIMILAR_DAYS, PeakTracker
from planner.parallel import map_shards
from planner.policies.mpc import ExactPrograms, Mpc, exact_program, known_span
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import WriteBudget
from planner.replay.schedules import world_of
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past, scenarios_by_day
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import soc_grid

_FORECASTS = ("load_forecast", "pv_forecast")


@dataclass(frozen=True)
class Month:
    """The days of a month that are replayed, and some before them.

    Attributes:
        slots: of the days.
        before: of the days before, at most `SIMILAR_DAYS`.
    """

    slots: pl.DataFrame
    before: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class DayStart:
    """A day as past_days at its start.

    Attributes:
        world: what will happen, one home; the planner reads it slot by slot.
        load_forecast: `(n_slots,)` [kWh].
        pv_forecast: `(n_slots,)` [kWh].
        scenarios: of the day.
        power: demand charge of its slots.
        settlement: value of a stored kWh at its end [money/kWh].
        targets: reserve and care of its slots; None for a site without.
    """

    world: World
    load_forecast: Energy
    pv_forecast: Energy
    scenarios: Scenarios
    power: SlotPrices
    settlement: float
    targets: SocTargets | None


def replay_months(
    policies: Sequence[str], slots: pl.DataFrame, site: Site, protocol: Protocol, *, history: Past, workers: int | None
) -> list[list[tuple[pl.DataFrame, Replay]]]:
    """Replay planners on each day; those of a month share what its past days are expected to cost.

    Args:
        policies: of `DAY_PLANNERS`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh, load_forecast, pv_forecast` of
            whole days, in order.
        site: battery, limits, tariff, time zone.
        protocol: start, settlement, write budget.
        history: readings that scenarios are taken from, or the scenarios of each day.
        workers: processes at most; None for one per core.

    Returns:
        The slots of each day, and what happened, for each planner.
    """
    months = map_shards(partial(_month, policies, site, protocol, history), _months(slots), workers=workers)
    return [[day for month in months for day in month[place]] for place in range(len(policies))]


def _months(slots: pl.DataFrame) -> list[Month]:
    """The slots cut into months."""
    days = slots["local_day"].unique().sort()
    months: list[Month] = []
    for _, part in slots.group_by(pl.col("local_day").dt.month_start(), maintain_order=True):
        before = days.filter(days < part["local_day"][0]).tail(SIMILAR_DAYS)
        months.append(Month(part, slots.filter(pl.col("local_day").is_in(before.implode()))))
    return months


def _month(
    policies: Sequence[str], site: Site, protocol: Protocol, history: Past, month: Month
) -> list[list[tuple[pl.DataFrame, Replay]]]:
    """Replay a month's days with each planner."""
    known = pl.concat([month.before, month.slots])
    scenarios = scenarios_by_day(history, known, site.timezone)
    curves: dict[date, DayCurve] = {}
    return [
        _planner_month(DAY_PLANNERS[policy](site, protocol), PeakTracker(site, protocol, scenarios, curves), month)
        for policy in policies
    ]


def _planner_month(
    planner: Callable[[DayStart], Decide], tracker: PeakTracker, month: Month
) -> list[tuple[pl.DataFrame, Replay]]:
    """Replay a month's days, each knowing the peaks before it."""
    site, protocol = tracker.site, tracker.protocol
    past_days = month.before.partition_by("local_day", maintain_order=True)
    replayed: list[tuple[pl.DataFrame, Replay]] = []
    for slots in month.slots.partition_by("local_day", maintain_order=True):
        day = cast("date", slots["local_day"][0])
        tracker.begin_day(day)
        power = tracker.prices(slots["slot_start"], past_days, slots)
        day_start = _day_start(slots, tracker.scenarios[day], site, protocol, power)
        start = np.array([protocol.start_soc_kwh])
        replay = simulate(planner(day_start), day_start.world, site, start)
        tracker.end_day(slots.select("slot_start").with_columns(import_kwh=pl.Series(replay.flows.import_kwh[0])))
        past_days = [*past_days, slots][-SIMILAR_DAYS:]
        replayed.append((slots.drop(_FORECASTS), replay))
    return replayed


def _day_start(
    slots: pl.DataFrame,
    scenarios: Scenarios,
    site: Site,
    protocol: Protocol,
    power: SlotPrices,
) -> DayStart:
    world = world_of(slots, slots.height)
    load_forecast, pv_forecast = (np.nan_to_num(slots[name].cast(pl.Float64).to_numpy()) for name in _FORECASTS)
    return DayStart(
        world=world,
        load_forecast=load_forecast,
        pv_forecast=pv_forecast,
        scenarios=scenarios,
        power=power,
        settlement=protocol.settlement(world.import_price[0], site.battery),
        targets=scheduled_targets(site, slots["slot_start"], world.import_price, world.export_price),
    )


class _MpcDays:
    """MPC, day after day."""

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site, self.protocol = site, protocol
        self.programs = ExactPrograms(site)

    def __call__(self, day_start: DayStart) -> Decide:
        """The decisions of a day."""
        world, site = day_start.world, self.site
        span = known_span(
            site=site,
            prices=(world.import_price[0], world.export_price[0]),
            forecasts=(day_start.load_forecast, day_start.pv_forecast),
            end_value=day_start.settlement * soc_grid(site.battery),
            scenarios=day_start.scenarios,
            power=day_start.power,
            targets=day_start.targets,
        )
        steadiness = WriteBudget(site, self.protocol.write_budget)
        program = exact_program(site, world.load_kwh.shape[1])
        mpc = Mpc(site, span, budget=steadiness, program=program, programs=self.programs)

        def decide(slot: int, soc_kwh: Energy) -> Command:
            last = (world.load_kwh[0, slot - 1], world.pv_kwh[0, slot - 1]) if slot > 0 else (None, None)
            return mpc.command(slot, float(soc_kwh[0]), *last)

        return decide


class _ValueDays:
    """The policy `value`, day after day."""

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site, self.protocol = site, protocol

    def __call__(self, day_start: DayStart) -> Decide:
        """The decisions of a day."""
        world, site = day_start.world, self.site
        days = ValueDays(
            site=site,
            scenarios=day_start.scenarios,
            import_price=world.import_price,
            export_price=world.export_price,
            end_value=day_start.settlement * soc_grid(site.battery)[None],
            power=day_start.power,
            targets=day_start.targets,
        )

        def decide(slot: int, soc_kwh: Energy) -> Decision:
            last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)
            return days.command(slot, soc_kwh, *last)

        return decide


Planner: TypeAlias = Callable[[Site, Protocol], Callable[[DayStart], Decide]]
DAY_PLANNERS: dict[str, Planner] = {"mpc": _MpcDays, "value": _ValueDays}
