"""Forecast inputs of future slots, checked: weather, an external PV forecast, vacation and alarm.

Every row states when it became known, since a forecast may be used only from then on. Tidy files and the answers of
services (`weather_services`) take the same road, `checked_weather`.
"""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.parsed import (
    REASON,
    ROW,
    Parsed,
    numbered,
    object_to,
    reason_if,
    refused_note,
    rejects_of,
)
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW, implied_kw
from darkstar_pipeline.sources.resampling import repeat_values
from darkstar_pipeline.sources.resolution import NATIVE, resolution_note, with_resolution
from darkstar_pipeline.sources.stamps import refuse_all_naive, stamp_checks, with_instants
from darkstar_pipeline.warehouse.schemas import OUTLOOK_COLUMNS
from env.time_grid import SLOT_MINUTES
from planner.wording.columns import worded

WEATHER_MINUTES = (15, 30, 60)
AHEAD = timedelta(days=20)
"""Weather services look sixteen days ahead; anything later is a wrong date."""
_LIMITS = {"temp_c": (-80.0, 60.0), "cloud_percent": (0.0, 100.0), "irradiance_w_m2": (0.0, 1500.0)}
_FLAGS = ("vacation", "alarm")
_ENERGY = "pv_expected_kwh"
_WRONG_UNIT = 3.0
"""A forecast so many times above the panels' rated power is none that is a little high, but one in another unit."""
_ROUNDING_KWH = 1e-6
_STAMPS = {"slot_start": "stamp", "known_at": "known_stamp"}
_KEY = ["slot_start", "known_at"]
_LEAST_ROWS = 24  # below that, clouds between 0 and 1 % may be true


def read_weather(file: Path, *, now: datetime, panels_kw: float | None = None) -> Parsed:
    """Read a tidy file of weather; see `checked_weather`.

    Args:
        file: Parquet or CSV, either also gzipped; `slot_start` or `time`, `known_at`, and any of `OUTLOOK_COLUMNS`.
        now: the present instant.
        panels_kw: rated power of the panels; None if unknown [kW].

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole cannot be used; the error says why and what to do.
    """
    raw, others = read_table(file, ("slot_start", "time", "known_at", *OUTLOOK_COLUMNS))
    raw = raw.rename({"time": "slot_start"}) if "slot_start" not in raw.columns and "time" in raw.columns else raw
    _require_columns(raw, others, file.name)
    parsed = checked_weather(raw, file.name, now=now, panels_kw=panels_kw)
    _refuse_cloud_shares(parsed, file.name)
    return parsed.noting(
        resolution_note(parsed.rows, file.name) if parsed.rows.height else "",
        f"{file.name}: columns not used: {', '.join(others)}" if others else "",
    )


def checked_weather(raw: pl.DataFrame, name: str, *, now: datetime, panels_kw: float | None = None) -> Parsed:
    """Return rows of weather that passed every check, on the slot grid.

    Args:
        raw: `slot_start`, `known_at` and any of `OUTLOOK_COLUMNS`, as text or as typed values.
        name: file or service that is reported.
        now: the present instant; rows known later are refused, and slots too far ahead of it.
        panels_kw: rated power of the panels, at which forecasts of them are capped; None if unknown [kW].

    Returns:
        Rows `[slot_start, known_at, <columns of OUTLOOK_COLUMNS that the file has>, native_minutes]`, sorted, one for
        each slot and time it became known.

    Raises:
        DataRefusedError: the rows as a whole cannot be used; the error says why and what to do.
    """
    columns = [column for column in OUTLOOK_COLUMNS if column in raw.columns]
    stamped = _with_stamps(numbered(raw.with_columns(_flags_as_numbers(raw))), name)
    timed = with_resolution(with_numbers(stamped, columns), name, WEATHER_MINUTES, grid=SLOT_MINUTES)
    checked, copies = _resolved(object_to(timed, _checks(columns, now, panels_kw)), columns)
    good = checked.filter(pl.col(REASON).is_null() & pl.any_horizontal(pl.col(columns).is_not_null()))
    good, capped = _capped(good, panels_kw) if _ENERGY in columns else (good, 0)
    notes = (
        f"{name}: {capped} forecasts above what panels of {panels_kw:g} kW can make count as that" if capped else "",
        f"{name}: {copies} repeated rows are equal and count once" if copies else "",
        _late_note(good, name),
    )
    rows = repeat_values(good, [*_KEY[1:], *columns], energy=[_ENERGY] if _ENERGY in columns else [])
    rejects = rejects_of(checked, raw, name)
    return Parsed(rows=rows.sort(_KEY), rejects=rejects, rows_read=raw.height).noting(
        *notes, refused_note(rejects, name)
    )


