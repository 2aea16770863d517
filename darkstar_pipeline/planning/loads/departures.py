"""The next departure of a car: from its week, or as a person asked once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from darkstar_pipeline.config.household.car import WEEKDAYS, Departure
from env.time_grid import SLOT, day_bounds, zone

MOST_DAYS = 8
"""A week and a day ahead hold the next departure, if there is one."""


@dataclass(frozen=True)
class Leaving:
    """A departure at a moment.

    Attributes:
        at: the moment, in UTC.
        departure: how full the car has to be then.
    """

    at: datetime
    departure: Departure


def next_leaving(departures: Sequence[Departure], now: datetime, timezone: str) -> Leaving | None:
    """Return the next departure after a moment; None where there is none."""
    today = now.astimezone(zone(timezone)).date()
    found = [
        Leaving(at, departure)
        for offset in range(MOST_DAYS)
        for departure in departures
        if WEEKDAYS[(day := today + timedelta(days=offset)).weekday()] in departure.days
        and (at := moment_of(day, departure.clock, timezone)) > now
    ]
    return min(found, key=lambda leaving: leaving.at, default=None)


def moment_of(day: date, clock: time, timezone: str) -> datetime:
    """Return the instant of a local time of a day, in UTC.

    Where the clock jumps over it, the instant of the jump is meant; where it occurs twice, the first: a car that is
    ready too early can leave.
    """
    start, end = day_bounds(day, timezone)
    local, minutes = zone(timezone), timedelta(minutes=clock.minute % 15)
    quarter = clock.replace(minute=clock.minute - clock.minute % 15)
    at = start
    while at < end:
        told = at.astimezone(local).time()
        if told >= quarter:
            return at + minutes if told == quarter else at
        at += SLOT
    return end
