"""A few weeks of the embedded sample in a lake of their own, graded and forecast: what notebooks try learning on.

The same imports, repair, grades and forecasts as everywhere, called one after the other instead of by Dagster, which
takes a minute to start and to note what it did. No faults are put in, and no schedules are stored: they are replayed
where they are asked for. What does not belong here: the site `sample` that people see (`sample_site`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.forecasts.site_forecasts import site_forecasts
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.price_repair import near_zero, repair_prices
from darkstar_pipeline.sample import SAMPLE_AREA, Sample, load_sample
from darkstar_pipeline.sample.site import sample_settings
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from env.time_grid import day_start, days_between, grid

SITE = "sample"
WEEK = 7  # days of readings before the first day, which its forecasts and scenarios rest on


def sample_weeks(
    folder: Path, first: date, last: date, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> Context:
    """Days of the embedded sample, ready to be learned from.

    Args:
        folder: the state folder, which is filled.
        first: first local day; the week before it is imported besides.
        last: last local day, included.
        settings: changes of the site's sections, such as `{"rl": {"rounds": 1}}`.

    Returns:
        The site, with its state in the folder.
    """
    context = open_context(settings=_settings(first, settings or {}), home=folder)
    _import(context, load_sample(), first, last)
    days = list(days_between(first, last))
    prices, observations = _prices(context, first, last), _observations(context, first, last)
    grades = grade_days(
        observations,
        prices,
        context.lake.read(METER_STATISTICS, SITE).select("hour_start", "quantity", "energy_kwh"),
        first,
        last,
        context.timezone,
        battery=context.site.battery,
        has_pv=True,
    )
    made = {
        SPOT_PRICES: prices.with_columns(pl.lit(SAMPLE_AREA).alias("area")),
        SLOT_OBSERVATIONS: observations,
        SLOT_FORECASTS: site_forecasts(context, days),
        DATA_QUALITY_DAILY: grades,
    }
    for table, rows in made.items():
        named = rows.with_columns(pl.lit(SITE).alias("site")).select(table.schema.names())
        context.lake.write_days(table, SITE, days, named)
    return context


def _settings(first: date, changes: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The sample's settings with some sections changed."""
    own = sample_settings().model_dump()
    site = {**own, "first_day": first, **{name: {**own[name], **changed} for name, changed in changes.items()}}
    return Settings(sites={SITE: SiteSettings.model_validate(site)}, default_site=None)


def _import(context: Context, sample: Sample, first: date, last: date) -> None:
    """Bring readings and prices in by the door of any other file, a day after the last of them."""
    start = day_start(first - timedelta(days=WEEK), context.timezone)
    end = day_start(last + timedelta(days=1), context.timezone)
    inside, now = pl.col("slot_start").is_between(start, end, closed="left"), end + timedelta(days=1)
    target = ImportTarget.of(context)
    with TemporaryDirectory() as folder:
        readings, prices = Path(folder) / "readings.parquet", Path(folder) / "prices.parquet"
        sample.observations.filter(inside).write_parquet(readings)
        sample.prices.filter(inside).write_parquet(prices)
        import_tidy_file(OBSERVATIONS, target, readings, now=now)
        import_tidy_file(PRICES, target, prices, area=SAMPLE_AREA, now=now)


def _prices(context: Context, first: date, last: date) -> pl.DataFrame:
    """Prices after repair, of the whole range."""
    raw = context.lake.read(RAW_SPOT_PRICES, SITE)
    return repair_prices(
        raw, first, last, context.timezone, None, near=near_zero(context.site_settings.currency)
    ).prices


def _observations(context: Context, first: date, last: date) -> pl.DataFrame:
    """The slot grid with what was read."""
    readings = context.lake.read(METER_READINGS, SITE)
    measured = [name for name in SLOT_OBSERVATIONS.schema.names() if name not in ("site", "local_day", "slot_start")]
    slots = grid(first, last, context.timezone)
    return slots.join(readings.select("slot_start", *measured), on="slot_start", how="left", maintain_order="left")
