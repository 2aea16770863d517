"""Check that the lake's files can be read and fit the declaration of their table."""

# The stubs of PyArrow and Polars leave type parameters open.
# pyright: reportUnknownMemberType=false

from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.doctor.lake_rows import day_files
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import TABLES, Table

_EXAMPLES = 3


def check_tables(root: Path) -> CheckResult:
    """Compare every file of the lake with its table's declaration; only the files' footers are read."""
    unreadable: list[Path] = []
    different: list[str] = []
    count = 0
    for table in TABLES.values():
        for path in day_files(root, table):
            count += 1
            found = _schema(path)
            if found is None:
                unreadable.append(path)
            elif difference := _difference(table, found):
                if not _can_be_read(root, table, path):
                    unreadable.append(path)
                    continue
                different.append(f"{table.name} {path.parent.name}: {difference}")
    if unreadable:
        examples = ", ".join(str(path) for path in unreadable[:_EXAMPLES])
        remedy = "`darkstar doctor --repair` moves them aside; import or backfill their days again"
        return failed("tables", f"{len(unreadable)} of {count} files cannot be read: {examples}", remedy)
    if different:
        examples = "; ".join(different[:_EXAMPLES])
        remedy = "backfill those days again; imported tables have to be imported again"
        return warned("tables", f"{len(different)} of {count} files differ from their declaration: {examples}", remedy)
    return passed("tables", f"{count} files in {len(TABLES)} tables fit their declaration")


def _can_be_read(root: Path, table: Table, path: Path) -> bool:
    """Return whether the types of a file can be read as those of its table."""
    try:
        Lake(root).read_paths(table, [path])
    except LakeUnreadableError:
        return False
    return True


def _schema(path: Path) -> dict[str, pl.DataType] | None:
    """Columns and types of a file; None where it is no Parquet."""
    try:
        arrow = parquet.read_schema(path)
    except (OSError, pa.ArrowException):
        return None
    frame = pl.from_arrow(arrow.empty_table())
    return dict(frame.schema) if isinstance(frame, pl.DataFrame) else {}


def _difference(table: Table, found: dict[str, pl.DataType]) -> str:
    """Return the differences from the declaration; empty where there are none."""
    missing = sorted(set(table.schema) - set(found))
    unknown = sorted(set(found) - set(table.schema_with(found)))
    other = sorted(name for name, dtype in table.schema.items() if name in found and found[name] != dtype)
    parts = (("without", missing), ("unknown", unknown), ("other type", other))
    return ", ".join(f"{word} {names}" for word, names in parts if names)
