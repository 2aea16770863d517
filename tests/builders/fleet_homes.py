"""A fleet of made-up homes with a fortnight imported, in a state folder of its own."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.time_grid import days_between, grid
from tests.builders.small_home import as_imported

ZONE = "Europe/Stockholm"


def fleet_settings(buckets: int = 2, **fleet: Any) -> Settings:
    """A configuration with a fleet and no single home."""
    defaults = {"first_day": "2025-01-01", "policies": ["idle", "self_consumption", "value"]}
    return Settings.model_validate({"fleet": {"buckets": buckets, "defaults": defaults, **fleet}})


def fill_fleet(settings: Settings, state: Path, homes: Mapping[str, Mapping[str, Any]], days: Sequence[Any]) -> None:
    """Import homes with readings and prices of some days and the ten before them; every home's are its own.

    Args:
        settings: the configuration.
        state: the state folder.
        homes: cells of each home by name.
        days: local days.
    """
    change_homes(state, lambda _: home_rows(homes))
    lake = fleet_lake(fleet_of(settings), state)
    by_bucket: dict[int, list[str]] = {}
    for name in homes:
        by_bucket.setdefault(lake.bucket(name), []).append(name)
    first, last = days[0] - timedelta(days=10), days[-1]
    every = list(days_between(first, last))
    for bucket, names in by_bucket.items():
        for table, made in ((RAW_SPOT_PRICES, imported_prices), (METER_READINGS, imported_readings)):
            lake.write_days(table, bucket, every, pl.concat([made(name, every) for name in names]))


def home_rows(homes: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of homes, from the cells of each by its name."""
    rows = pl.DataFrame(
        [{"site": name, "tenant": "default", **cells} for name, cells in homes.items()],
        schema_overrides=dict(HOMES_SCHEMA),
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in HOMES_SCHEMA.items() if name not in rows.columns]
    return rows.with_columns(absent).select(HOMES_SCHEMA.names())


def imported_prices(site: str, days: Sequence[Any]) -> pl.DataFrame:
    """Prices of a home's area: dear evenings, a negative noon on some days, zeros that hold on others."""
    slots = grid(days[0], days[-1], ZONE)
    hour = slots["slot_start"].dt.convert_time_zone(ZONE).dt.hour().to_numpy()
    number = slots["local_day"].rle_id().to_numpy()
    noise = np.random.default_rng(5).random(slots.height)
    price = 0.6 + 0.5 * np.sin((hour - 12) / 24 * 2 * np.pi) ** 2 + 0.2 * noise
    price = np.where((number % 4 == 1) & (hour > 10) & (hour < 14), -0.1, price)
    return as_imported(RAW_SPOT_PRICES, slots.with_columns(price=pl.Series(np.round(price, 5))), site)


def imported_readings(site: str, days: Sequence[Any]) -> pl.DataFrame:
    """Readings of a home, with a seed of its own; those of a home named `dark…` have no PV."""
    slots = grid(days[0], days[-1], ZONE)
    hour = slots["slot_start"].dt.convert_time_zone(ZONE).dt.hour().to_numpy()
    rng = np.random.default_rng(sum(site.encode()))
    load = (0.2 + 0.15 * (hour > 16) + 0.1 * rng.random(slots.height)) * rng.uniform(0.5, 2)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.uniform(0.2, 1.0) * rng.uniform(0.7, 1, slots.height)
    rows = slots.with_columns(load_kwh=pl.Series(np.round(load, 4)))
    if not site.startswith("dark"):
        rows = rows.with_columns(pv_kwh=pl.Series(np.round(sun, 4)))
    return as_imported(METER_READINGS, rows, site)
