"""Reads from the lake what a plan of a moment may use.

Only what was there by then: prices up to the last published day, forecasts of that day's vintage, readings before its
start. What does not belong here: anything that is computed from it (`plan_inputs`).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.price_versions import PriceVersion, price_version_in_use
from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.planning.day_forecast import DayForecast, day_forecast
from darkstar_pipeline.planning.market_past import MarketPast, market_past
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.site_tables import SiteTables
from darkstar_pipeline.state.atomic_files import file_identity
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SPOT_PRICES,
)
from env.site import Site
from env.time_grid import grid, slot_of, zone
from planner.policies.window import PUBLISHED_MINUTE
from planner.wording.messages import phrase

_HALF_A_DAY = 46
"""Fewer zeros may be the edge of a market's day [slots]."""


NO_READINGS = partial(pl.DataFrame, schema=METER_READINGS.schema)


@dataclass(frozen=True, eq=False)
class PastDays:
    """The days before today.

    Attributes:
        has_pv: whether the home has panels.
        forecast: the forecast of today's vintage.
        history: readings of usable days before today: `slot_start, load_kwh, pv_kwh`.
    """

    has_pv: bool
    forecast: DayForecast
    history: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class PlanningData:
    """The rows of the lake that a plan of a moment may use.

    Attributes:
        at: the moment.
        start: start of its slot.
        today: its local day.
        prices: `slot_start, price` from today's midnight to the last published slot; no gap from `start` on. With
            `month_price` where the tariff bills the month's mean.
        past: the days before today.
        market: the prices before today.
        readings: meter readings of yesterday and today.
        month_readings: meter readings since the first of the month; empty where the tariff has no demand charge.
        price_note: names the days whose prices are not used though there are some; empty where there is none.
        soc_readings: meter readings of the days within which the battery is to be full; empty where it is not to be.
    """

    at: datetime
    start: datetime
    today: date
    prices: pl.DataFrame
    past: PastDays
    market: MarketPast
    readings: pl.DataFrame
    month_readings: pl.DataFrame
    price_note: str = ""
    soc_readings: pl.DataFrame = field(default_factory=NO_READINGS)


def read_planning_data(
    context: Context, at: datetime, *, lookback_days: int, lenient: bool, memo: Memo
) -> PlanningData:
    """Read what a plan of a moment may use.

    Args:
        context: the site.
        at: an instant.
        lookback_days: number of days before today whose readings are wanted as scenarios.
        lenient: take an old forecast, or older readings, rather than none.
        memo: results of earlier calls that may still hold.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
    """
    site, settings = context.site, context.site_settings
    tables, today = SiteTables(context.lake, site.name, memo), at.astimezone(zone(site.timezone)).date()
    prices, price_note = _published_prices(tables, site.timezone, at)
    last_day = prices["slot_start"][-1].astimezone(zone(site.timezone)).date()
    prices = with_month_prices(prices, context.lake, site, published=last_day)
    past = _past_days(tables, site, settings, today, lookback_days, lenient=lenient)
    has_demand_charge = bool(site.tariff.charges_of(today))
    return PlanningData(
        at=at,
        start=slot_of(at),
        today=today,
        prices=prices,
        past=past,
        market=market_past(tables, prices, today, site.timezone, _price_version(context, memo)),
        readings=tables.read_cached(METER_READINGS, today - timedelta(days=1), today),
        month_readings=tables.read(METER_READINGS, today.replace(day=1), today) if has_demand_charge else NO_READINGS(),
        price_note=price_note,
        soc_readings=NO_READINGS()
        if site.care.full_charge_days is None
        else tables.read_cached(METER_READINGS, today - timedelta(days=site.care.full_charge_days), today),
    )


def _price_version(context: Context, memo: Memo) -> PriceVersion | None:
    """Return the price forecast in use; read again where another one was put into use."""
    pointer = file_identity(RegisteredModel.of(context, "prices").folder / POINTER)
    return memo.get("price version", pointer, lambda: price_version_in_use(context))


def _published_prices(tables: SiteTables, timezone: str, at: datetime) -> tuple[pl.DataFrame, str]:
    """Return `slot_start, price` from midnight to the last published slot, and a note on days that are not believed.

    A repaired price wins over the raw one; a day of nothing but zeros, which the gate refuses, has no price.

    From the slot of `at` on there is no gap; a gap before it, which decides nothing any more, has its neighbour's
    price.

    Raises:
        DataMissingError: the slot of `at` has no price.
    """
    clock, start = at.astimezone(zone(timezone)), slot_of(at)
    today, published = clock.date(), clock.hour * 60 + clock.minute >= PUBLISHED_MINUTE
    last = today + timedelta(days=1) if published else today
    repaired, raw = (
        tables.read_cached(table, today, last).select("slot_start", pl.col("price").alias(table.name))
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    delivered = (
        grid(today, last, timezone)
        .join(repaired, on="slot_start", how="left")
        .join(raw, on="slot_start", how="left")
        .select("slot_start", "local_day", price=pl.coalesce(SPOT_PRICES.name, RAW_SPOT_PRICES.name).fill_nan(None))
        .sort("slot_start")
    )
    slots, note = _without_zero_days(delivered)
    ahead = pl.col("slot_start") >= start
    priced = slots.filter((pl.col("price").is_null() & ahead).cum_sum() == 0)
    if priced.filter(ahead).is_empty():
        days = tables.days(RAW_SPOT_PRICES)
        reach: str = phrase("there are no prices at all")
        if days:
            reach = phrase("prices reach from {first} to {last}", first=str(days[0]), last=str(days[-1]))
        said = {"site": tables.site, "time": start.isoformat(), "reach": note or reach}
        raise DataMissingError(
            phrase("site {site} has no spot price for {time}; {reach}", **said),
            phrase("run `darkstar import prices FILE`, or name a moment with --at"),
            subject="prices",
        )
    return priced.with_columns(pl.col("price").fill_null(strategy="backward")), note


def _without_zero_days(slots: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Take the prices out of days that have nothing but zeros, as the gate does, and name them."""
    price = pl.col("price")
    zero = ((price == 0).all(ignore_nulls=True) & (price.count() >= _HALF_A_DAY)).over("local_day")
    days = slots.filter(zero)["local_day"].unique().sort().to_list()
    note = ""
    if days:
        listed = ", ".join(map(str, days))
        note = phrase("prices of {days} are all zero, which no market pays; not planned on", days=listed)
    return slots.select("slot_start", pl.when(~zero).then(price).alias("price")), note


def _past_days(
    tables: SiteTables, site: Site, settings: SiteSettings, today: date, lookback_days: int, *, lenient: bool
) -> PastDays:
    """Return the days before today; read again only where one of their files was replaced.

    Raises:
        DataMissingError: there is nothing to forecast from.
    """
    yesterday, forecast = today - timedelta(days=1), settings.forecast
    since = today - timedelta(days=max(lookback_days, forecast.load_days, forecast.pv_days))
    key = (
        settings,
        today,
        lookback_days,
        lenient,
        tables.identity(SLOT_FORECASTS, yesterday, today),
        *(tables.identity(table, since, yesterday) for table in (METER_READINGS, METER_STATISTICS, DATA_QUALITY_DAILY)),
    )

    def read() -> PastDays:
        has_pv = home_has_pv(tables.lake, site.name, settings.has_pv)
        return PastDays(
            has_pv,
            day_forecast(tables, forecast, today, site.timezone, lenient=lenient),
            past_readings(tables.lake, site, today, yesterday, lookback_days=lookback_days, has_pv=has_pv),
        )

    return tables.memo.get("past", key, read)
