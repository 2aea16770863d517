"""A fleet of six homes of one class with seven weeks of graded days, the made-up home in six sizes, and one without."""

from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.learning.fleet.class_homes import Fleet
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from tests.builders.learning_home import FIRST, SITE, SMALL, learning_context, measured, write_days

SIZES = {f"home{number}": 0.5 + 0.1 * number for number in range(6)}
UNREAD = "unread"
"""A home of the class of which nothing was ever read."""
_TABLES = (METER_READINGS, SPOT_PRICES, SLOT_OBSERVATIONS, DATA_QUALITY_DAILY, SLOT_FORECASTS)


def learning_fleet(home: Path) -> Fleet:
    """The fleet with its state in a folder."""
    settings = Settings.model_validate({"fleet": {"buckets": 1, "defaults": {"first_day": FIRST.isoformat(), **SMALL}}})
    sizes = {**SIZES, UNREAD: 0.5}
    rows = pl.DataFrame(
        {"site": list(sizes), "tenant": "default", "capacity_kwh": [10 * size for size in sizes.values()]}
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in HOMES_SCHEMA.items() if name not in rows.columns]
    change_homes(home, lambda _there: rows.with_columns(missing).select(HOMES_SCHEMA.names()))
    one = learning_context(home / "one")
    write_days(one, measured())
    lake = fleet_lake(fleet_of(settings), home)
    for table in _TABLES:
        found = one.lake.read(table, SITE)
        frames = [_of_home(found, site, size) for site, size in SIZES.items()]
        lake.write_days(table, 0, found[table.day_column].unique().to_list(), pl.concat(frames))
    return Fleet(settings, home)


def _of_home(rows: pl.DataFrame, site: str, size: float) -> pl.DataFrame:
    energies = [name for name in ("load_kwh", "pv_kwh") if name in rows.columns]
    return rows.with_columns(pl.lit(site).alias("site"), *(pl.col(name) * size for name in energies))
