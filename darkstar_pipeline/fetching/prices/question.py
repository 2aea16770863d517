"""The one interface of the sources of spot prices: days of a market and an area in, a publication out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from env.time_grid import day_start


@dataclass(frozen=True, kw_only=True)
class Question:
    """Days of a market that a source is asked for.

    Attributes:
        area: price area, by any of its names.
        currency: currency of the home; a source that has several gives this one.
        zone: IANA zone of the market's days.
        first: first day of the market.
        last: last one.
        now: the present instant.
    """

    area: str
    currency: str
    zone: str
    first: date
    last: date
    now: datetime

    @property
    def start(self) -> datetime:
        """The first instant (UTC)."""
        return day_start(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant after the last one (UTC)."""
        return day_start(self.last + timedelta(days=1), self.zone)

    def days_around(self, span: timedelta) -> list[date]:
        """Return the days before the first and after the last one."""
        steps = range(1, span.days + 1)
        before = [self.first - timedelta(days=n) for n in reversed(steps)]
        return [*before, *(self.last + timedelta(days=n) for n in steps)]

    @property
    def is_of_the_future(self) -> bool:
        """Return whether its last day has not begun."""
        return day_start(self.last, self.zone) > self.now


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Prices as a source gave them, before any check.

    Attributes:
        offer: the price lists.
        asked_at: instant of the request, by this machine's clock.
        sha256: hash of the answer.
        published_at: instant of the publication, where the source states it.
        server_time: the source's clock, where it shows it.
    """

    offer: PriceOffer
    asked_at: datetime
    sha256: str
    published_at: datetime | None = None
    server_time: datetime | None = None


class PriceService(Protocol):
    """A source of spot prices."""

    @property
    def name(self) -> PriceSource:
        """Its name, as `sources.prices.order` has it."""
        ...

    @property
    def longest_days(self) -> int:
        """Most days that one request can ask for."""
        ...

    def serves(self, area: str) -> bool:
        """Return whether it has prices of an area."""
        ...

    def ask(self, question: Question, client: SourceClient) -> Publication:
        """Return its prices of some days.

        Raises:
            FetchError: it gives none that can be read.
        """
        ...


def as_text(instant: datetime) -> str:
    """Return an instant as most sources take it: `2026-01-31T13:15:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spans(days: Sequence[date], longest: int) -> Iterator[list[date]]:
    """Yield days in spans of one request each, the newest first; small gaps in between are asked for too."""
    left = sorted(days, reverse=True)
    while left:
        span = [day for day in left if (left[0] - day).days < longest]
        yield sorted(span)
        left = left[len(span) :]
