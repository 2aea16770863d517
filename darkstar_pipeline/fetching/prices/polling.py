"""When to ask for tomorrow's prices: from the market's own time of publication on, politely, until they are there.

The first question comes some minutes after the publication, at another moment for every home, so that the homes of a
country do not all ask at once. While a source is late, the pauses grow from five minutes to half an hour.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from darkstar_pipeline.config.countries import MARKET_ZONE
from darkstar_pipeline.fetching.log import Fetch

COUPLED = time(12, 57)
"""The coupled day-ahead auction publishes its prices at 12:57 in Central Europe, on a common day."""
AGILE = time(16, 0)
"""Octopus publishes the rates of Agile at about 16:00 in London."""
_LONDON = "Europe/London"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(minutes=30)
LONGEST_PAST_WAIT = timedelta(hours=6)
"""The same for days that are over: what a source has not had for a day it will hardly have soon."""
OVERDUE = timedelta(hours=2)
"""Time after the publication from which on missing prices are told."""
SPREAD = timedelta(minutes=6)
"""The first questions of all homes are spread over this time."""


def publication(day: date, order: Sequence[str]) -> datetime:
    """Return the instant from which on a day's prices may be asked for: on the day before it.

    Args:
        day: day of the market.
        order: the sources; Octopus alone publishes later.
    """
    agile = bool(order) and order[0] == "octopus"
    at, zone = (AGILE, _LONDON) if agile else (COUPLED, MARKET_ZONE)
    return datetime.combine(day - timedelta(days=1), at, ZoneInfo(zone))


def next_question(day: date, site: str, order: Sequence[str], asked: Sequence[Fetch], now: datetime) -> datetime:
    """Return the instant of the next question for a day that is missing.

    Args:
        day: day of the market.
        site: name of the home.
        order: its sources.
        asked: log of its prices, of any days and in any order.
        now: the present instant; questions of the future, by a clock that was ahead, do not count.
    """
    begin = publication(day, order) + SPREAD * _share(site, day, 0)
    tries = [at for at in questions_of(day, asked) if begin <= at <= now]
    if not tries:
        return begin
    over = now.astimezone(ZoneInfo(MARKET_ZONE)).date() > day
    wait = min(FIRST_WAIT * 2 ** min(len(tries) - 1, 10), LONGEST_PAST_WAIT if over else LONGEST_WAIT)
    return tries[-1] + wait * (0.8 + 0.4 * _share(site, day, len(tries)))


def questions_of(day: date, asked: Sequence[Fetch]) -> list[datetime]:
    """Return the instants at which a day was asked for, in order; sources that were asked together count once."""
    return sorted({fetch.asked_at for fetch in asked if _is_of(fetch, day)})


def _is_of(fetch: Fetch, day: date) -> bool:
    """Return whether a question was one for a day."""
    return fetch.first_day is not None and fetch.last_day is not None and fetch.first_day <= day <= fetch.last_day


def _share(site: str, day: date, attempt: int) -> float:
    """Return a number from 0 to 1 that is the same whenever it is asked for."""
    digest = hashlib.sha256(f"{site} {day} {attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
