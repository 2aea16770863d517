"""Homes that are planned together, ready to be planned: starts, forecasts, scenarios and ends from their inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from darkstar_pipeline.planning.fleet.homes_ends import HomesEnds
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, todays_scenarios
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.planning.price_ends import end_condition
from env.inverter import Energy
from env.simulator import World
from planner.fleet.homes_ahead import HomesAhead
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios, stretched

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
    inputs: HomesInputs,
    group: PricedHomes,
    expected_percent: Mapping[str, float],
    valued: HomesEnds,
    rules: WeightRules = NAIVE,
) -> PreparedHomes:
    """Return homes ready to be planned.

    Args:
        inputs: of the homes.
        group: the homes, with their prices.
        expected_percent: state of charge that earlier plans expect now, for homes whose battery was not read [%].
        valued: values of stored energy at the end.
        rules: number of days back that are scenarios, and their prior probabilities.
    """
    start_kwh, sources = _starts(inputs, group, expected_percent)
    ends, battery = valued.of(inputs, group), group.classes[0].site.battery
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
    today = todays_scenarios(inputs, group.homes, rules)
    load, pv = (_spanned(table, inputs, group) for table in (today.load_kwh, today.pv_kwh))
    return Scenarios(load, pv, today.prior)


def _spanned(today: Energy, inputs: HomesInputs, group: PricedHomes) -> Energy:
    moment = inputs.moment
    rest = today[:, :, group.opened - moment.midnight : group.end - moment.midnight]
    return np.concatenate([rest, stretched(today, max(group.end - moment.tomorrow, 0))], axis=2)
