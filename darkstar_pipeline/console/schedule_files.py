"""Schedules read from files, as `darkstar schedule --out` writes them."""

from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.console.table_files import SUFFIXES
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError

if TYPE_CHECKING:
    import polars as pl


def read_schedule_file(path: Path, timezone: str) -> "pl.DataFrame":
    """Return the schedule of a file, with `slot_start` as instants and `local_day` added.

    Args:
        path: CSV, JSON (a list of row objects) or Parquet, by its suffix.
        timezone: IANA zone of the home.

    Raises:
        ConfigurationError: there is no such file, or its suffix is unknown.
        DataRefusedError: its content does not fit its suffix, or is not a table of slots.
    """
    import polars as pl

    from env.time_grid import SLOT_DTYPE, local_day

    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file", "name a schedule, or give --day and --policy")
    rows = _rows(path)
    if "slot_start" not in rows.columns:
        raise DataRefusedError(f"{path}: the column slot_start is missing", "write it by `darkstar schedule --out`")
    starts = rows["slot_start"]
    if starts.dtype == pl.String:
        starts = starts.str.to_datetime("%+", strict=False, time_zone="UTC", time_unit="us")
    elif not isinstance(starts.dtype, pl.Datetime):
        raise DataRefusedError(
            f"{path}: slot_start is {starts.dtype}, not an instant", "write them as 2026-01-31T00:00:00Z"
        )
    elif starts.dtype.time_zone is None:
        starts = starts.dt.replace_time_zone("UTC")
    return rows.with_columns(starts.cast(SLOT_DTYPE).alias("slot_start")).with_columns(local_day(timezone))


def _rows(path: Path) -> "pl.DataFrame":
    """Return the rows of the file.

    Raises:
        ConfigurationError: its suffix is unknown.
        DataRefusedError: its content does not fit its suffix.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigurationError(f"{path}: the suffix does not name a format", f"use one of {', '.join(SUFFIXES)}")
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        if suffix == ".csv":
            return pl.read_csv(path, infer_schema_length=None)
        return pl.read_json(path, infer_schema_length=None)
    except PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataRefusedError(f"{path}: {reason}", f"it must be a table as {suffix.removeprefix('.')}") from error
