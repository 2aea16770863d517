"""Notes and remarks on the readings of homes: what was altered, left out or not used.

Notes are rows `[site, note]`; homes that there is nothing to say of have none.
"""

from collections.abc import Iterable

import polars as pl

from darkstar_pipeline.sources.readings.values import ROUNDING_KWH
from darkstar_pipeline.sources.remarks import ALTERED, REFUSED, remarks_on
from darkstar_pipeline.warehouse.schemas import SOC_COLUMNS
from env.home_rows import HOME, by_home, per_home
from planner.wording.columns import worded


def whole_notes(rows: pl.DataFrame, notes: Iterable[str]) -> list[pl.DataFrame]:
    """Return notes that are the same for every home of the rows."""
    homes = rows.select(HOME).unique(maintain_order=True)
    return [homes.with_columns(pl.lit(note).alias("note")) for note in notes]


def counted_notes(rows: pl.DataFrame, file: str, words: str) -> pl.DataFrame:
    """Return a note for each home of the rows that says how many they are.

    Args:
        rows: rows with `site`.
        file: name that is reported.
        words: what they are, with a place for their number.
    """
    return per_home(rows, pl.len().alias("count")).select(
        HOME, worded("{}: " + words, pl.lit(file), "count").alias("note")
    )


def column_notes(raw: pl.DataFrame, others: tuple[str, ...], file: str) -> list[str]:
    """Return notes on columns that are not used and on columns that are missing."""
    notes = [f"{file}: columns not used: {', '.join(others)}"] if others else []
    if "pv_kwh" not in raw.columns:
        notes.append(f"{file}: no column pv_kwh; PV stays unknown")
    return notes


def order_notes(frame: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return a note for each home whose rows are not in order of time."""
    backwards = (pl.col("slot_start").diff() < pl.duration()).any().alias("backwards")
    mixed = per_home(frame.drop_nulls("slot_start"), backwards).filter("backwards")
    words = f"{file}: rows were not in order of time and were sorted"
    return mixed.select(HOME, pl.lit(words).alias("note"))


def standby(read: pl.DataFrame, rounded: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which PV was below zero by more than rounding and is taken as none."""
    if "pv_kwh" not in read.columns:
        return read.clear()
    return read.filter(((read["pv_kwh"] < -ROUNDING_KWH) & (rounded["pv_kwh"] == 0)).fill_null(value=False))


def asleep(read: pl.DataFrame, rounded: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return remarks on the PV that is taken as none."""
    words = pl.lit("pv_kwh below zero is an inverter's standby, taken as 0").alias("reason")
    rows = standby(read, rounded).select(*by_home(read, "slot_start"), words)
    return remarks_on(rows, "pv_kwh", ALTERED, timezone)


def far_off(believed: pl.DataFrame, checked: pl.DataFrame, timezone: str) -> list[pl.DataFrame]:
    """Return remarks on the states of charge that are left out."""
    words = pl.lit("a state of charge is far off for one row only").alias("reason")
    return [
        remarks_on(
            believed.filter(believed[name].is_not_null() & checked[name].is_null()).select(
                *by_home(believed, "slot_start"), words
            ),
            "soc_percent",
            REFUSED,
            timezone,
        )
        for name in SOC_COLUMNS
        if name in believed.columns
    ]
