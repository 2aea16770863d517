"""The monthly protocol: daily episodes with a demand charge, the days of a month one after the other.

Every day starts from the same stored energy as ever; what it takes over from the days before in its month are their
peaks, and the level that is worth keeping below (`planner.demand_charges.peak_tracker`). A range that begins inside a
month goes on from the peaks of the month's days before it, as the protocol has them (`Protocol.month_before`).

Months know nothing of each other, of one home or of several: `value` replays the first days of a year's months
together, then their second ones, bit for bit what each month has by itself; those of other planners go to separate
processes.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import polars as pl

from env.home_rows import ALONE, HOME
from env.inverter import Command, Decision, Energy
from env.power_tariff import PowerTariff
from env.simulator import Decide, Replay, World, simulate
from env.site import Site
from planner.care.soc_targets import SocTargets, scheduled_targets
from planner.demand_charges.day_charges import homes_peaks_by_day
from planner.demand_charges.day_curves import DayCurve, curves_by_day
from planner.demand_charges.peak_tracker import SIMILAR_DAYS, PeakTracker, lone_component
from planner.parallel import alike, map_shards
from planner.policies.mpc import ExactPrograms, Mpc, exact_program, known_span
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import WriteBudget
from planner.policy_names import TOGETHER
from planner.replay.schedules import slot_table, world_of
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past, scenarios_by_day
from planner.value.scenarios import Scenarios, joined_scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_function import soc_grid

MONTHS_TOGETHER = 12
HOMES_MONTHS_TOGETHER = 100
"""Months of homes that are replayed together: the value functions of their days take 200 MB."""
HomeDay: TypeAlias = tuple[str, date]
"""A home's name and a local day."""
_FORECASTS = ("load_forecast", "pv_forecast")


@dataclass(frozen=True)
class Month:
    """The days of a home's month that are replayed, and some before them.

    Attributes:
        slots: of the days.
        before: of the days before, at most `SIMILAR_DAYS`.
        home: name of the home, where there are several.
    """

    slots: pl.DataFrame
    before: pl.DataFrame
    home: str = ALONE


@dataclass(frozen=True, kw_only=True)
class DayStart:
    """Days that begin, with equally many slots and charged alike; each of another month.

    Attributes:
        world: what will happen `(n_days, n_slots)`; the planner reads it slot by slot.
        load_forecast: `(n_days, n_slots)` [kWh].
        pv_forecast: `(n_days, n_slots)` [kWh].
        scenarios: of the days.
        power: demand charge of their slots, with each day's level.
        settlement: value of a stored kWh at their ends `(n_days,)` [money/kWh].
        targets: reserve and care of their slots; None for a site without.
    """

    world: World
    load_forecast: Energy
    pv_forecast: Energy
    scenarios: Scenarios
    power: SlotPrices
    settlement: Energy
    targets: SocTargets | None


