"""The fetch that is due: days that are missing and that the market has published by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.context import Context
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.prices.fetch import lacking_days
from darkstar_pipeline.fetching.prices.polling import next_question, questions_of
from darkstar_pipeline.ingest.target import ImportTarget

PAST_DAYS = 7
"""Gaps of so many past days are filled."""
MOST_AGAIN = 3
"""Most days of a fetch by itself whose known prices are asked for again, for corrections."""


@dataclass(frozen=True)
class DueFetch:
    """A fetch that is due.

    Attributes:
        first: first local day of it.
        last: last one.
        key: the same for the same question, so that it is asked once.
    """

    first: date
    last: date
    key: str


def due_fetch(context: Context, now: datetime) -> DueFetch | None:
    """Return the fetch that is due now; None where nothing is missing or it is too early."""
    site, name = context.site_settings, context.site_name
    market, local = ZoneInfo(market_timezone(site.timezone)), ZoneInfo(site.timezone)
    tomorrow = now.astimezone(market).date() + timedelta(days=1)
    since = max(tomorrow - timedelta(days=PAST_DAYS + 1), site.first_day)
    lacking = lacking_days(ImportTarget.of(context), since, tomorrow)
    log, order = FetchLog(context.home).entries(name, "prices", limit=500), site.sources.prices.order
    if set(order) <= FetchLog(context.home).left_alone("prices", now).keys():
        return None  # it would only be said that all want to be left alone
    due = [day for day in lacking if next_question(day, name, order, log, now) <= now]
    if not due:
        return None
    first, last = (instant.astimezone(local).date() for instant in _ends(due, market))
    latest = now.astimezone(local).date() + timedelta(days=1)  # a day of the market may end in the day after
    count = sum(len(questions_of(day, log)) for day in due)
    key = f"{name} prices {due[0]} to {due[-1]}, {count}, {now:%Y-%m-%d %H}"
    return DueFetch(max(first, site.first_day), min(last, latest), key)


def _ends(days: Sequence[date], market: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first and the last quarter-hour of days of the market."""
    first = datetime.combine(days[0], datetime.min.time(), market)
    last = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), market) - timedelta(minutes=15)
    return first, last
