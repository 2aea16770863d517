"""Checks of a fleet's homes by the very models of `darkstar.yaml`: rows that are alike are checked once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import ValidationError

from darkstar_pipeline.config.base import SettingError
from darkstar_pipeline.config.checks.doubts import doubts
from darkstar_pipeline.config.fleet.columns import HOME_COLUMNS, HOMES_SCHEMA, SITE, TENANT
from darkstar_pipeline.config.fleet.rows import row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.planning import ForecastSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.ingest.fleet.cells import ROW
from darkstar_pipeline.ingest.fleet.faults import FAULTS_SCHEMA, fault, faults_of, no_faults
from planner.wording.columns import worded

Progress = Callable[[int, int], None]
"""Called with the number of kinds of homes checked so far and the number of all."""
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
_FORECAST = "forecast"
_PLACE = tuple(column.name for column in HOME_COLUMNS.values() if column.place[0] == _FORECAST)
"""Columns that nearly every home has of its own; they are checked apart from the others."""
_KIND = tuple(name for name in HOMES_SCHEMA if name not in (SITE, TENANT, *_PLACE))
_ALIKE, _ZONE = "_alike", "_zone"
_TOLD_EVERY = 500


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The outcome of checking homes.

    Attributes:
        faults: cells that are refused; empty where all homes are right.
        doubts: settings that may be and are seldom meant, each with its number of homes.
    """

    faults: pl.DataFrame
    doubts: dict[str, int]


def name_faults(settings: Settings, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the faults of names: missing, not allowed, doubled, or those of a home under `sites`.

    Args:
        settings: the whole configuration.
        rows: `_row` and `site`.
    """
    name = pl.col(SITE)
    first = pl.col(ROW).min().over(SITE)
    reason = (
        pl.when(name.is_null())
        .then(pl.lit("is missing: every home needs a name of its own"))
        .when(~name.str.contains(_NAME))
        .then(worded("'{}' is no name of a home: 1 to 64 letters, digits, _ and -, a letter or digit first", name))
        .when(first < pl.col(ROW))
        .then(worded("'{}' stands in row {} already", name, first))
        .when(name.is_in(list(settings.sites)))
        .then(worded("'{}' is a home under sites of darkstar.yaml: name it otherwise, or remove it there", name))
    )
    found = rows.select(pl.col(ROW).alias("row"), pl.lit(SITE).alias("column"), name.alias("value"), reason=reason)
    return found.filter(pl.col("reason").is_not_null())


def check_homes(fleet: FleetSettings, rows: pl.DataFrame, progress: Progress | None = None) -> Checked:
    """Check the settings of homes.

    Args:
        fleet: what the homes share.
        rows: `_row` and the columns of `HOMES_SCHEMA`.
        progress: called now and then.
    """
    kinds = rows.group_by(_KIND, maintain_order=True).agg(pl.col(ROW).min(), pl.len().alias(_ALIKE))
    faults: list[dict[str, Any]] = []
    told: Counter[str] = Counter()
    zones: list[str | None] = []
    for number, cells in enumerate(kinds.iter_rows(named=True)):
        zone, found = _check_kind(fleet, cells, told)
        zones.append(zone)
        faults += _with_alike(found, cells[_ALIKE])
        if progress is not None and number % _TOLD_EVERY == 0:
            progress(number, kinds.height)
    placed = rows.join(
        kinds.with_columns(pl.Series(_ZONE, zones, pl.String)).drop(ROW), on=_KIND, how="left", nulls_equal=True
    )
    faults += _check_places(fleet, placed)
    found = pl.DataFrame(faults, schema=FAULTS_SCHEMA) if faults else no_faults()
    return Checked(faults=found.sort("row", maintain_order=True), doubts=dict(told))


def _check_kind(
    fleet: FleetSettings, cells: dict[str, Any], told: Counter[str]
) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the time zone of homes that are alike, None where they are refused, and their faults."""
    try:
        settings = row_settings(fleet, cells)
    except SettingError as error:
        return None, [fault(cells[ROW], cells, error.place, str(error))]
    except ValidationError as error:
        return None, faults_of(error, cells[ROW], cells)
    told.update(dict.fromkeys(doubts(settings), cells[_ALIKE]))
    return settings.timezone, []


def _with_alike(faults: list[dict[str, Any]], alike: int) -> list[dict[str, Any]]:
    """Return faults of the first of several homes that are alike, each with the number of the others."""
    others = alike - 1
    if not others:
        return faults
    words = " (and one more row alike)" if others == 1 else f" (and {others} more rows alike)"
    return [{**each, "reason": f"{each['reason']}{words}"} for each in faults]


def _check_places(fleet: FleetSettings, rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the faults of the places and panels of homes whose other settings are right."""
    shared = fleet.defaults.forecast.model_dump(exclude_unset=True)
    known = rows.filter(pl.col(_ZONE).is_not_null() & pl.any_horizontal(pl.col(_PLACE).is_not_null()))
    places = known.group_by([_ZONE, *_PLACE], maintain_order=True).agg(pl.col(ROW).min(), pl.len().alias(_ALIKE))
    faults: list[dict[str, Any]] = []
    for cells in places.iter_rows(named=True):
        own = {name: cells[name] for name in _PLACE if cells[name] is not None}
        try:
            ForecastSettings.model_validate({**shared, **own}).check_place(cells[_ZONE])
        except ValidationError as error:
            found = faults_of(error, cells[ROW], cells, below=_FORECAST)
        except ValueError as error:
            found = [fault(cells[ROW], cells, (_FORECAST, "longitude"), str(error))]
        else:
            continue
        faults += _with_alike(found, cells[_ALIKE])
    return faults