class _Begun(NamedTuple):
    """A day of a month at its start."""

    place: int
    slots: pl.DataFrame
    scenarios: Scenarios
    power: SlotPrices

    @property
    def form(self) -> Hashable:
        """The key that days replayed together share."""
        return self.scenarios.form, self.power.form


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
        For each planner: the slots of days that were replayed together, and what happened.
    """
    together = MONTHS_TOGETHER if set(policies) <= TOGETHER else 1
    months = _months(slots)
    pieces = [months[first : first + together] for first in range(0, len(months), together)]
    found = map_shards(partial(_replayed_months, policies, site, protocol, history), pieces, workers=workers)
    return [[days for piece in found for days in piece[place]] for place in range(len(policies))]


def replay_homes_months(
    homes: Mapping[str, tuple[Site, Protocol]], slots: pl.DataFrame, scenarios: Mapping[HomeDay, Scenarios]
) -> list[tuple[pl.DataFrame, Replay]]:
    """Replay `value` on days of several homes, as `replay_months` does for each.

    Args:
        homes: by name; alike but for their names, prices and the peaks of their months before.
        slots: as for `replay_months`, with `site`.
        scenarios: of each home and day.
    """
    own = {str(name): rows for (name,), rows in slots.partition_by(HOME, as_dict=True).items()}
    months = [month for name, rows in own.items() for month in _months(rows, name)]
    replayed: list[tuple[pl.DataFrame, Replay]] = []
    by_home: dict[str, dict[date, Scenarios]] = {name: {} for name in own}
    for (name, day), known in scenarios.items():
        by_home[name][day] = known
    for first in range(0, len(months), HOMES_MONTHS_TOGETHER):
        part = months[first : first + HOMES_MONTHS_TOGETHER]
        site, protocol = homes[part[0].home]
        curves = _curves(part, scenarios, site, protocol)
        trackers = [
            PeakTracker(*homes[month.home], by_home[month.home], known)
            for month, known in zip(part, curves, strict=True)
        ]
        replayed += _planner_months("value", trackers, part, site, protocol)
    return replayed


def _months(slots: pl.DataFrame, home: str = ALONE) -> list[Month]:
    """The slots of a home cut into months."""
    days = slots["local_day"].unique().sort()
    months: list[Month] = []
    for _, part in slots.group_by(pl.col("local_day").dt.month_start(), maintain_order=True):
        before = days.filter(days < part["local_day"][0]).tail(SIMILAR_DAYS)
        months.append(Month(part, slots.filter(pl.col("local_day").is_in(before.implode())), home))
    return months


def _replayed_months(
    policies: Sequence[str], site: Site, protocol: Protocol, history: Past, months: Sequence[Month]
) -> list[list[tuple[pl.DataFrame, Replay]]]:
    """Replay months that follow one another with each planner, their first days together, then their second ones."""
    known = pl.concat([months[0].before, *(month.slots for month in months)])
    scenarios = scenarios_by_day(history, known, site.timezone)
    curves = _curves(months, {(ALONE, day): own for day, own in scenarios.items()}, site, protocol)
    return [
        _planner_months(
            policy, [PeakTracker(site, protocol, scenarios, dict(own)) for own in curves], months, site, protocol
        )
        for policy in policies
    ]


def _curves(
    months: Sequence[Month], scenarios: Mapping[HomeDay, Scenarios], site: Site, protocol: Protocol
) -> list[dict[date, DayCurve]]:
    """Return the curves of each month's past days; of a day that is past in two months they are worked out once."""
    components: list[PowerTariff | None] = []
    wanted: dict[PowerTariff, dict[HomeDay, pl.DataFrame]] = {}
    for month in months:
        first = cast("date", month.slots["local_day"][0])
        tariffs = site.tariff.charges_of(first)
        place = lone_component(tariffs, first)
        components.append(None if place is None else tariffs[place])
        if place is not None:
            days = month.before.vstack(month.slots).partition_by("local_day", maintain_order=True)
            past = {(month.home, cast("date", day["local_day"][0])): day for day in days[:-1]}
            wanted.setdefault(tariffs[place], {}).update(past)
    found = {component: curves_by_day(days, scenarios, component, site, protocol) for component, days in wanted.items()}
    return [
        {} if component is None else {day: curve for (home, day), curve in found[component].items() if home == own.home}
        for component, own in zip(components, months, strict=True)
    ]


def _planner_months(
    policy: str, trackers: Sequence[PeakTracker], months: Sequence[Month], site: Site, protocol: Protocol
) -> list[tuple[pl.DataFrame, Replay]]:
    """Replay the days of months, each knowing its month's peaks before it."""
    planner = DAY_PLANNERS[policy](site, protocol)
    by_day = [month.slots.partition_by("local_day", maintain_order=True) for month in months]
    past = [month.before.partition_by("local_day", maintain_order=True) for month in months]
    replayed: list[tuple[pl.DataFrame, Replay]] = []
    for number in range(max(len(days) for days in by_day)):
        begun = [
            _begin(place, trackers[place], past[place], days[number])
            for place, days in enumerate(by_day)
            if number < len(days)
        ]
        for together in alike(begun, lambda day: day.form if policy in TOGETHER else day.place):
            day_start = _day_start(together, site, protocol)
            start = np.full(len(together), protocol.start_soc_kwh)
            replay = simulate(planner(day_start), day_start.world, site, start)
            _end([trackers[day.place] for day in together], together, replay.flows.import_kwh)
            replayed.append((pl.concat([day.slots for day in together]).drop(_FORECASTS), replay))
        for day in begun:
            past[day.place] = [*past[day.place], day.slots][-SIMILAR_DAYS:]
    return replayed


