"""Checks files before DuckDB reads them, which knows nothing of their checksums (ADR 0071)."""

from collections.abc import Iterable
from glob import glob
from pathlib import Path

from darkstar_pipeline.warehouse.checksums import ChecksumError, check
from darkstar_pipeline.warehouse.lake import REPAIR, LakeUnreadableError

CHECKED_BYTES = 2**30
"""Most that is checked for a statement, a second or two; what is beyond is read unchecked, which is told [B]."""


def check_files(patterns: Iterable[str]) -> str:
    """Check the files that DuckDB finds by some patterns, up to a limit.

    Args:
        patterns: as DuckDB and Python's glob read them.

    Returns:
        What was left unchecked, for a person; empty where nothing was.

    Raises:
        LakeUnreadableError: a file is damaged.
    """
    files = [Path(each) for pattern in patterns for each in sorted(glob(pattern))]  # noqa: PTH207 - patterns are absolute, as DuckDB takes them
    size = 0
    for number, file in enumerate(files):
        try:
            size += file.stat().st_size
            if size > CHECKED_BYTES:
                left = f"{len(files) - number} of {len(files)} files are read without a look at their checksums"
                return f"{left}, beyond {CHECKED_BYTES // 2**20} MiB: `{REPAIR}` looks at all"
            check(file.read_bytes())
        except FileNotFoundError:  # replaced by nothing meanwhile, as by `doctor --repair`
            continue
        except (ChecksumError, OSError) as error:
            message = f"a file of the lake cannot be read: {file}: {' '.join(str(error).split())}"
            hint = f"`{REPAIR}` sets it aside; then backfill its day again, or import its readings or prices"
            raise LakeUnreadableError(message, hint) from error
    return ""
