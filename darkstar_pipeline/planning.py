"""Gathers what a plan of a site may know at a moment, and has it made.

Only what was there by then: prices up to the last published day, forecasts of that day's vintage, readings before its
start. What does not belong here: how a plan is made (`planner.plan`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.replay_inputs import home_has_pv, protocol_of
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
)
from env.power_tariff import MonthState, month_state
from env.time_grid import SLOT_DTYPE, day_start, grid, zone
from planner.continuous import PUBLISHED_MINUTE
from planner.episodes import USABLE
from planner.forecasts import naive_forecasts
from planner.plan import Plan, make_plan
from planner.plan_task import End, PlanTask
from planner.planned_loads import LoadRequests

SLOT = timedelta(minutes=15)
MEDIAN = 0.5


@dataclass(frozen=True, kw_only=True)
class SitePlan:
    """A plan of a site, and what it rests on.

    Attributes:
        plan: the plan.
        at: the moment it is for.
        vintage: when its forecast was made.
        forecast: what made the forecast.
        start_soc_source: `option`, `observed` or `protocol`.
    """

    plan: Plan
    at: datetime
    vintage: datetime
    forecast: str
    start_soc_source: str


def plan_at(
    context: Context, at: datetime, *, soc_percent: float | None = None, requests: LoadRequests | None = None
) -> SitePlan:
    """The plan from the slot of a moment to the last slot whose price was published by then.

    Args:
        context: the site.
        at: an instant.
        soc_percent: stored energy then [%]; None takes what was read, or else the protocol's start.
        requests: what is asked of the movable loads; None asks nothing beyond the heater's day.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        NoFeasibleScheduleError: the home's limits contradict each other.
        LoadRequestError: a wish that no plan can mean.
    """
    start = slot_of(at)
    today = at.astimezone(zone(context.timezone)).date()
    prices = _prices(context, start, at, today)
    forecasts = _forecasts(context, today)
    slots = _expected(context, prices, forecasts, start)
    soc_kwh, source = _start_soc(context, start, today, soc_percent)
    site = context.site
    value = protocol_of(context).settlement(slots["import_price"].to_numpy(), site.battery)
    month = _month_so_far(context, start, today)
    asked = requests if requests is not None else LoadRequests()
    task = PlanTask(slots=slots, site=site, start_soc_kwh=soc_kwh, end=End(value=value), requests=asked, month=month)
    return SitePlan(
        plan=make_plan(task),
        at=at,
        vintage=forecasts["vintage"][0],
        forecast=forecasts["model_version"][0],
        start_soc_source=source,
    )


def _month_so_far(context: Context, start: datetime, today: date) -> tuple[MonthState, ...]:
    """The month's peaks before the plan, a state for each component of the charge; from readings, or net load."""
    components = context.site.tariff.in_force(today).power
    if not components:
        return ()
    read = context.lake.read(METER_READINGS, context.site_name, today.replace(day=1), today)
    net = (pl.col("load_kwh") - pl.col("pv_kwh").fill_null(0.0)).clip(lower_bound=0)
    bought = read.select("slot_start", pl.coalesce("import_kwh", net, pl.lit(0.0)).alias("import_kwh"))
    return tuple(month_state(bought, component, context.timezone, start) for component in components)


def slot_of(at: datetime) -> datetime:
    """Start of the slot that holds an instant (UTC)."""
    seconds = at.timestamp() // SLOT.total_seconds() * SLOT.total_seconds()
    return pl.Series([round(seconds * 1e6)]).cast(SLOT_DTYPE)[0]