def _begin(place: int, tracker: PeakTracker, past_days: Sequence[pl.DataFrame], slots: pl.DataFrame) -> _Begun:
    """Begin a day of a month, with the level that is worth keeping below."""
    day = cast("date", slots["local_day"][0])
    tracker.begin_day(day)
    power = tracker.prices(slots["slot_start"], past_days, slots)
    return _Begun(place, slots, tracker.scenarios[day], power)


def _end(trackers: Sequence[PeakTracker], days: Sequence[_Begun], import_kwh: Energy) -> None:
    """End days and count their peaks; imports `(n_days, n_slots)` [kWh]."""
    for tariffs in dict.fromkeys(tracker.tariffs for tracker in trackers):
        charged = [place for place, tracker in enumerate(trackers) if tracker.tariffs == tariffs]
        slots = pl.concat(
            days[place].slots.select(
                pl.lit(str(place)).alias(HOME), "slot_start", import_kwh=pl.Series(import_kwh[place])
            )
            for place in charged
        )
        by_component = [homes_peaks_by_day(slots, tariff, trackers[0].site.timezone) for tariff in tariffs]
        for place in charged:
            day = cast("date", trackers[place].day)
            trackers[place].count(tuple(known.get((str(place), day), ()) for known in by_component))


def _day_start(days: Sequence[_Begun], site: Site, protocol: Protocol) -> DayStart:
    """Return days of one form as they begin."""
    slots, power = pl.concat([day.slots for day in days]), days[0].power
    n_slots = days[0].slots.height
    world = world_of(slots, n_slots)
    load_forecast, pv_forecast = (np.nan_to_num(slot_table(slots, name, n_slots)) for name in _FORECASTS)
    if len(days) > 1:
        power = power.joined([day.power for day in days[1:]])
    return DayStart(
        world=world,
        load_forecast=load_forecast,
        pv_forecast=pv_forecast,
        scenarios=joined_scenarios([day.scenarios for day in days]),
        power=power,
        settlement=np.array([protocol.settlement(prices, site.battery) for prices in world.import_price]),
        targets=scheduled_targets(site, slots["slot_start"], world.import_price, world.export_price),
    )


class _MpcDays:
    """MPC, day after day."""

    def __init__(self, site: Site, protocol: Protocol) -> None:
        self.site, self.protocol = site, protocol
        self.programs = ExactPrograms(site)

    def __call__(self, day_start: DayStart) -> Decide:
        """The decisions of a single day."""
        world, site = day_start.world, self.site
        span = known_span(
            site=site,
            prices=(world.import_price[0], world.export_price[0]),
            forecasts=(day_start.load_forecast[0], day_start.pv_forecast[0]),
            end_value=day_start.settlement[0] * soc_grid(site.battery),
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
        """The decisions of days."""
        world, site = day_start.world, self.site
        days = ValueDays(
            site=site,
            scenarios=day_start.scenarios,
            import_price=world.import_price,
            export_price=world.export_price,
            end_value=day_start.settlement[:, None] * soc_grid(site.battery),
            power=day_start.power,
            targets=day_start.targets,
        )

        def decide(slot: int, soc_kwh: Energy) -> Decision:
            last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)
            return days.command(slot, soc_kwh, *last)

        return decide


Planner: TypeAlias = Callable[[Site, Protocol], Callable[[DayStart], Decide]]
DAY_PLANNERS: dict[str, Planner] = {"mpc": _MpcDays, "value": _ValueDays}
