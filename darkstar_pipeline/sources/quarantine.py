"""Quarantine of refused rows: one CSV per refused content, so that importing a file again makes no second one."""

import hashlib
import re
from pathlib import Path

import polars as pl

from darkstar_pipeline.sources.remarks import REFUSED
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_HASH_DIGITS = 16


def with_refused_readings(rejects: pl.DataFrame, remarks: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return refused rows, and after them the readings that were refused as a series: a row a day and reason.

    Args:
        rejects: see `Parsed`.
        remarks: see `remarks`.
        file: name of the file that they were in, or of the first of several.
    """
    seen = rejects.select("quantity", "reason").unique()
    series = remarks.filter(pl.col("action") == REFUSED).join(seen, on=["quantity", "reason"], how="anti")
    rows = series.select(
        pl.lit(file).alias("file"),
        pl.lit(None, pl.Int64).alias("row"),
        "reason",
        pl.struct("readings", "last_slot").struct.json_encode().alias("raw"),
        pl.col("first_slot").alias("slot_start"),
        "quantity",
    )
    return pl.concat([rejects, rows])


def keep_rejects(folder: Path, rejects: pl.DataFrame) -> Path | None:
    """Write refused rows into `folder` as `<content hash>-<file>.csv`, whole or not at all.

    Args:
        folder: the quarantine; made if needed.
        rejects: see `Parsed`.

    Returns:
        The file, also where it was there already; None where nothing was refused.
    """
    if rejects.is_empty():
        return None
    content = rejects.write_csv().encode()
    label = _UNSAFE.sub("_", str(rejects["file"][0]))[:80]
    target = folder / f"{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}-{label}.csv"
    if target.exists():
        return target
    make_folder(folder)
    with atomic_write(target) as temporary:
        temporary.write_bytes(content)
    return target
