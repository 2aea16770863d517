"""A made-up home with five weeks of readings: enough for Aurora to learn from and to be measured on."""

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from darkstar_pipeline.config.planning import ForecastSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_WEATHER
from env.time_grid import SLOT_DTYPE, days_between, grid, local_clock
from tests.builders.small_home import ZONE, as_imported

FIRST, LAST = date(2025, 10, 1), date(2025, 11, 4)  # across the day with 100 slots, 26 October


@cache
def readings() -> pl.DataFrame:
    """Load by the clock with noise; PV a cloudy or clear share of the same arch."""
    rng = np.random.default_rng(11)
    slots = grid(FIRST, LAST, ZONE).with_columns(local_clock(ZONE))
    days = pl.DataFrame({"local_day": list(days_between(FIRST, LAST))})
    sky = days.with_columns(share=pl.Series(rng.uniform(0.2, 1.0, days.height)))
    clock = slots["local_clock"].to_numpy() / 1440
    arch = np.maximum(np.sin(np.pi * (clock - 0.3) / 0.4), 0.0) * ((clock > 0.3) & (clock < 0.7))
    share = slots.join(sky, on="local_day", maintain_order="left")["share"].to_numpy()
    load = 0.3 + 0.2 * np.sin(2 * np.pi * clock) ** 2 + rng.exponential(0.05, slots.height)
    return slots.with_columns(load_kwh=pl.Series(load), pv_kwh=pl.Series(arch * share))


def month_context(state: Path, *, days: int | None = None, **forecast: object) -> Context:
    """The home with its readings imported.

    Args:
        state: the state folder.
        days: only the first so many days; None for all.
        forecast: settings of its forecasts.
    """
    site = SiteSettings(first_day=FIRST, forecast=ForecastSettings.model_validate(forecast))
    context = open_context(settings=Settings(sites={"home": site}), home=state)
    read = readings() if days is None else readings().filter(pl.col("local_day") < FIRST + pl.duration(days=days))
    rows = as_imported(METER_READINGS, read.drop("local_clock"), "home")
    context.lake.write_days(METER_READINGS, "home", read["local_day"].unique().sort().to_list(), rows)
    return context


def write_outlook(context: Context) -> None:
    """Import a PV forecast that is right and a temperature, each day's said six hours before its midnight."""
    said = readings().with_columns(
        known_at=(pl.col("slot_start").min().over("local_day") - pl.duration(hours=6)).cast(SLOT_DTYPE),
        pv_expected_kwh="pv_kwh",
        temp_c=pl.lit(4.0),
    )
    rows = as_imported(RAW_WEATHER, said.drop("local_clock", "load_kwh", "pv_kwh"), context.site_name)
    context.lake.write_days(RAW_WEATHER, context.site_name, list(days_between(FIRST, LAST)), rows)
