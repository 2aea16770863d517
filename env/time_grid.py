"""The time grid: quarter-hour slots, known by their start in UTC, grouped into local calendar days.

A local day has 92, 96 or 100 slots where the clock moves by an hour (94 or 98 where it moves by half an hour), so a
slot is never addressed as 0..95. Everything here works for any IANA zone, also those whose clock changes at midnight.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from polars.exceptions import ComputeError

from env.errors import TimeZoneError

SLOT_MINUTES = 15
SLOT_HOURS = SLOT_MINUTES / 60
SLOT = timedelta(minutes=SLOT_MINUTES)
SLOT_DTYPE = pl.Datetime("us", "UTC")


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        TimeZoneError: the name is unknown.
    """
    try:
        found = ZoneInfo(name)
        # Polars brings its own database: a name must be in both, or days and slots would part.
        pl.Series([0]).cast(SLOT_DTYPE).dt.convert_time_zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, ComputeError) as error:  # OSError: such as "." or "Europe"
        raise TimeZoneError(name) from error
    return found


def day_start(day: date, timezone: str) -> datetime:
    """First instant of the local day, in UTC.

    Where midnight does not exist (the clock jumps over it), `zoneinfo` reads 00:00 with the offset before the jump,
    which is the instant of the jump itself; where it occurs twice, the first is meant.

    >>> day_start(date(2026, 3, 29), "Europe/Stockholm").isoformat()
    '2026-03-28T23:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone(timezone)).astimezone(UTC)


def day_bounds(day: date, timezone: str) -> tuple[datetime, datetime]:
    """Start and end of the local day in UTC, half open."""
    return day_start(day, timezone), day_start(day + timedelta(days=1), timezone)


def slot_count(day: date, timezone: str) -> int:
    """Number of slots of the local day.

    >>> [slot_count(date(2026, m, d), "Europe/Stockholm") for m, d in ((3, 29), (3, 30), (10, 25))]
    [92, 96, 100]
    """
    start, end = day_bounds(day, timezone)
    return int((end - start) / SLOT)


def slot_of(at: datetime) -> datetime:
    """Start of the slot that holds an instant, in UTC."""
    seconds = at.timestamp() // SLOT.total_seconds() * SLOT.total_seconds()
    return pl.Series([round(seconds * 1e6)]).cast(SLOT_DTYPE)[0]


def days_between(first: date, last: date) -> Iterator[date]:
    """The calendar days from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def grid(first: date, last: date, timezone: str) -> pl.DataFrame:
    """Every slot of the local days `first` to `last`, both included.

    Returns:
        Columns `slot_start` (UTC, ascending) and `local_day`.
    """
    start = day_start(first, timezone)
    end = day_start(last + timedelta(days=1), timezone)
    slots = pl.datetime_range(start, end, SLOT, closed="left", time_unit="us", time_zone="UTC", eager=True)
    return pl.DataFrame({"slot_start": slots}).with_columns(local_day(timezone))


def local_day(timezone: str, column: str = "slot_start") -> pl.Expr:
    """Expression for the local calendar day of a UTC instant, named `local_day`."""
    zone(timezone)
    return pl.col(column).dt.convert_time_zone(timezone).dt.date().alias("local_day")


def local_clock(timezone: str, column: str = "slot_start") -> pl.Expr:
    """Expression for minutes since local midnight by the wall clock, named `local_clock` [min].

    The repeated autumn hour has the same wall clock twice: a key for profiles, never for identifying a slot.
    """
    zone(timezone)
    local = pl.col(column).dt.convert_time_zone(timezone)
    return (local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute().cast(pl.Int32)).alias("local_clock")
