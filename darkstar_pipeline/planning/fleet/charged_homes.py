"""Plans of homes that pay for power: together where their slots are charged alike, each with its own month's peaks."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.datasets.month_before import metered_imports
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, HomesRows, todays_scenarios
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.planning.fleet.slot_tables import SlotTables
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.inverter import Energy
from env.power_tariff import MonthState, month_states
from planner.demand_charges.day_curves import DayCurve, homes_curves
from planner.demand_charges.peak_tracker import PeakTracker, lone_component
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.homes_charges import HomesCharges
from planner.fleet.value_plans import HomesPlans, plan_homes
from planner.optimizer.peak_calendar import horizon_demand_charges
from planner.parallel import alike
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices


def plan_charged(rows: HomesRows, inputs: HomesInputs, group: PricedHomes, homes: HomesAhead) -> HomesPlans:
    """Return the plans of homes that pay for power, each as it would be made alone.

    Args:
        rows: the tables of the homes, which the month's imports are read from.
        inputs: of the homes that are planned together.
        group: the homes.
        homes: the same as they would be planned without the charge.
    """
    moment, starts = inputs.moment, homes.slot_starts
    month = _Month.read(rows, inputs, group, homes)
    prices = _prices(inputs, group, homes, month.states)
    ahead, timezone = starts[homes.current_slot :], moment.timezone
    order: list[int] = []
    parts: list[HomesPlans] = []
    for places in alike(range(len(homes.names)), lambda place: prices[place].form):
        first, *others = [prices[place] for place in places]
        charges = HomesCharges(
            power=first.joined(others),
            demands=[horizon_demand_charges(ahead, group.charges, timezone, month.states[place]) for place in places],
            metered_kwh=month.import_kwh[places],
        )
        order += places
        parts.append(plan_homes(homes.charged(places, charges)))
    return HomesPlans.joined(parts).part([order.index(place) for place in range(len(order))])


class _Month(NamedTuple):
    """The metered month of homes.

    Attributes:
        states: of each home and component.
        import_kwh: of the span's slots that are over, NaN where there is none `(n_homes, n)` [kWh].
    """

    states: list[tuple[MonthState, ...]]
    import_kwh: Energy

    @classmethod
    def read(cls, rows: HomesRows, inputs: HomesInputs, group: PricedHomes, homes: HomesAhead) -> "_Month":
        """Read the month: as metered, else the net load; what was not read counts as no import."""
        moment, names = inputs.moment, list(homes.names)
        read = rows.read(METER_READINGS, moment.today.replace(day=1), moment.today)
        imported = metered_imports(read.filter(pl.col("site").is_in(names)))
        known = imported.with_columns(pl.col("import_kwh").fill_null(0.0))
        by_component = [
            month_states(known, component, moment.timezone, moment.start, names) for component in group.charges
        ]
        (table,) = SlotTables(moment, names).tables(imported, ["import_kwh"])
        return cls(list(zip(*by_component, strict=True)), table[:, group.opened : moment.current])


def _prices(
    inputs: HomesInputs, group: PricedHomes, homes: HomesAhead, states: Sequence[Sequence[MonthState]]
) -> list[SlotPrices]:
    """Return each home's charge as prices of the span's slots, by its level of today."""
    moment, own = inputs.moment, group.classes[0]
    span = slice(moment.midnight, min(moment.tomorrow, group.end))
    calendar = moment.slots.slice(span.start, span.stop - span.start).select("slot_start", "local_day")
    scenarios = todays_scenarios(inputs, group.homes).head(calendar.height)
    curves = _curves(calendar, scenarios, group, span)
    prices: list[SlotPrices] = []
    for place, months in enumerate(states):
        tracker = PeakTracker(
            own.site, own.protocol, {moment.today: scenarios.part(slice(place, place + 1))}, curves[place]
        )
        tracker.begin_day(moment.today)
        tracker.know(months)
        today = calendar.with_columns(
            import_price=pl.Series(group.import_price[place, span]),
            export_price=pl.Series(group.export_price[place, span]),
        )
        peaks = [month.today_kw for month in months]
        prices.append(tracker.prices(homes.slot_starts, [], today, today_kw=peaks))
    return prices


def _curves(
    calendar: pl.DataFrame, scenarios: Scenarios, group: PricedHomes, span: slice
) -> list[dict[date, DayCurve]]:
    """Return what today is expected to cost below each level; none where the level takes a month's programs."""
    lone = lone_component(group.charges, group.today)
    if lone is None:
        return [{} for _ in group.homes]
    found = homes_curves(
        calendar["slot_start"],
        scenarios,
        group.import_price[:, span],
        group.export_price[:, span],
        tariff=group.charges[lone],
        site=group.classes[0].site,
        protocol=group.classes[0].protocol,
    )
    return [{group.today: curve} for curve in found]
