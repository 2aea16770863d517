"""The sensor that has prices fetched: from the market's time of publication on, until they are there.

It is on by default, since it exists only for homes with sources; it also fills gaps of the last days. What does not
belong here: when a source may be asked (`fetching.prices.polling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.home import Home
from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.prices.fetch import lacking_days
from darkstar_pipeline.fetching.prices.polling import next_question, questions_of
from darkstar_pipeline.ingest.target import ImportTarget
from jobs.names import job_name
from jobs.refresh import DAILY_REFRESH, range_tags

SECONDS = 120
"""Between two looks of the sensor [s]: as often as a first question may be late."""
PAST_DAYS = 7
"""Gaps of so many past days are filled."""


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


def due_fetch(home: Home, now: datetime) -> DueFetch | None:
    """Return the fetch that is due now; None where nothing is missing or it is too early."""
    market = ZoneInfo(market_timezone(home.timezone))
    tomorrow = now.astimezone(market).date() + timedelta(days=1)
    since = max(tomorrow - timedelta(days=PAST_DAYS + 1), home.settings.first_day)
    lacking = lacking_days(ImportTarget.of(home.context), since, tomorrow)
    log, order = FetchLog(home.context.home).entries(home.name, "prices", limit=500), home.settings.sources.prices.order
    due = [day for day in lacking if next_question(day, home.name, order, log, now) <= now]
    if not due:
        return None
    local = ZoneInfo(home.timezone)
    first, last = (instant.astimezone(local).date() for instant in _ends(due, market))
    latest = now.astimezone(local).date() + timedelta(days=1)  # a day of the market may end in the day after
    count = sum(len(questions_of(day, log)) for day in due)
    key = f"{home.name} prices {due[0]} to {due[-1]}, {count}, {now:%Y-%m-%d %H}"
    return DueFetch(max(first, home.settings.first_day), min(last, latest), key)


def price_sensors(home: Home) -> Sequence[dg.SensorDefinition]:
    """Return the sensor of a home; none where its prices are imported."""
    if not home.settings.sources.prices.order:
        return ()
    name = job_name(home, DAILY_REFRESH)

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=job_name(home, "price_sensor"),
        job_name=name,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Fetches prices of {home.name} once the market has published them.",
    )
    def look() -> dg.RunRequest | dg.SkipReason:
        due = due_fetch(home, datetime.now(UTC))
        if due is None:
            return dg.SkipReason("every price that is published is there, or it is too early to ask again")
        return dg.RunRequest(run_key=due.key, tags=range_tags(due.first, due.last))

    return (look,)


def _ends(days: Sequence[date], market: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first and the last quarter-hour of days of the market."""
    first = datetime.combine(days[0], datetime.min.time(), market)
    last = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), market) - timedelta(minutes=15)
    return first, last
