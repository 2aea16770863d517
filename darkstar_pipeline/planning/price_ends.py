"""The value of stored energy at the end of a plan: by the forecast of the day after the published prices."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.planning_data import PlanningData
from env.battery import Battery
from env.simulator import World
from env.site import Site
from env.time_grid import day_start, days_between, local_day, slot_count
from planner.plans.task import End
from planner.policies.window import Window
from planner.value.end_of_prices import SETTLEMENT, EndOfPrices, end_of_prices
from planner.value.overnight_value import END_DAYS
from planner.value.terminal_value import concave_terminal_value
from planner.value.value_function import soc_grid

_WORLD = ("load_kwh", "pv_kwh", "import_price", "export_price")


def plan_end(data: PlanningData, window: Window, memo: Memo) -> EndOfPrices:
    """Return the value of stored energy at the end of the published prices; worked out anew where an input changed.

    A home that says what a stored kWh is worth (`protocol.settlement_value`) keeps that. The last day's own prices
    settle where it has prices in part, and where the contract bills the mean of a month, which no day's forecast is.
    """
    last = window.slots.filter(pl.col("local_day") == pl.col("local_day").max())
    published: date = last["local_day"][0]
    whole = last.height == slot_count(published, window.site.timezone)
    if not whole or window.protocol.settlement_value is not None or bills_months(window.site, published):
        grid = soc_grid(window.site.battery)
        return EndOfPrices(window.settlement_value * (grid - grid[0]), SETTLEMENT)

    def work_out() -> EndOfPrices:
        return end_of_prices(
            published,
            window.scenarios[data.today],
            past_days(data.past.history, data.market.recent, window.site),
            window.settlement_value,
            prices=data.market.forecaster,
            site=window.site,
            protocol=window.protocol,
        )

    return memo.get("end of prices", (data.past, data.market, published), work_out)


def bills_months(site: Site, published: date) -> bool:
    """Return whether a month's mean is billed on the day after the last published one, or on a past one that counts."""
    first = max(published - timedelta(days=END_DAYS + 1), _first_billed(site))
    return any(site.tariff.in_force(day).monthly_mean for day in days_between(first, published + timedelta(days=1)))


def _first_billed(site: Site) -> date:
    return site.tariff.versions[0].valid_from


def end_condition(end: EndOfPrices, settlement_value: float, battery: Battery) -> End:
    """Return the end of a plan with that value of stored energy, whatever the battery holds."""
    if end.basis == SETTLEMENT:
        return End(value=settlement_value)
    curve = concave_terminal_value(end.values, battery).spanning(0.0, battery.capacity_kwh)
    return End(curve=curve, basis=end.basis)


def past_days(history: pl.DataFrame, prices: pl.DataFrame, site: Site) -> Sequence[World]:
    """Return the days that have a reading, a price and a tariff in every slot, in order."""
    read = history.with_columns(pl.col("pv_kwh").fill_null(0.0)).join(prices, on="slot_start", how="inner")
    billed = read.filter(pl.col("slot_start") >= day_start(_first_billed(site), site.timezone)).sort("slot_start")
    slots = site.tariff.with_prices(billed, site.timezone).with_columns(local_day(site.timezone))
    whole = slots.drop_nulls(_WORLD).partition_by("local_day", maintain_order=True, as_dict=True)
    return [
        World(*(frame[name].to_numpy()[None] for name in _WORLD))
        for (day,), frame in whole.items()
        if frame.height == slot_count(day, site.timezone)
    ]
