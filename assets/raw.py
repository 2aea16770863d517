"""Imported and fetched prices, readings, statistics and weather: shown in the graph, written outside it."""

from collections.abc import Collection
from typing import Any

import dagster as dg
import polars as pl

from assets.fetched.readings import FETCHED_READINGS, fetches_readings
from assets.fetched.weather import FETCHED_WEATHER
from assets.home import Home
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES, RAW_WEATHER, Table

GROUP = "imported"
# Keys of the graph and the tables behind them.
RAW_TABLES: dict[str, Table] = {
    "raw_spot_prices": RAW_SPOT_PRICES,
    "raw_meter_readings": METER_READINGS,
    "meter_statistics": METER_STATISTICS,
    "raw_weather": RAW_WEATHER,
}
_COMMANDS = {
    "raw_spot_prices": "`darkstar import prices FILE`",
    "raw_meter_readings": "`darkstar fetch readings`, `darkstar import observations FILE` or `… import ha FILE…`",
    "meter_statistics": "`darkstar fetch readings`, or `darkstar import ha FILE…` with long-term statistics",
    "raw_weather": "`fetched_weather`, `darkstar fetch weather` or `darkstar import weather FILE`",
}
_OF_METERS = ("raw_meter_readings", "meter_statistics")


def raw_specs(home: Home, *, without: Collection[str] = ()) -> list[dg.AssetSpec]:
    """The imported tables as external assets: they cost a run nothing, and lineage starts at them.

    Args:
        home: whose they are.
        without: names of those that an asset of the home fetches.
    """
    return [
        dg.AssetSpec(
            home.key(name),
            deps=_fetched_by(home, name),
            description=f"{table.meaning} Made by {_COMMANDS[name]}.",
            **home.presentation(table, group=GROUP, kinds=("parquet",)),
        )
        for name, table in RAW_TABLES.items()
        if name not in without
    ]


def _fetched_by(home: Home, name: str) -> list[dg.AssetKey]:
    """Return what fills an imported table by itself."""
    if name == "raw_weather":
        return [home.key(FETCHED_WEATHER)]
    return [home.key(FETCHED_READINGS)] if name in _OF_METERS and fetches_readings(home) else []


def observe_raw(context: dg.AssetExecutionContext, home: Home, name: str, rows: pl.DataFrame) -> None:
    """Note on an imported table what a run found of it: one event, whatever the range."""
    days = rows["local_day"]
    newest = rows["imported_at"].max()
    metadata: dict[str, Any] = {
        "asked from": context.partition_keys[0],
        "asked to": context.partition_keys[-1],
        "rows found": rows.height,
        "days found": days.n_unique(),
        "newest import": str(newest) if newest is not None else "none",
    }
    context.log_event(dg.AssetObservation(asset_key=home.key(name), metadata=metadata))
