"""Thirty-odd faults of every source: nothing is written, the reason is recorded, the next source is asked."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.fetching.client import SourceClient
from tests.builders.price_home import price_home, quick_client
from tests.builders.price_sources import AREAS, PriceSources, euro_per_mwh
from tests.builders.source_server import HTML, Asked, Reply, SourceServer, source_server

TODAY, TOMORROW = date(2026, 1, 30), date(2026, 1, 31)
NOW = datetime(2026, 1, 30, 12, 15, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GZIP = {"Content-Encoding": "gzip"}
NAMELESS = ("elprisetjustnu", "energy_charts", "octopus", "awattar", "tibber")
"""Sources whose answers do not name the area."""
ROUNDED = ("tibber", "octopus")
"""Sources that round to four decimals, so that few prices are left of a thousandth."""


@dataclass(frozen=True)
class Fault:
    """A fault of a source.

    Attributes:
        causes: what it may be put down to.
        reply: changes the answer.
        content: changes what the source has.
        words: a word of the reason.
        not_of: sources that cannot have it.
    """

    causes: str
    words: str = ""
    reply: Callable[[Reply], Reply] = field(default=lambda reply: reply)
    content: dict[str, Any] = field(default_factory=dict)
    not_of: tuple[str, ...] = ()


def status(code: int, **headers: str) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, status=code, headers={k.replace("_", "-"): v for k, v in headers.items()})


def body(content: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, body=content)


def twice(steps: list[datetime]) -> list[datetime]:
    return sorted([*steps, *steps[4:8]]) if steps else steps


def flickering() -> Callable[[datetime], float]:
    calls = iter(range(1_000_000))
    return lambda at: euro_per_mwh(at) + next(calls) / 100


def beyond_belief(at: datetime) -> float:
    return 9e6 if at.hour == 9 else 50.0 + at.hour


FAULTS = {
    "401": Fault("refused", "401", status(401)),
    "403": Fault("refused", "403", status(403)),
    "404": Fault("refused late", "", status(404)),
    "400": Fault("refused", "400", status(400)),
    "410": Fault("refused", "410", status(410)),
    "204": Fault("late wrong", "", status(204)),
    "301": Fault("refused", "moved", status(301, Location="/elsewhere")),
    "429": Fault("refused", "too often", status(429)),
    "429 for an hour": Fault("refused", "3600", status(429, Retry_After="3600")),
    "500": Fault("unreachable", "500", status(500)),
    "502": Fault("unreachable", "502", status(502)),
    "503": Fault("unreachable", "503", status(503)),
    "503 for an hour": Fault("unreachable", "503", status(503, Retry_After="3600")),
    "504": Fault("unreachable", "504", status(504)),
    "no answer": Fault("unreachable", "cut off", lambda reply: replace(reply, drop=True)),
    "cut off": Fault("unreachable", "cut off", lambda reply: replace(reply, cut=len(reply.body) // 2)),
    "truncated and said to be whole": Fault("wrong", "", lambda reply: replace(reply, body=reply.body[:-40])),
    "web page": Fault("wrong", "web page", lambda _: HTML),
    "web page said to be data": Fault("wrong", "web page", lambda reply: replace(reply, body=HTML.body)),
    "picture": Fault("wrong", "image/png", lambda reply: replace(reply, content_type="image/png")),
    "empty": Fault("wrong", "empty", body(b"")),
    "not the gzip it says": Fault("unreachable", "", lambda reply: replace(reply, headers=GZIP)),
    "bytes that are no text": Fault("wrong", "", body(b"\xff\xfe\x00{\x80")),
    "no data format": Fault("wrong", "", body(b"SE3;0,50")),
    "an error instead": Fault("late wrong refused", "", body(b'{"error": "internal"}')),
    "the clock is wrong": Fault(
        "wrong", "clock", lambda reply: replace(reply, headers={"Date": format_datetime(datetime.now(UTC) - DAY)})
    ),
    "another area": Fault("wrong", "", content={"area": "10YNO-1--------2"}, not_of=NAMELESS),
    "yesterday": Fault("wrong late", "", content={"shift": -DAY}),
    "yesterday's prices": Fault("wrong", "", content={"price": lambda at: euro_per_mwh(at - DAY)}),
    "an hour missing": Fault("wrong late", "of 96", content={"shown": lambda steps: steps[:40] + steps[44:]}),
    "the last hour missing": Fault("wrong late", "", content={"shown": lambda steps: steps[:-4]}),
    "four prices": Fault("late wrong", "", content={"shown": lambda steps: steps[:4]}),
    "nothing yet": Fault("late", "", content={"published": TODAY}),
    "an hour twice, differing": Fault("wrong late", "", content={"shown": twice, "price": flickering()}),
    "an hour late": Fault("wrong late", "", content={"shift": HOUR, "price": lambda at: euro_per_mwh(at - HOUR)}),
    "not a number": Fault("wrong late", "", content={"price": lambda _: float("nan")}),
    "all zero": Fault("wrong late", "", content={"price": lambda _: 0.0}),
    "a thousand times too much": Fault("wrong", "", content={"price": lambda at: 1000 * euro_per_mwh(at)}),
    "a thousandth": Fault("wrong", "", content={"price": lambda at: euro_per_mwh(at) / 1000}, not_of=ROUNDED),
    "one price beyond belief": Fault("wrong late", "", content={"price": beyond_belief}),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Generator[SourceServer]:
    with source_server() as one:
        yield one


@pytest.fixture(scope="module")
def client() -> Generator[SourceClient]:
    with quick_client() as one:
        yield one


OFTEN = ("elprisetjustnu", "entsoe")
SOURCES = [name if name in OFTEN else pytest.param(name, marks=pytest.mark.thorough) for name in AREAS]


@pytest.mark.slow  # forty fetches a source: 3 s
@pytest.mark.parametrize("name", SOURCES)
def test_a_fault_writes_nothing_and_its_reason_is_recorded(
    name: str, server: SourceServer, client: SourceClient, tmp_path: Path
):
    given: dict[str, Any] = {"today": TODAY, "published": TOMORROW, "minutes": 30 if name == "octopus" else 15}
    home = price_home(tmp_path / "state", server, client, NOW, {"area": AREAS[name]})
    server.answer = PriceSources(**given).answer
    last = TODAY - DAY if name == "octopus" else TODAY  # a day of London reaches into the market's next one
    assert not home.fetch(TODAY if name == "tibber" else TODAY - DAY, last, name).missing
    before = home.prices()
    wrong: list[str] = []
    for fault, each in FAULTS.items():
        if name in each.not_of:
            continue
        sources = PriceSources(**{**given, **each.content})

        def answer(asked: Asked, sources: PriceSources = sources, each: Fault = each) -> Reply:
            reply = sources.answer(asked)
            return reply if "/EXR/" in asked.path else each.reply(reply)

        server.answer = answer
        report = home.fetch(TOMORROW, TOMORROW, name)
        (state,) = [state for state in home.log.states("home") if state.last.source == name]
        told = f"{name}, {fault}: {state.last.cause}: {state.last.reason}"
        if TOMORROW not in report.missing or state.last.outcome != "failed" or state.last.cause not in each.causes:
            wrong.append(told)
        elif each.words not in state.last.reason or not state.last.remedy:
            wrong.append(f"{told} (no {each.words!r})")
        if not home.prices().drop("imported_at").equals(before.drop("imported_at")):
            wrong.append(f"{told}: written")
            before = home.prices()
        if home.log.left_alone("prices", NOW):
            home.log.path.unlink()  # it would not be asked for an hour
    assert not wrong, "\n".join(wrong)
    server.answer = PriceSources(**given).answer
    assert not home.fetch(TOMORROW, TOMORROW, name).missing, "it is mended"


def test_faults_are_at_least_thirty():
    assert len(FAULTS) >= 30
    assert json.dumps(list(FAULTS))
