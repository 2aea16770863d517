"""The layouts of long-term statistics: a row or a column a sensor, a column an hour, lists by sensor. No meaning yet.

What the layout itself states is kept: units, the end of a period, and whether its stamps show the local clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import polars as pl

_HOUR_COLUMNS = ("hour", "start", "start_time", "start_ts", "datetime", "time")
_SENSOR_COLUMNS = ("sensor", "statistic_id", "entity_id")
_TOTAL_COLUMNS = ("cumulative", "sum", "state")
_CHANGE_COLUMNS = ("change", "delta")
_UNIT_COLUMNS = ("unit", "unit_of_measurement")
_LOCAL_CLOCK = {"statistic_id", "unit", "start"}
"""Columns of the export that writes the clock of Home Assistant's own zone."""
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
HOURS = pl.Schema(dict.fromkeys(("entity", "stamp", "end", "total", "change"), pl.String()) | {"row": pl.Int64()})
ROW = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row")


@dataclass(frozen=True, kw_only=True)
class HourlyStatistics:
    """Statistics by the hour, or finer.

    Attributes:
        file: name that is reported.
        frame: `[entity, stamp, end, total, change, row]`, as text; `total` is the counter at the end of the period.
        units: unit by sensor, where the file states it.
        local_clock: whether stamps without offset show the local clock.
    """

    file: str
    frame: pl.DataFrame
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    local_clock: bool = False

    @property
    def entities(self) -> tuple[str, ...]:
        """The sensors in the order of their first rows."""
        return tuple(self.frame["entity"].drop_nulls().unique(maintain_order=True).to_list())


def statistics_of_table(frame: pl.DataFrame, file: str) -> HourlyStatistics | None:
    """Return the statistics of a table with column names; None where it is another table."""
    columns = frame.columns
    sensor = _first(_SENSOR_COLUMNS, columns)
    hours = [name for name in columns if _INSTANT.match(name)]
    if sensor is not None and hours:
        return HourlyStatistics(file=file, frame=_across(frame, sensor, hours), units=_units(frame, sensor))
    hour = _first(_HOUR_COLUMNS, columns)
    if hour is None:
        return None
    if sensor is None:
        return HourlyStatistics(file=file, frame=_wide(frame, hour))
    total, change = _first(_TOTAL_COLUMNS, columns), _first(_CHANGE_COLUMNS, columns)
    if total is None and change is None and "mean" not in columns:
        return None
    end = "end" if "end" in columns else None
    names = {"stamp": hour, "end": end, "total": total, "change": change}
    return HourlyStatistics(
        file=file,
        frame=frame.select(
            ROW, pl.col(sensor).alias("entity"), *(_column(name, source) for name, source in names.items())
        ),
        units=_units(frame, sensor),
        local_clock=set(columns) >= _LOCAL_CLOCK,
    )


def statistics_of_lists(document: Mapping[str, Any], file: str) -> HourlyStatistics | None:
    """Return `recorder/statistics_during_period`: per sensor a list of `start` and `sum`, `state` or `change`."""
    rows: list[dict[str, object]] = []
    for entity, entries in document.items():
        for entry in cast("list[Any]", entries) if isinstance(entries, list) else [None]:
            if not isinstance(entry, dict) or "start" not in entry:
                return None
            values = cast("dict[str, Any]", entry)
            total = next((values[name] for name in ("sum", "state") if values.get(name) is not None), None)
            texts = {"stamp": values["start"], "end": values.get("end"), "total": total, "change": values.get("change")}
            shown = {name: None if value is None else str(value) for name, value in texts.items()}
            rows.append({"row": len(rows) + 1, "entity": entity, **shown})
    return HourlyStatistics(file=file, frame=pl.DataFrame(rows, schema=HOURS))


def _first(names: tuple[str, ...], columns: list[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def _column(name: str, source: str | None) -> pl.Expr:
    return (pl.lit(None, dtype=pl.String) if source is None else pl.col(source)).alias(name)


def _units(frame: pl.DataFrame, sensor: str) -> dict[str, str]:
    """Unit by sensor, from the column of units."""
    unit = _first(_UNIT_COLUMNS, frame.columns)
    if unit is None:
        return {}
    stated = frame.select(sensor, pl.col(unit).str.strip_chars()).drop_nulls().unique(sensor, keep="first")
    return {str(entity): str(name) for entity, name in stated.iter_rows() if name}


def _across(frame: pl.DataFrame, sensor: str, hours: list[str]) -> pl.DataFrame:
    """Statistics with a row a sensor and a column an hour: the energy dashboard's download."""
    numbered = frame.with_columns(ROW)
    tall = numbered.unpivot(hours, index=["row", sensor], variable_name="stamp", value_name="change")
    return tall.select(
        "row", pl.col(sensor).alias("entity"), "stamp", _column("end", None), _column("total", None), "change"
    )


def _wide(frame: pl.DataFrame, hour: str) -> pl.DataFrame:
    """Statistics with a column per sensor; a counter is preferred to its differences, which lose what gaps bridge."""
    values = [name for name in frame.columns if name not in (hour, "end")]
    counters = [name for name in values if name.endswith(("_cum", "_cumulative", "_sum", "_total"))]
    counted = {_base(name) for name in counters}
    changes = [name for name in values if name not in counters and _base(name) not in counted]
    parts = [
        frame.select(
            ROW,
            pl.lit(name).alias("entity"),
            pl.col(hour).alias("stamp"),
            _column("end", "end" if "end" in frame.columns else None),
            _column("total", name if name in counters else None),
            _column("change", None if name in counters else name),
        )
        for name in (*counters, *changes)
    ]
    return (
        pl.concat(parts)
        if parts
        else pl.DataFrame(schema=HOURS).select("row", "entity", "stamp", "end", "total", "change")
    )


def _base(name: str) -> str:
    """A column's sensor: `solar_wh_cum` and `solar_kwh_delta` are both `solar`."""
    return re.sub(r"_(k|m)?wh$", "", re.sub(r"_(cum|cumulative|sum|total|delta|change)$", "", name))