def _prices(context: Context, start: datetime, at: datetime, today: date) -> pl.DataFrame:
    """`slot_start, price` from the start to the last published slot, without a gap; repaired prices where there are.

    Raises:
        DataMissingError: the first slot has no price.
    """
    clock = at.astimezone(zone(context.timezone))
    published = clock.hour * 60 + clock.minute >= PUBLISHED_MINUTE
    last = today + timedelta(days=1) if published else today
    lake, name = context.lake, context.site_name
    repaired, raw = (
        lake.read(table, name, today, last).select("slot_start", pl.col("price").alias(table.name))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    slots = (
        grid(today, last, context.timezone)
        .join(repaired, on="slot_start", how="left")
        .join(raw, on="slot_start", how="left")
        .select("slot_start", price=pl.coalesce(SPOT_PRICES.name, RAW_SPOT_PRICES.name).fill_nan(None))
        .filter(pl.col("slot_start") >= start)
        .sort("slot_start")
    )
    known = slots.filter(pl.col("price").is_null().cum_sum() == 0)
    if known.is_empty():
        days = lake.days(RAW_SPOT_PRICES, name)
        there = f"prices reach from {days[0]} to {days[-1]}" if days else "there are no prices at all"
        raise DataMissingError(
            f"site {name} has no spot price for {start.isoformat()}; {there}",
            "run `darkstar import prices FILE`, or name a moment with --at",
        )
    return known


def _forecasts(context: Context, today: date) -> pl.DataFrame:
    """The central forecast of today's vintage: the lake's, or made now from readings before midnight.

    Raises:
        DataMissingError: nothing was read before today.
    """
    stored = context.lake.read(SLOT_FORECASTS, context.site_name, today, today).filter(pl.col("quantile") == MEDIAN)
    if stored.height:
        return stored
    settings = context.site_settings.forecast
    reach = max(settings.load_days, settings.pv_days)
    made = naive_forecasts(
        _history(context, today, reach),
        [today],
        context.timezone,
        load_days=settings.load_days,
        pv_days=settings.pv_days,
    )
    if made.is_empty():
        raise DataMissingError(
            f"site {context.site_name} has no readings of the {reach} days before {today} to forecast from",
            "run `darkstar import observations FILE`, or name a moment with --at",
        )
    return made


def _history(context: Context, today: date, reach: int) -> pl.DataFrame:
    """Readings of the days before today, without the days that were graded as not to be used."""
    first, last, lake, name = today - timedelta(days=reach), today - timedelta(days=1), context.lake, context.site_name
    refused = lake.read(DATA_QUALITY_DAILY, name, first, last).filter(~pl.col("status").is_in(USABLE))
    readings = lake.read(METER_READINGS, name, first, last)
    return (
        readings.join(refused.select(local_day=pl.col("day")), on="local_day", how="anti")
        .filter(pl.col("slot_start") < day_start(today, context.timezone))
        .select("slot_start", "load_kwh", "pv_kwh")
    )


def _expected(context: Context, prices: pl.DataFrame, forecasts: pl.DataFrame, start: datetime) -> pl.DataFrame:
    """Prices with what load and PV are expected to be.

    Raises:
        DataMissingError: a slot has no forecast.
    """
    pv = pl.col("pv_kwh") if home_has_pv(context) else pl.col("pv_kwh").fill_null(0.0)
    slots = prices.join(forecasts.select("slot_start", "load_kwh", pv), on="slot_start", how="left").sort("slot_start")
    without = slots.filter(pl.any_horizontal(pl.col("load_kwh", "pv_kwh").is_null()))
    if without.height:
        raise DataMissingError(
            f"{without.height} of {slots.height} slots from {start.isoformat()} have no forecast of load or PV",
            "import readings of the days before, or run `darkstar quality` to see why they are refused",
        )
    return context.site.tariff.with_prices(slots, context.timezone).select(
        "slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"
    )


def _start_soc(context: Context, start: datetime, today: date, percent: float | None) -> tuple[float, str]:
    """Stored energy at the start [kWh], and where the figure is from."""
    battery = context.site.battery
    if percent is not None:
        return battery.soc_kwh(percent), "option"
    readings = context.lake.read(METER_READINGS, context.site_name, today - timedelta(days=1), today)
    now = readings.filter(pl.col("slot_start") == start)["soc_start_percent"].drop_nulls()
    before = readings.filter(pl.col("slot_start") == start - SLOT)["soc_end_percent"].drop_nulls()
    for read in (now, before):
        if len(read):
            return battery.soc_kwh(float(read[0])), "observed"
    return protocol_of(context).start_soc_kwh, "protocol"
