"""Plans of many homes: those alike are planned together, one bad home never stops the others."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import numpy as np

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.planning.fleet.charged_homes import plan_charged
from darkstar_pipeline.planning.fleet.home_classes import HomeClass, home_classes
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, HomesRows, read_inputs
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes, priced
from darkstar_pipeline.planning.price_ends import bills_months, end_condition
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from env.inverter import Energy
from env.simulator import World
from env.time_grid import slot_count
from planner.fault_isolation import isolated
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.past_ends import past_ends
from planner.fleet.value_plans import HomesPlans, plan_homes
from planner.value.end_of_prices import SETTLEMENT, EndOfPrices
from planner.value.scenario_source import filled_gaps
from planner.value.scenarios import Scenarios, stretched
from planner.value.value_function import soc_grid

MOST_HOMES = 100
"""Homes planned together: more gain nothing, and take 0.5 MB each."""
Problem = Literal["", "settings", "no_price", "no_readings", "failed"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
SocSource = Literal["observed", "projected", "protocol"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PlannedHomes:
    """Homes with plans that were made together.

    Attributes:
        names: of the homes, in the order of `plans`.
        classes: of each home.
        plans: their schedules, with their costs.
        soc_sources: where each home's stored energy at the start is from.
        ends: what each home's end is valued by.
    """

    names: Sequence[str]
    classes: Sequence[HomeClass]
    plans: HomesPlans
    soc_sources: Sequence[SocSource]
    ends: Sequence[str]


@dataclass(frozen=True, eq=False)
class FleetPlans:
    """The plans of many homes, and why the other homes have none.

    Attributes:
        planned: plans in the groups they were made in.
        problems: reason and details, by home.
    """

    planned: Sequence[PlannedHomes]
    problems: Mapping[str, tuple[Problem, str]]


def plan_many(
    rows: HomesRows,
    homes: Mapping[str, SiteSettings],
    at: datetime,
    *,
    expected_percent: Mapping[str, float],
) -> FleetPlans:
    """Return the plans of homes from the slot of a moment to the last published price.

    Args:
        rows: the tables of the homes.
        homes: settings by name.
        at: the moment.
        expected_percent: state of charge that earlier plans expect now, for homes whose battery was not read [%].

    Raises:
        LakeUnreadableError: a table cannot be read.
        OutsideServiceError: the store failed.
    """
    problems: dict[str, tuple[Problem, str]] = {}
    planned: list[PlannedHomes] = []
    for inputs in read_inputs(rows, home_classes(homes), at):
        classes = home_classes({name: homes[name] for name in inputs.names})
        groups, without = _groups(rows, inputs, classes)
        problems |= without
        for group in groups:
            planned += _planned(rows, inputs, group, expected_percent, problems)
    return FleetPlans(planned, problems)


def _groups(
    rows: HomesRows, inputs: HomesInputs, classes: Mapping[str, HomeClass]
) -> tuple[list[PricedHomes], dict[str, tuple[Problem, str]]]:
    """Return homes that can be planned together, and those that cannot be planned."""
    problems: dict[str, tuple[Problem, str]] = {}
    together: dict[tuple[object, ...], list[int]] = {}
    for home, name in enumerate(inputs.names):
        end = _priced_until(inputs.spot[home], inputs.moment.current)
        if end == inputs.moment.current:
            problems[name] = ("no_price", "")
        elif not np.isfinite(inputs.load_ahead[home]).any():
            problems[name] = ("no_readings", "")
        else:
            own = classes[name]
            key = (*own.alike, end, bool(own.site.tariff.charges_of(inputs.moment.today)))
            together.setdefault(key, []).append(home)
    made: list[PricedHomes] = []
    for key, members in together.items():
        for first in range(0, len(members), MOST_HOMES):
            part = members[first : first + MOST_HOMES]
            own = [classes[inputs.names[home]] for home in part]
            made.append(priced(rows, inputs, part, own, end=int(str(key[-2])), charged=bool(key[-1])))
    return made, problems


def _priced_until(spot: Energy, current: int) -> int:
    """Return the index behind the last slot from the current one on that has a price without a gap."""
    missing = np.flatnonzero(~np.isfinite(spot[current:]))
    return current + (int(missing[0]) if len(missing) else len(spot) - current)


def _planned(
    rows: HomesRows,
    inputs: HomesInputs,
    group: PricedHomes,
    expected_percent: Mapping[str, float],
    problems: dict[str, tuple[Problem, str]],
) -> list[PlannedHomes]:
    """Return the plans of a group; of homes whose planning fails, what is wrong is noted instead."""

    def planned(places: Sequence[int]) -> PlannedHomes:
        return _plan_group(rows, inputs, group.part(slice(places[0], places[-1] + 1)), expected_percent)

    made, failed = isolated(planned, range(len(group.homes)), fatal=(LakeUnreadableError, OutsideServiceError))
    for place, error in failed:
        name = inputs.names[group.homes[place]]
        _log.warning("no plan for %s: %s", name, error, exc_info=error)
        problems[name] = ("failed", f"{type(error).__name__}: {error}")
    return made


def _plan_group(
    rows: HomesRows, inputs: HomesInputs, group: PricedHomes, expected_percent: Mapping[str, float]
) -> PlannedHomes:
    names = [inputs.names[home] for home in group.homes]
    start_kwh, sources = _starts(inputs, group, expected_percent)
    ends = _ends(inputs, group)
    battery = group.classes[0].site.battery
    settled = group.settlement_values
    homes = HomesAhead(
        names=tuple(names),
        site=group.classes[0].site,
        slot_starts=inputs.moment.slots["slot_start"][group.opened : group.end],
        world=_world(inputs, group, slice(group.opened, group.end)),
        scenarios=_scenarios(inputs, group),
        current_slot=inputs.moment.current - group.opened,
        start_soc_kwh=start_kwh,
        end_values=np.stack([end.values for end in ends]),
        ends=[end_condition(end, float(value), battery) for end, value in zip(ends, settled, strict=True)],
    )
    plans = plan_charged(rows, inputs, group, homes) if group.charged else plan_homes(homes)
    return PlannedHomes(names, group.classes, plans, sources, [end.basis for end in ends])


def _starts(
    inputs: HomesInputs, group: PricedHomes, expected_percent: Mapping[str, float]
) -> tuple[Energy, list[SocSource]]:
    """Return stored energy at the start [kWh], and where each figure is from."""
    start, sources = np.empty(len(group.homes)), list[SocSource]()
    for index, (home, own) in enumerate(zip(group.homes, group.classes, strict=True)):
        read, expected = float(inputs.soc_percent[home]), expected_percent.get(inputs.names[home])
        if np.isfinite(read):
            start[index] = own.site.battery.stored_kwh(read)
            sources.append("observed")
        elif expected is not None:
            start[index] = own.site.battery.stored_kwh(expected)
            sources.append("projected")
        else:
            start[index] = own.protocol.start_soc_kwh
            sources.append("protocol")
    return start, sources


def _world(inputs: HomesInputs, group: PricedHomes, span: slice) -> World:
    """Return prices of a span with what was read of the slots that are over, and what is expected of the others."""
    moment, homes = inputs.moment, list(group.homes)
    tables: list[Energy] = []
    for read, ahead in ((inputs.load_read, inputs.load_ahead), (inputs.pv_read, inputs.pv_ahead)):
        expected = np.nan_to_num(ahead[homes, span.start - moment.midnight : span.stop - moment.midnight])
        known = read[homes, span]
        over = max(moment.current - span.start, 0)
        expected[:, :over] = np.where(np.isfinite(known[:, :over]), known[:, :over], expected[:, :over])
        tables.append(expected)
    load, pv = tables
    return World(load, pv, group.import_price[:, span], group.export_price[:, span])


def _scenarios(inputs: HomesInputs, group: PricedHomes) -> Scenarios:
    """Return the days before today as scenarios of the span: tomorrow is like today."""
    moment, homes = inputs.moment, list(group.homes)
    n_today = moment.tomorrow - moment.midnight
    load, pv = (
        _spanned(filled_gaps(past[homes], np.nan_to_num(ahead[homes, None, :n_today])), inputs, group)
        for past, ahead in ((inputs.load_past, inputs.load_ahead), (inputs.pv_past, inputs.pv_ahead))
    )
    return Scenarios(load, pv)


def _spanned(today: Energy, inputs: HomesInputs, group: PricedHomes) -> Energy:
    moment = inputs.moment
    rest = today[:, :, group.opened - moment.midnight : group.end - moment.midnight]
    return np.concatenate([rest, stretched(today, max(group.end - moment.tomorrow, 0))], axis=2)


def _ends(inputs: HomesInputs, group: PricedHomes) -> list[EndOfPrices]:
    """Return the value of energy left at the end: as the last days had it, else as the last day's prices settle it."""
    moment, own = inputs.moment, group.classes[0]
    grid_kwh, settled = soc_grid(own.site.battery), group.settlement_values
    last_day = moment.slots["local_day"][group.end - 1]
    last = int((moment.slots["local_day"] < last_day).sum())
    whole = group.end - last == slot_count(last_day, moment.timezone)
    if not whole or own.protocol.settlement_value is not None:
        return [EndOfPrices(value * (grid_kwh - grid_kwh[0]), SETTLEMENT) for value in settled]
    past = [
        [] if bills_months(each.site, last_day) else _past_days(inputs, group, index)
        for index, each in enumerate(group.classes)
    ]
    return past_ends(past, settled, site=own.site, protocol=own.protocol)


def _past_days(inputs: HomesInputs, group: PricedHomes, index: int) -> list[World]:
    """Return the days before today that have a reading and a price in every slot, in order."""
    moment, home = inputs.moment, group.homes[index]
    days = moment.slots["local_day"].head(moment.midnight)
    starts = np.flatnonzero(np.append(True, np.diff(days.to_physical().to_numpy()) != 0))
    worlds: list[World] = []
    for first, end in zip(starts, np.append(starts[1:], moment.midnight), strict=True):
        span = slice(int(first), int(end))
        pv = np.nan_to_num(inputs.pv_read[home, span])
        tables = (inputs.load_read[home, span], pv, group.import_price[index, span], group.export_price[index, span])
        if all(np.isfinite(table).all() for table in tables):
            worlds.append(World(*(table[None] for table in tables)))
    return worlds
