"""New rows merged with those of the lake: a new value replaces an old one, a missing new value leaves it.

Only days in which something changes are written, so a repeated import leaves every byte as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from darkstar_pipeline.sources.readings.homes import MEASURED
from darkstar_pipeline.warehouse.schemas import OUTLOOK_COLUMNS, Table
from darkstar_pipeline.warehouse.tables import Tables
from env.home_rows import HOME
from env.time_grid import local_day

Progress = Callable[[int, int], None]
"""Called with the number of days written so far and the number of days to write."""
VALUES = (*MEASURED, *OUTLOOK_COLUMNS, "price", "energy_kwh")
"""Columns that are merged one by one; every other column describes the row as a whole."""
_ROUNDING = 1e-9
"""A counter's step differs by some 1e-16 with the reading that its series begins at."""
_NEW, _CHANGED, _STORED = "_new", "_changed", "_stored"


@dataclass(frozen=True, kw_only=True)
class MergeResult:
    """New rows merged with those of the lake.

    Attributes:
        table: the table they belong to.
        offered: the new rows.
        new: offered rows whose key the lake does not have.
        changed: offered rows that change a value of a stored row.
        unchanged: offered rows that say what the lake says already.
    """

    table: Table
    offered: pl.DataFrame
    new: int
    changed: int
    unchanged: int


def stored_rows(
    table: Table,
    rows: pl.DataFrame,
    *,
    site_name: str,
    timezone: str,
    source: str,
    now: datetime,
    area: str | None = None,
) -> pl.DataFrame:
    """Return accepted rows in the columns of a lake table.

    Args:
        table: a table with `source` and `imported_at`.
        rows: accepted rows of a reader; columns that the source did not have become null.
        site_name: the home; rows of several have a column `site` instead.
        timezone: IANA zone of the local days.
        source: file or service that the rows came from.
        now: the instant of the import, with offset.
        area: price area of prices.
    """
    described = (rows if HOME in rows.columns else rows.with_columns(pl.lit(site_name).alias(HOME))).with_columns(
        local_day(timezone, table.key[0]),
        pl.lit(source).alias("source"),
        pl.lit(now.astimezone(UTC)).alias("imported_at"),
        pl.lit(area).alias("area"),
    )
    schema = table.schema.items()
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema if name not in described.columns]
    return described.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in schema)


def merge_into(
    lake: Tables,
    table: Table,
    site_name: str,
    offered: pl.DataFrame,
    *,
    keep_finer: bool = False,
    progress: Progress | None = None,
) -> MergeResult:
    """Merge new rows into those of the lake and write the days that change; other writers wait meanwhile.

    Args:
        lake: the lake.
        table: a table with `source` and `imported_at`.
        site_name: the home.
        offered: new rows of the table, one per key.
        keep_finer: leave an hour as it is where the lake has a value of it at a finer resolution.
        progress: called after every day that was written.
    """
    days = offered[table.day_column]
    first, last = days.min(), days.max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return MergeResult(table=table, offered=offered, new=0, changed=0, unchanged=0)
    counts = {_NEW: 0, _CHANGED: 0}

    def merged(stored: pl.DataFrame) -> pl.DataFrame:
        compared = compared_rows(stored, offered, table, keep_finer=keep_finer)
        counts[_NEW], counts[_CHANGED] = new_and_changed(compared)
        return merged_rows(compared, table)

    lake.merge_days(table, site_name, (first, last), merged, progress)
    new, changed = counts[_NEW], counts[_CHANGED]
    return MergeResult(table=table, offered=offered, new=new, changed=changed, unchanged=offered.height - new - changed)


def new_and_changed(compared: pl.DataFrame) -> tuple[int, int]:
    """Return how many offered rows are new, and how many change a stored one; see `compared_rows`."""
    return int(compared[_NEW].sum()), int((compared[_CHANGED] & ~compared[_NEW]).sum())


def compared_rows(
    stored: pl.DataFrame, offered: pl.DataFrame, table: Table, *, keep_finer: bool = False
) -> pl.DataFrame:
    """Return stored and offered rows side by side (`<column>`, `<column>_right`), with what is new and what changes.

    Args:
        stored: rows of the lake, of one home; of many where `keep_finer` is not asked for.
        offered: new rows of the table, one per key.
        table: the table.
        keep_finer: leave an hour as it is where the lake has a value of it at a finer resolution.
    """
    values = [name for name in VALUES if name in table.schema]
    joined = stored.with_columns(pl.lit(value=True).alias(_STORED)).join(
        offered, on=["site", *table.key], how="full", coalesce=True, suffix="_right"
    )
    candidates = joined.with_columns(_candidate(name, keep_finer=keep_finer).alias(f"{name}_right") for name in values)
    if keep_finer and "native_minutes" in table.schema:  # a row keeps the finest resolution among its values
        finest = pl.min_horizontal("native_minutes", "native_minutes_right").alias("native_minutes_right")
        candidates = candidates.with_columns(finest)
    return candidates.with_columns(
        # Nothing is left of a row whose values may replace none: such a one is no reading.
        (pl.col(_STORED).is_null() & pl.any_horizontal(pl.col(f"{name}_right").is_not_null() for name in values)).alias(
            _NEW
        ),
        pl.any_horizontal(_differs(name) for name in values).alias(_CHANGED),
    )


def merged_rows(compared: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the rows of every day of a home in which something is new or changes; see `compared_rows`."""
    values = [name for name in VALUES if name in table.schema]
    descriptions = [name for name in table.schema if name not in ("site", *table.key, *values)]
    touched = pl.col(_NEW) | pl.col(_CHANGED)
    merged = compared.with_columns(
        *(pl.coalesce(f"{name}_right", name).alias(name) for name in values),
        *(pl.when(touched).then(f"{name}_right").otherwise(name).alias(name) for name in descriptions),
    )
    kept = pl.col(_STORED).is_not_null() | pl.col(_NEW)
    return merged.filter(touched.any().over("site", table.day_column) & kept).select(table.schema.names())


def _differs(name: str) -> pl.Expr:
    """Return whether a value is offered that is not the stored one, but for the rounding of a computer."""
    apart = (pl.col(f"{name}_right") - pl.col(name)).abs() > _ROUNDING
    return pl.col(f"{name}_right").is_not_null() & apart.fill_null(value=True)


def _candidate(name: str, *, keep_finer: bool) -> pl.Expr:
    """Return the offered value, or null where it would replace a finer one."""
    offered = pl.col(f"{name}_right")
    if not keep_finer:
        return offered
    finer = pl.col(name).is_not_null() & (pl.col("native_minutes") < pl.col("native_minutes_right"))
    # Of an hour that was read finer in part, nothing is made up: its even split is not what the missing slot held.
    finer_in_hour = finer.fill_null(value=False).any().over(pl.col("slot_start").dt.truncate("1h"))
    return pl.when(~finer_in_hour).then(offered)
