"""Rules on the numbers themselves and on the slots they stand for."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from env.time_grid import SLOT_MINUTES
from planner.verification.columns import COMMAND, Schedule
from planner.verification.findings import Finding, Values

SLOT_US = SLOT_MINUTES * 60_000_000
MAY_BE_NEGATIVE = frozenset({"import_price", "export_price", "price", "cost"})
ROUNDING = 1e-9  # below this a negative number is one of floating point, not of the schedule
_EPOCH = date(1970, 1, 1)


def not_finite(schedule: Schedule) -> Iterator[Finding]:
    """Every number is there and finite."""
    for name, values in schedule.values.items():
        yield Finding("not_finite", np.isnan(values), np.zeros_like(values), "", _no_number(name))


def _no_number(name: str) -> Callable[[int], str]:
    return lambda _: f"{name} is no finite number"


def negative(schedule: Schedule) -> Iterator[Finding]:
    """Flows, loads and commands are not below zero: the column gives the direction."""
    for name, values in schedule.values.items():
        if name not in MAY_BE_NEGATIVE:
            least = ROUNDING if name in COMMAND else schedule.tolerance_kwh
            unit = "kW" if name in COMMAND else "kWh"
            yield Finding("negative", values < -least, -values, unit, _below_zero(name, values, unit))


def _below_zero(name: str, values: Values, unit: str) -> Callable[[int], str]:
    return lambda i: f"{name} is {values[i]:.6g} {unit}, below 0"


def slot_grid(schedule: Schedule) -> Iterator[Finding]:
    """Slots begin on the quarter hour and follow each other without gap or repetition, inside a day at least."""
    starts = schedule.starts
    if starts is None:
        return
    known = starts > np.iinfo(np.int64).min
    off = known & (starts % SLOT_US != 0)
    minutes_off = np.where(off, starts % SLOT_US, 0) / 60_000_000
    yield Finding("slot_grid", ~known, np.zeros(len(starts)), "min", lambda _: "slot_start is missing")
    yield Finding(
        "slot_grid", off, minutes_off, "min", lambda i: f"the slot begins {minutes_off[i]:g} min off the quarter hour"
    )
    steps = np.diff(np.where(known, starts, 0))
    wrong = steps != SLOT_US
    if schedule.days is not None:  # between days some may be left out
        wrong &= (np.diff(schedule.days) == 0) | (steps < SLOT_US)
    wrong &= known[1:] & known[:-1] & ~schedule.other_home[1:]
    minutes = np.concatenate([[SLOT_MINUTES], steps / 60_000_000])
    yield Finding(
        "slot_grid",
        np.concatenate([[False], wrong]),
        np.abs(minutes - SLOT_MINUTES),
        "min",
        lambda i: f"the slot begins {minutes[i]:g} min after the one before, not {SLOT_MINUTES}",
    )


def day_slots(schedule: Schedule) -> Iterator[Finding]:
    """A local day has the slots that the calendar gives it, 92, 96 or 100, all of that day."""
    days, starts = schedule.days, schedule.starts
    if days is None or starts is None:
        return
    first = np.concatenate([[True], days[1:] != days[:-1]]) | schedule.other_home
    begins = np.flatnonzero(first)
    found = np.diff(np.append(begins, len(days)))
    bounds = np.array([_bounds(int(days[at]), schedule.site.timezone) for at in begins])
    expected = (bounds[:, 1] - bounds[:, 0]) // SLOT_US
    run = np.cumsum(first) - 1
    outside = (starts < bounds[run, 0]) | (starts >= bounds[run, 1])
    yield Finding("day_slots", outside, np.ones(len(days)), "slots", lambda i: f"the slot is not of {_day(days[i])}")
    short = first & (found != expected)[run]
    off_by = np.abs(found - expected)[run].astype(np.float64)
    yield Finding(
        "day_slots",
        short,
        off_by,
        "slots",
        lambda i: f"{_day(days[i])} has {found[run[i]]} slots, not {expected[run[i]]}",
    )


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=int(number))


@lru_cache(maxsize=4096)
def _bounds(number: int, timezone: str) -> tuple[int, int]:
    """First instants of a local day and of the next [us since 1970]; nothing for a day outside the calendar."""
    try:
        midnights = (_day(number + add) for add in (0, 1))
        first, last = (datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(timezone)) for d in midnights)
    except OverflowError:
        return 0, 0
    return _microseconds(first), _microseconds(last)


def _microseconds(instant: datetime) -> int:
    since = instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)
