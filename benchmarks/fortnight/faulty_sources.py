"""The sources of prices and weather on loopback: late, refusing, cut off or wrong in half of their answers."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from darkstar_pipeline.fetching.weather.services import ADDRESSES
from tests.builders.price_sources import CET, PriceSources
from tests.builders.source_server import HTML, Asked, Reply
from tests.builders.weather_answers import BODIES

Price = Callable[[datetime], float]
PUBLISHED_HOUR = 13
FAULTY = 0.5
"""Share of answers with a fault."""


def _status(code: int) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, status=code)


REPLIES: Mapping[str, Callable[[Reply], Reply]] = {
    "401": _status(401),
    "404": _status(404),
    "429": _status(429),
    "500": _status(500),
    "503": _status(503),
    "no answer": lambda reply: replace(reply, drop=True),
    "cut off": lambda reply: replace(reply, cut=len(reply.body) // 2),
    "truncated": lambda reply: replace(reply, body=reply.body[:-40]),
    "web page": lambda _: HTML,
    "web page said to be data": lambda reply: replace(reply, body=HTML.body),
    "empty": lambda reply: replace(reply, body=b""),
    "an error instead": lambda reply: replace(reply, body=b'{"error": "internal"}'),
}
"""Faults of an answer of any source."""


def _contents(price: Price) -> Mapping[str, Mapping[str, Any]]:
    """Return the faults of what a source of prices has."""
    day, hour = timedelta(days=1), timedelta(hours=1)
    return {
        "yesterday": {"shift": -day},
        "yesterday's prices": {"price": lambda at: price(at - day)},
        "an hour missing": {"shown": lambda steps: steps[:40] + steps[44:]},
        "four prices": {"shown": lambda steps: steps[:4]},
        "an hour late": {"shift": hour, "price": lambda at: price(at - hour)},
        "all zero": {"price": lambda _: 0.0},
        "a thousand times too much": {"price": lambda at: 1000 * price(at)},
    }


@dataclass
class FaultySources:
    """Every source, at one address.

    Attributes:
        price: the market's price of an instant [EUR/MWh].
        now: gives the present instant.
        random: draws faults.
        late: hours by which the publication of a day is late.
        counts: how often each fault was put in.
    """

    price: Price
    now: Callable[[], datetime]
    random: random.Random
    late: Mapping[date, float] = field(default_factory=dict[date, float])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def published(self) -> date:
        """Return the last day of the market that is published now."""
        now = self.now().astimezone(CET)
        day = now.date() + timedelta(days=1)
        while now.replace(tzinfo=None) < _publication(day, self.late.get(day, 0.0)):
            day -= timedelta(days=1)
        return day

    def answer(self, asked: Asked) -> Reply:
        """Answer a request, rightly or not."""
        return self._weather(asked) if asked.path.split("/")[1] in ADDRESSES else self._prices(asked)

    def _weather(self, asked: Asked) -> Reply:
        true = Reply(body=BODIES["/" + asked.path.split("/")[1]](self.now()))
        return REPLIES[self._drawn(REPLIES)](true) if self._is_faulty() else true

    def _prices(self, asked: Asked) -> Reply:
        today = self.now().astimezone(CET).date()
        given: dict[str, Any] = {"today": today, "published": self.published(), "price": self.price}
        if "EXR" in asked.path or not self._is_faulty():
            return PriceSources(**given).answer(asked)
        contents = _contents(self.price)
        name = self._drawn({**REPLIES, **contents})
        wrong = PriceSources(**{**given, **contents.get(name, {})}).answer(asked)
        return REPLIES.get(name, lambda reply: reply)(wrong)

    def _is_faulty(self) -> bool:
        return self.random.random() < FAULTY

    def _drawn(self, faults: Mapping[str, object]) -> str:
        name = self.random.choice(tuple(faults))
        self.counts[name] = self.counts.get(name, 0) + 1
        return name


def _publication(day: date, late: float) -> datetime:
    """Return when a day is published, by the market's clock."""
    before = day - timedelta(days=1)
    return datetime(before.year, before.month, before.day, PUBLISHED_HOUR) + timedelta(hours=late)  # noqa: DTZ001 - the wall clock's
