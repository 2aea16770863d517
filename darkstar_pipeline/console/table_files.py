"""Frames written to files in the format that the file's name says."""

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
    """Refuse a file whose name does not say what to write.

    Raises:
        UsageError: it ends in none of the known ways.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"the name {path} does not say in which format to write", f"end it in {', '.join(SUFFIXES)}")


def write_frame(frame: "pl.DataFrame", path: Path) -> Path:
    """Write a frame as CSV, JSON (a list of row objects) or Parquet, replaced whole or not at all.

    Args:
        frame: any frame of plain columns.
        path: the file; its name says the format.

    Returns:
        The absolute path.

    Raises:
        UsageError: the name does not say the format.
        ConfigurationError: the folder does not exist.
    """
    from darkstar_pipeline.state.atomic_files import atomic_write

    check_suffix(path)
    target = check_out(path)
    with atomic_write(target) as temporary:
        if target.suffix.lower() == ".parquet":
            frame.write_parquet(temporary, compression="zstd")
        elif target.suffix.lower() == ".csv":
            frame.write_csv(temporary, datetime_format=_CSV_INSTANT)
        else:
            with temporary.open("w", encoding="utf-8") as handle:
                write_json(frame.to_dicts(), handle)
    return target
