"""Homes that are planned together, ready to be planned: starts, forecasts, scenarios and ends from their inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, days_by_clock
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.planning.price_ends import bills_months, end_condition
from env.inverter import Energy
from env.simulator import World
from env.time_grid import slot_count
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.past_ends import past_ends
from planner.value.end_of_prices import SETTLEMENT, EndOfPrices
from planner.value.scenario_source import SCENARIO_DAYS, filled_gaps
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios, stretched
from planner.value.value_function import soc_grid

SocSource = Literal["observed", "projected", "protocol"]


@dataclass(frozen=True, eq=False)
class PreparedHomes:
    """Homes that are planned together, ready to be planned.

    Attributes:
        ahead: their slots ahead.
        soc_sources: where each home's stored energy at the start is from.
        ends: what each home's end is valued by.
    """

    ahead: HomesAhead
    soc_sources: Sequence[SocSource]
    ends: Sequence[str]


def prepared(
    inputs: HomesInputs, group: PricedHomes, expected_percent: Mapping[str, float], rules: WeightRules = NAIVE
) -> PreparedHomes:
    """Return homes ready to be planned.

    Args:
        inputs: of the homes.
        group: the homes, with their prices.
        expected_percent: state of charge that earlier plans expect now, for homes whose battery was not read [%].
        rules: number of days back that are scenarios, and their prior probabilities.
    """
    start_kwh, sources = _starts(inputs, group, expected_percent)
    ends, battery = _ends(inputs, group), group.classes[0].site.battery
    settled = group.settlement_values
    ahead = HomesAhead(
        names=tuple(inputs.names[home] for home in group.homes),
        site=group.classes[0].site,
        slot_starts=inputs.moment.slots["slot_start"][group.opened : group.end],
        world=_world(inputs, group, slice(group.opened, group.end)),
        scenarios=_scenarios(inputs, group, rules),
        current_slot=inputs.moment.current - group.opened,
        start_soc_kwh=start_kwh,
        end_values=np.stack([end.values for end in ends]),
        ends=[end_condition(end, float(value), battery) for end, value in zip(ends, settled, strict=True)],
    )
    return PreparedHomes(ahead, sources, [end.basis for end in ends])


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


def _scenarios(inputs: HomesInputs, group: PricedHomes, rules: WeightRules) -> Scenarios:
    """Return the days before today as scenarios of the span: tomorrow is like today."""
    today = todays_scenarios(inputs, group, rules)
    load, pv = (_spanned(table, inputs, group) for table in (today.load_kwh, today.pv_kwh))
    return Scenarios(load, pv, today.prior)


def todays_scenarios(inputs: HomesInputs, group: PricedHomes, rules: WeightRules = NAIVE) -> Scenarios:
    """Return the days before today as scenarios of today from its midnight on."""
    moment, homes = inputs.moment, list(group.homes)
    n_today = moment.tomorrow - moment.midnight
    if rules.n_days == SCENARIO_DAYS:
        pasts = inputs.load_past[homes], inputs.pv_past[homes]
    else:
        pasts = tuple(days_by_clock(moment, read[homes], rules.n_days) for read in (inputs.load_read, inputs.pv_read))
    load, pv = (
        filled_gaps(past, np.nan_to_num(ahead[homes, None, :n_today]))
        for past, ahead in zip(pasts, (inputs.load_ahead, inputs.pv_ahead), strict=True)
    )
    prior = rules.prior()
    return Scenarios(load, pv, None if prior is None else np.broadcast_to(prior, load.shape[:2]))


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