def _require_columns(raw: pl.DataFrame, others: tuple[str, ...], file: str) -> None:
    """Refuse a file without slots, without the time they became known, or without any value."""
    present = ", ".join([*raw.columns, *others][:12])
    if "slot_start" not in raw.columns or not any(name in raw.columns for name in OUTLOOK_COLUMNS):
        message = f"{file} needs slot_start and one of {', '.join(OUTLOOK_COLUMNS)}; it has {present}"
        raise DataRefusedError(message, "name the columns so")
    if "known_at" not in raw.columns:
        message = f"{file} has no column known_at; it has {present}"
        raise DataRefusedError(message, "give the time of each forecast; for measured weather, the end of its slot")


def _flags_as_numbers(raw: pl.DataFrame) -> list[pl.Expr]:
    """Return Boolean columns of a Parquet file as 1 and 0."""
    return [pl.col(name).cast(pl.Float64) for name in _FLAGS if raw.schema.get(name) == pl.Boolean]


def _with_stamps(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    """Both instants in UTC; rows whose stamps cannot be read have a reason against them."""
    for target, source in _STAMPS.items():
        frame = with_instants(frame.rename({target: source}), source, target, file)
        refuse_all_naive(frame, source, target, file)
        frame = object_to(frame, stamp_checks(source, target))
    return frame


def _refuse_cloud_shares(parsed: Parsed, file: str) -> None:
    """Refuse a file whose clouds are 0..1: read as percent they would mean an always clear sky."""
    if "cloud_percent" in parsed.rows.columns and parsed.rows_read >= _LEAST_ROWS:
        read = parsed.rows["cloud_percent"].drop_nulls()
        if bool((read <= 1).all()) and bool((read > 0).any()):
            raise DataRefusedError(f"{file}: cloud_percent is never above 1 %", "multiply it by 100")


def _capped(rows: pl.DataFrame, panels_kw: float | None) -> tuple[pl.DataFrame, int]:
    """Return the rows with forecasts of the panels that they can make, and how many were above it."""
    if panels_kw is None:
        return rows, 0
    most = panels_kw * pl.col(NATIVE) / 60
    above = rows.filter(pl.col(_ENERGY) > most + _ROUNDING_KWH).height
    return rows.with_columns(pl.min_horizontal(_ENERGY, pl.when(pl.col(_ENERGY).is_not_null()).then(most))), above


def _checks(columns: list[str], now: datetime, panels_kw: float | None) -> list[pl.Expr]:
    """Return the checks of one row."""
    most_kw = MAX_HOME_KW if panels_kw is None else _WRONG_UNIT * panels_kw
    checks = [
        *number_checks(columns),
        reason_if(pl.col("known_at") > now, pl.lit("known_at lies in the future")),
        reason_if(pl.col("slot_start") > now + AHEAD, pl.lit("slot_start lies more than twenty days ahead")),
    ]
    for name in columns:
        value, shown = pl.col(name), worded("{} {} is not possible", pl.lit(name), pl.col(name))
        if name in _LIMITS:
            checks.append(reason_if(~value.is_between(*_LIMITS[name]), shown))
        elif name in _FLAGS:
            checks.append(reason_if(~value.is_in([0.0, 1.0]), worded("{} is neither 0 nor 1", pl.lit(name))))
        else:
            checks.append(reason_if((value < 0) | (implied_kw(name) > most_kw), shown))
    return checks


def _resolved(frame: pl.DataFrame, columns: list[str]) -> tuple[pl.DataFrame, int]:
    """Drop repeated rows and refuse contradicting ones; returns the rows and how many were dropped."""
    fine = pl.col(REASON).is_null()
    values = pl.struct(columns)
    compared = frame.filter(fine).with_columns((values != values.first()).any().over(_KEY).alias("_differs"))
    reason = reason_if(pl.col("_differs"), pl.lit("the same slot and known_at occur with different values"))
    marked = compared.with_columns(reason.alias(REASON)).drop("_differs")
    kept = marked.filter(fine).unique(_KEY, keep="first", maintain_order=True)
    refused = marked.filter(~fine)
    dropped = marked.height - refused.height - kept.height
    return pl.concat([frame.filter(~fine), refused, kept]).sort(ROW), dropped


def _late_note(good: pl.DataFrame, file: str) -> str:
    """Return a note on rows that became known too late for any forecast."""
    late = good.filter(pl.col("known_at") >= pl.col("slot_start") + pl.duration(minutes=pl.col(NATIVE))).height
    return f"{file}: {late} rows were known only after their time; no forecast uses those" if late else ""
