"""Tables written to files, in the format that the suffix names."""

from pathlib import Path
from typing import TYPE_CHECKING

from darkstar_pipeline.console.arguments import check_out
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.json_values import write_json

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".json", ".parquet")
_CSV_INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ"


def check_suffix(path: Path) -> None:
    """Refuse a file whose suffix names no format.

    Raises:
        UsageError: the suffix is unknown.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"the suffix of {path} does not name a format", f"use one of {', '.join(SUFFIXES)}")


def write_frame(frame: "pl.DataFrame", path: Path) -> Path:
    """Write a frame as CSV, JSON (a list of row objects) or Parquet, replaced whole or not at all.

    Args:
        frame: any frame of plain columns.
        path: the file; its suffix names the format.

    Returns:
        The absolute path.

    Raises:
        UsageError: the suffix is unknown.
        ConfigurationError: the folder does not exist.
    """
    from darkstar_pipeline.state.atomic_files import atomic_write

    check_suffix(path)
    target = check_out(path)
    with atomic_write(target, shared=True) as temporary:
        if target.suffix.lower() == ".parquet":
            frame.write_parquet(temporary, compression="zstd")
        elif target.suffix.lower() == ".csv":
            frame.write_csv(temporary, datetime_format=_CSV_INSTANT)
        else:
            with temporary.open("w", encoding="utf-8") as handle:
                write_json(frame.to_dicts(), handle)
    return target
