"""A small made-up home with a fortnight of readings and prices, for tests that need days to materialize."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from assets.home import Home
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, Table
from darkstar_pipeline.warehouse.tables import Tables
from env.time_grid import SLOT_DTYPE, days_between, grid

ZONE = "Europe/Stockholm"
FIRST, LAST = date(2025, 10, 20), date(2025, 11, 2)  # across the day with 100 slots, 26 October
DAYS = list(days_between(FIRST, LAST))
SHORT_DAY = date(2025, 10, 24)  # its afternoon was not read
IMPORTED = datetime(2025, 11, 3, tzinfo=UTC)
NOON = 12


def small_settings() -> Settings:
    """One home with panels, everything else as by default."""
    return Settings(sites={"home": SiteSettings(first_day=date(2025, 1, 1))})


def small_context(state: Path, *, filled: bool = True) -> Context:
    """The home with its state in a folder, its fortnight imported by default; nothing materialized."""
    context = open_context(settings=small_settings(), home=state)
    if filled:
        fill(context.lake, context.site_name)
    return context


def small_home(state: Path) -> Home:
    """The same, as its assets see it."""
    return Home(context=small_context(state))


def fill(lake: Tables, site: str) -> None:
    """Import dear evenings, cheap nights, sun at noon, and one afternoon without readings."""
    slots = grid(FIRST, LAST, ZONE)
    hour = (np.arange(slots.height) % 96) / 4
    rng = np.random.default_rng(7)
    price = 0.6 + 0.5 * np.sin((hour - 12) / 24 * 2 * np.pi) ** 2 + 0.05 * rng.random(slots.height)
    load = 0.2 + 0.15 * (hour > 16) + 0.05 * rng.random(slots.height)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * 0.6
    prices = slots.with_columns(price=pl.Series(price))
    readings = slots.with_columns(load_kwh=pl.Series(load), pv_kwh=pl.Series(sun))
    afternoon = pl.col("slot_start").dt.convert_time_zone(ZONE).dt.hour() > NOON
    read = readings.filter(~((pl.col("local_day") == SHORT_DAY) & afternoon))
    lake.write_days(RAW_SPOT_PRICES, site, DAYS, as_imported(RAW_SPOT_PRICES, prices, site))
    lake.write_days(METER_READINGS, site, DAYS, as_imported(METER_READINGS, read, site))


def fill_earlier_prices(lake: Tables, site: str, first: date) -> None:
    """Import prices of the days before the fortnight: evenings are dear, levels change from day to day."""
    days = list(days_between(first, FIRST - timedelta(days=1)))
    slots = grid(days[0], days[-1], ZONE)
    hour = slots["slot_start"].dt.convert_time_zone(ZONE).dt.hour().to_numpy()
    number = slots.select((pl.col("local_day") - days[0]).dt.total_days())["local_day"].to_numpy()
    level = 0.4 * np.random.default_rng(3).random(len(days))
    price = 0.6 + level[number] + 0.5 * np.sin((hour - 12) / 24 * 2 * np.pi) ** 2
    rows = as_imported(RAW_SPOT_PRICES, slots.with_columns(price=pl.Series(price)), site)
    lake.write_days(RAW_SPOT_PRICES, site, days, rows)


def as_imported(table: Table, slots: pl.DataFrame, site: str) -> pl.DataFrame:
    """Slots as rows of an imported table."""
    filled = slots.with_columns(
        pl.lit(IMPORTED).cast(SLOT_DTYPE).alias("imported_at"),
        pl.lit(15, pl.Int32).alias("native_minutes"),
        *(pl.lit(value).alias(name) for name, value in {"site": site, "source": "test", "area": "SE3"}.items()),
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in filled.columns]
    return filled.with_columns(absent).select(table.schema.names())
