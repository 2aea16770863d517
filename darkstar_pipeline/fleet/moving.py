"""A home's tables copied from one lake to another, each day read back and compared; what is there already is left."""

from collections.abc import Callable
from typing import NamedTuple

from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.warehouse.schemas import TABLES, Table
from darkstar_pipeline.warehouse.tables import Tables

_DAYS_AT_ONCE = 31
Progress = Callable[[int, int], None]


class MovedTable(NamedTuple):
    """Days and rows copied of a table.

    Attributes:
        table: its name.
        days: days that the source has of the home.
        rows: rows of these days.
        written: days that were missing at the target, or differed there.
    """

    table: str
    days: int
    rows: int
    written: int


def copy_home(
    source: Tables, target: Tables, site: str, *, dry_run: bool = False, progress: Progress | None = None
) -> list[MovedTable]:
    """Copy every table of a home; it can be killed and repeated.

    Args:
        source: where the home is.
        target: where it is to be.
        site: the home.
        dry_run: count, and write nothing.
        progress: called with the tables that are done, and their number.

    Returns:
        The tables that the home has rows or days of.

    Raises:
        LakeUnreadableError: a day of the source is damaged.
        OutsideServiceError: the target failed, or gives back other rows than were written.
    """
    moved: list[MovedTable] = []
    for number, table in enumerate(TABLES.values(), start=1):
        one = _copy_table(source, target, table, site, dry_run=dry_run)
        if one.days:
            moved.append(one)
        if progress is not None:
            progress(number, len(TABLES))
    return moved


def _copy_table(source: Tables, target: Tables, table: Table, site: str, *, dry_run: bool) -> MovedTable:
    days, rows, written = source.days(table, site), 0, 0
    there = set(target.days(table, site))
    for start in range(0, len(days), _DAYS_AT_ONCE):
        part = days[start : start + _DAYS_AT_ONCE]
        frame = source.read_days(table, site, part)
        rows += frame.height
        if there.issuperset(part) and target.read_days(table, site, part).equals(frame):
            continue
        written += len(part)
        if dry_run:
            continue
        target.write_days(table, site, part, frame)
        if not target.read_days(table, site, part).equals(frame):
            message = f"{table.name} of {site}, {part[0]} to {part[-1]}: what was written is not what is read back"
            raise OutsideServiceError(message, "run it again when nothing else writes to this home")
    return MovedTable(table.name, len(days), rows, written)
