"""Small made-up fleets: homes as rows, with days of readings and prices in the fleet's lake."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import change_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.rounds import plan_fleet
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, Table
from env.time_grid import days_between, grid

IMPORTED = datetime(2025, 11, 3, tzinfo=UTC)
ZONES = {"FI": "Europe/Helsinki"}
PLAIN = (TariffSettings(valid_from=date(2020, 1, 1), transfer_fee=0.2, energy_tax=0.4),)


def fleet_settings(buckets: int = 2, tariffs: Mapping[str, tuple[TariffSettings, ...]] | None = None) -> FleetSettings:
    return FleetSettings(buckets=buckets, tariffs={"plain": PLAIN, **(tariffs or {})})


def fleet_rows(
    n_homes: int, *, tenants: Sequence[str] = ("a", "b"), areas: Sequence[str] = ("SE3",)
) -> list[dict[str, object]]:
    """Homes by turns of each tenant, of two sizes of battery."""
    return [
        {
            "site": f"home{number:03d}",
            "tenant": tenants[number % len(tenants)],
            "area": areas[number % len(areas)],
            "timezone": ZONES.get(areas[number % len(areas)]),
            "capacity_kwh": (10.0, 20.0)[number // 2 % 2],
            "charge_kw": 5.0,
            "discharge_kw": 5.0,
            "tariff": "plain",
        }
        for number in range(n_homes)
    ]


def fleet_homes(fleet: FleetSettings, rows: Sequence[Mapping[str, object]]) -> FleetHomes:
    from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA

    return FleetHomes(fleet, pl.DataFrame(rows, schema_overrides=dict(HOMES_SCHEMA)).select(
        pl.col(name).cast(dtype) if name in rows[0] else pl.lit(None, dtype).alias(name)
        for name, dtype in HOMES_SCHEMA.items()
    ))  # fmt: skip


def filled_lake(  # noqa: PLR0913 - keyword-only, what is there
    fleet: FleetSettings,
    homes: FleetHomes,
    state: Path,
    first: date,
    last: date,
    *,
    read_until: datetime,
    unread: str = "",
    priced_from: date | None = None,
) -> BucketLake:
    """A lake with prices of all days, also before the first one, and readings of every home up to a moment."""
    lake, begin = fleet_lake(fleet, state), priced_from or first
    days, priced = list(days_between(first, last)), list(days_between(begin, last))
    for bucket in range(fleet.buckets):
        own = homes.in_bucket(bucket)
        if not len(own):
            continue
        frames = [
            home_rows(site, own[site].timezone, begin, last, seed=int(site.removeprefix("home"))) for site in own.names
        ]
        prices, readings = (pl.concat([pair[which] for pair in frames]) for which in (0, 1))
        read = readings.filter(
            (pl.col("slot_start") < read_until) & (pl.col("site") != unread) & (pl.col("local_day") >= first)
        )
        lake.write_days(RAW_SPOT_PRICES, bucket, priced, as_imported(RAW_SPOT_PRICES, prices))
        lake.write_days(METER_READINGS, bucket, days, as_imported(METER_READINGS, read))
    return lake


def home_rows(site: str, timezone: str, first: date, last: date, *, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Prices that all homes have, and a home's own readings: dear evenings, sun at noon."""
    slots = grid(first, last, timezone).with_columns(site=pl.lit(site))
    hour = (slots["slot_start"].dt.epoch("s").to_numpy() / 3600 + 1) % 24
    day = (slots["slot_start"].dt.epoch("d").to_numpy()).astype(np.float64)
    price = 0.6 + 0.5 * np.sin((hour - 12) / 24 * 2 * np.pi) ** 2 + 0.1 * np.sin(day) - 0.9 * (hour < 4)
    rng = np.random.default_rng(seed)
    load = 0.2 + 0.2 * (hour > 16) + 0.1 * rng.random(slots.height)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * 0.6 * rng.uniform(0.5, 1)
    prices = slots.with_columns(price=pl.Series(price))
    readings = slots.with_columns(
        load_kwh=pl.Series(load), pv_kwh=pl.Series(sun), soc_end_percent=pl.lit(30.0 + seed % 60)
    )
    return prices, readings


def as_imported(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with every column of a table; what they lack is the import's own."""
    own: dict[str, object] = {
        "native_minutes": 15, "source": "made_up", "imported_at": IMPORTED, "area": "SE3",
    }  # fmt: skip
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(own.get(name), dtype).alias(name)
        for name, dtype in table.schema_with(rows.columns).items()
    )


PLANNED_AT = datetime(2025, 10, 26, 10, 2, tzinfo=UTC)
"""Moment of the plans of `planned_fleet`: the day whose clock is set back, before tomorrow's prices."""


def planned_fleet(state: Path, n_homes: int = 8) -> Settings:
    """A state folder of two tenants' homes with readings, prices and plans; the last home was never read."""
    fleet = fleet_settings(2)
    homes = fleet_homes(fleet, fleet_rows(n_homes))
    settings = Settings(fleet=fleet, engine=EngineSettings(workers=1))
    change_homes(state, lambda _: homes.rows)
    last = date(2025, 10, 26)
    filled_lake(fleet, homes, state, date(2025, 10, 18), last, read_until=PLANNED_AT, unread=homes.names[-1])
    plan_fleet(settings, state, PLANNED_AT)
    return settings
