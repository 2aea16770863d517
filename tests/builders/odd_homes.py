"""Readings of homes as files have them, each with faults of the kinds that an import meets."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl

from env.time_grid import grid

Rows = pl.DataFrame
Fault = Callable[[Rows, np.random.Generator, str], Rows]
DAYS = {
    "spring": (date(2026, 3, 28), date(2026, 3, 30)),
    "autumn": (date(2026, 10, 24), date(2026, 10, 26)),
    "day": (date(2026, 6, 3), date(2026, 6, 3)),
}
COLUMNS = ("load_kwh", "pv_kwh", "batt_charge_kwh", "soc_start_percent", "soc_end_percent")


def plain_rows(name: str, rng: np.random.Generator, timezone: str) -> Rows:
    """Return quarter-hours of some days without a fault: typed instants and numbers."""
    slots = grid(*DAYS[name], timezone)["slot_start"]
    count = len(slots)
    soc = np.clip(50 + np.cumsum(rng.normal(0, 2, count + 1)), 5, 95).round(1)
    return pl.DataFrame(
        {
            "slot_start": slots,
            "load_kwh": rng.uniform(0.05, 0.8, count).round(3),
            "pv_kwh": np.where(np.arange(count) % 96 < 30, 0.0, rng.uniform(0.0, 0.6, count).round(3)),
            "batt_charge_kwh": rng.uniform(0.0, 0.5, count).round(3),
            "soc_start_percent": soc[:-1],
            "soc_end_percent": soc[1:],
        }
    )


def _somewhere(rows: Rows, rng: np.random.Generator, count: int = 1) -> pl.Series:
    """Return which rows a fault is at."""
    chosen = set(rng.integers(0, rows.height, count).tolist())
    return pl.Series([number in chosen for number in range(rows.height)])


def _value(column: str, value: float | None) -> Fault:
    def fault(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
        there = _somewhere(rows, rng, 2)
        return rows.with_columns(pl.when(there).then(pl.lit(value, pl.Float64)).otherwise(pl.col(column)).alias(column))

    return fault


def _times(column: str, factor: float) -> Fault:
    return lambda rows, _rng, _zone: rows.with_columns(pl.col(column) * factor)


def _stretch(column: str, value: float, length: int) -> Fault:
    def fault(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
        number, start = pl.int_range(pl.len()), int(rng.integers(0, max(rows.height - length, 1)))
        inside = number.is_between(start, start + length - 1)
        return rows.with_columns(pl.when(inside).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))

    return fault


def _every(minutes: int) -> Fault:
    """Return a file with a row every so many minutes, its numbers those of the quarter-hours."""

    def fault(rows: Rows, _rng: np.random.Generator, _zone: str) -> Rows:
        first = pl.col("slot_start").first()
        step = pl.duration(minutes=minutes) * pl.int_range(pl.len())
        return rows.with_columns((first + step).alias("slot_start"))

    return fault


def _hourly_at_first(rows: Rows, _rng: np.random.Generator, _zone: str) -> Rows:
    half = rows.height // 8 * 4
    coarse = rows.head(half).filter(pl.col("slot_start").dt.minute() == 0)
    return pl.concat([coarse, rows.tail(rows.height - half)])


def _off_grid(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
    shift = pl.when(_somewhere(rows, rng)).then(pl.duration(minutes=3)).otherwise(pl.duration())
    return rows.with_columns(pl.col("slot_start") + shift)


def _repeated(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
    return pl.concat([rows, rows.filter(_somewhere(rows, rng, 3))])


def _contradicted(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
    return pl.concat([rows, rows.filter(_somewhere(rows, rng, 2)).with_columns(pl.col("load_kwh") + 0.1)])


def _holes(rows: Rows, rng: np.random.Generator, _zone: str) -> Rows:
    return rows.filter(~_somewhere(rows, rng, 6))


def _half_known_soc(rows: Rows, _rng: np.random.Generator, _zone: str) -> Rows:
    return rows.with_columns(pl.lit(None, pl.Float64).alias("soc_end_percent"))


def _later(rows: Rows, _rng: np.random.Generator, _zone: str) -> Rows:
    return rows.with_columns(pl.col("slot_start") + pl.duration(days=400))


FAULTS: dict[str, Fault] = {
    "none": lambda rows, _rng, _zone: rows,
    "Wh": _times("load_kwh", 1000.0),
    "MWh": _times("load_kwh", 1e-6),
    "kW": _times("batt_charge_kwh", 60.0),
    "share": _times("soc_start_percent", 0.01),
    "five": _every(5),
    "ten": _every(10),
    "half": _every(30),
    "hour": _every(60),
    "twenty": _every(20),
    "change": _hourly_at_first,
    "off": _off_grid,
    "negative": _value("load_kwh", -1.0),
    "nan": _value("pv_kwh", float("nan")),
    "infinite": _value("load_kwh", float("inf")),
    "huge": _value("load_kwh", 40.0),
    "spike": _value("load_kwh", 9.0),
    "asleep": _value("pv_kwh", -0.004),
    "missing": _value("load_kwh", None),
    "soc off": _value("soc_start_percent", 0.0),
    "soc wild": _value("soc_end_percent", 400.0),
    "soc half": _half_known_soc,
    "still": _stretch("load_kwh", 0.0, 60),
    "stuck": _stretch("load_kwh", 0.333, 14),
    "low": _stretch("load_kwh", 0.004, 8),
    "equal": _repeated,
    "other": _contradicted,
    "holes": _holes,
    "backwards": lambda rows, _rng, _zone: rows.reverse(),
    "mixed": lambda rows, rng, _zone: rows[rng.permutation(rows.height).tolist()],
    "one": lambda rows, _rng, _zone: rows.head(1),
    "short": lambda rows, _rng, _zone: rows.head(3),
    "future": _later,
}
CLOCKS = ("utc", "offset", "naive", "half naive", "text", "serial", "one bad")


def as_text(rows: Rows, clock: str, rng: np.random.Generator, timezone: str) -> Rows:
    """Return rows as a CSV has them, with stamps written in one of `CLOCKS`."""
    slot = pl.col("slot_start")
    local = slot.dt.convert_time_zone(timezone)
    utc = slot.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    bare = local.dt.strftime("%Y-%m-%d %H:%M")
    written = {
        "utc": utc,
        "offset": local.dt.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "naive": bare,
        "half naive": pl.when(_somewhere(rows, rng, rows.height // 3 + 1)).then(bare).otherwise(utc),
        "text": pl.lit("yesterday"),
        "serial": pl.lit("46000.25"),
        "one bad": pl.when(_somewhere(rows, rng)).then(pl.lit("no date")).otherwise(utc),
    }[clock]
    return rows.with_columns(written.alias("slot_start"), pl.col(COLUMNS).cast(pl.String))
