import re
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE, IMPORT_REMARKS
from env.time_grid import slot_count
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import AREAS, CET, RATE, PriceSources, euro_per_mwh, services_at
from tests.builders.source_server import Reply, SourceServer, source_server

TODAY, TOMORROW = date(2026, 1, 30), date(2026, 1, 31)
NOW = datetime(2026, 1, 30, 12, 15, tzinfo=UTC)
PLACES: dict[str, dict[str, object]] = {name: {"area": area} for name, area in AREAS.items()}
SE3: dict[str, object] = {"area": "SE3"}


@pytest.fixture(scope="module")
def server() -> Generator[SourceServer]:
    with source_server() as one:
        yield one


@pytest.fixture(scope="module")
def client() -> Generator[SourceClient]:
    with quick_client() as one:
        yield one


@pytest.fixture
def make(tmp_path: Path, server: SourceServer, client: SourceClient):
    """Make a home and set the sources' answers."""

    def home(settings: dict[str, object], *, now: datetime = NOW, **changes: Any) -> PriceHome:
        today = now.date()
        given = {"today": today, "published": today + timedelta(days=1), **changes}
        sources = PriceSources(**given)
        server.asked.clear()
        server.answer = sources.answer
        return price_home(tmp_path / "state", server, client, now, settings)

    return home


def euros(home: PriceHome, rate: float) -> list[float]:
    return [round(price * 1000 / rate, 1) for price in home.prices()["price"]]


RATES = {"SEK": RATE, "EUR": 1.0, "DKK": 7.46, "GBP": 1.0, "NOK": 11.5}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("minutes", [15, 60])
def test_each_source_gives_todays_and_tomorrows_prices(make, name: str, minutes: int):
    if minutes == 15 and name == "octopus":
        minutes = 30
    home = make(PLACES[name], minutes=minutes)
    report = home.fetch(TODAY, TODAY, name)
    assert not report.failures
    assert not report.missing
    zone = home.context.timezone
    day = home.prices().filter(pl.col("local_day") == TODAY)
    assert day.height == slot_count(TODAY, zone) == 96
    rate = RATES[home.context.site_settings.currency]
    expected = [
        round(euro_per_mwh(at - timedelta(minutes=at.minute % minutes)), 1) for at in day["slot_start"].to_list()
    ]
    given = [price * 1000 / rate for price in day["price"]]
    assert given == pytest.approx(expected, abs=0.11)
    assert set(day["native_minutes"]) == {minutes}
    assert set(day["source"]) == {name}
    (entry, *_) = home.log.entries("home")
    assert (entry.source, entry.outcome, len(entry.sha256)) == (name, "stored", 64)


CHANGES = [date(2025, 10, 26), date(2026, 3, 29)]
EARLIER = [
    date(2020, 3, 29), date(2020, 10, 25), date(2021, 3, 28), date(2021, 10, 31), date(2022, 3, 27), date(2022, 10, 30),
    date(2023, 3, 26), date(2023, 10, 29), date(2024, 3, 31), date(2024, 10, 27), date(2025, 3, 30), date(2026, 10, 25),
]  # fmt: skip
EVERY = [*CHANGES, *(pytest.param(day, marks=pytest.mark.thorough) for day in EARLIER)]


@pytest.mark.parametrize("name", [name for name in PLACES if name != "tibber"])
@pytest.mark.parametrize("day", EVERY, ids=str)
def test_a_day_on_which_the_clock_changes_is_whole(make, name: str, day: date):
    home = make(PLACES[name], now=datetime(2026, 11, 1, 12, tzinfo=UTC), minutes=30 if name == "octopus" else 15)
    report = home.fetch(day, day, name)
    assert not report.missing
    rows = home.prices().filter(pl.col("local_day") == day)
    assert rows.height == slot_count(day, home.context.timezone) in (92, 100)
    assert rows["slot_start"].n_unique() == rows.height
    step = 30 if name == "octopus" else 15
    total = sum(euro_per_mwh(at - timedelta(minutes=at.minute % step)) for at in rows["slot_start"].to_list())
    rate = RATES[home.context.site_settings.currency]
    assert rows["price"].sum() * 1000 / rate == pytest.approx(total, rel=2e-4)


@pytest.mark.parametrize("name", ["elprisetjustnu", "energy_charts"])
@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
@pytest.mark.parametrize("minutes", [15, 60])
def test_a_day_of_24_equal_hours_is_refused_where_the_clock_changes(make, name: str, day: date, minutes: int):
    start = datetime.combine(day, datetime.min.time(), CET).astimezone(UTC)
    equal = [start + timedelta(minutes=minutes) * n for n in range(24 * 60 // minutes)]
    home = make(PLACES[name], now=start - timedelta(hours=10), minutes=minutes, shown=lambda _: equal)
    report = home.fetch(day, day, name)
    assert list(report.missing) == [day]
    assert home.prices().is_empty()


def test_tomorrow_is_late_until_it_is_published_and_nothing_is_written(make):
    home = make(SE3, published=TODAY)
    report = home.fetch(TOMORROW, TOMORROW, "elprisetjustnu", "nordpool", "energy_charts", "entsoe")
    assert list(report.missing) == [TOMORROW]
    assert home.prices().is_empty()
    assert {state.last.cause for state in home.log.states("home")} == {"late"}


def test_a_price_that_is_null_is_told_as_a_gap(make, server: SourceServer):
    home = make(SE3)
    whole = server.answer
    server.answer = lambda asked: replace(
        reply := whole(asked), body=re.sub(rb'("entryPerArea": {"SE3": )[0-9.]+', rb"\1null", reply.body, count=1)
    )
    report = home.fetch(TOMORROW, TOMORROW, "nordpool")
    assert "2026-01-31 has 95 of 96 quarter-hours; first price is empty" in report.missing[TOMORROW]
    assert home.prices().is_empty()


def test_a_day_that_is_published_in_part_is_refused_until_it_is_whole(make):
    home = make({"area": "FI"}, shown=lambda steps: steps[:-8])
    assert home.fetch(TOMORROW, TOMORROW, "elering").missing
    last = home.prices()["slot_start"].max()
    assert last is None or last < datetime(2026, 1, 30, 23, tzinfo=UTC)
    home = make({"area": "FI"})
    assert not home.fetch(TOMORROW, TOMORROW, "elering").missing


def test_the_next_source_is_asked_where_one_fails(make, server: SourceServer):
    home = make(SE3)
    true = server.answer
    server.answer = lambda asked: (
        Reply(status=503) if "elpris" in asked.path or "/v1/prices" in asked.path else true(asked)
    )
    report = home.fetch(TOMORROW, TOMORROW, "elprisetjustnu", "nordpool")
    assert [given.source for given in report.given] == ["nordpool"]
    assert "503" in report.failures["elprisetjustnu"]
    assert set(home.prices()["source"]) == {"nordpool"}


def test_prices_in_euro_are_converted_at_a_dated_rate(make):
    home = make({"area": "NO1"})
    assert not home.fetch(TODAY, TODAY, "energy_charts").missing
    assert home.prices()["price"][0] == pytest.approx(euro_per_mwh(datetime(2026, 1, 29, 23, tzinfo=UTC)) * RATE / 1000)
    told = home.context.lake.read(IMPORT_PROVENANCE, "home")["treatment"][0]
    assert "converted to NOK at 11 of 2026-01-28 (ECB)" in told
    asked = len(home.server.asked)
    home.fetch(TODAY, TODAY, "energy_charts", again=True)
    assert not [one for one in home.server.asked[asked:] if "EXR" in one.path], "the rate is kept"


def test_the_other_publisher_of_rates_is_asked_where_the_first_fails(make, server: SourceServer):
    home = make({"area": "NO1"})
    true = server.answer
    days = {f"2026-01-{day:02}": {"NOK": 11.5} for day in range(19, 29)}
    body = pl.Series([0]).to_frame().write_json().encode()  # something of the wrong shape, for the ECB

    def answer(asked):
        if "EXR" in asked.path:
            return Reply(body=body)
        if asked.path.startswith("/v1/2026"):
            import json

            return Reply(body=json.dumps({"base": "EUR", "rates": days}).encode())
        return true(asked)

    server.answer = answer
    assert not home.fetch(TODAY, TODAY, "energy_charts").missing
    assert (
        "at 11.5 of 2026-01-28 (ECB by Frankfurter)"
        in home.context.lake.read(IMPORT_PROVENANCE, "home")["treatment"][0]
    )


def test_a_correction_is_taken_and_the_old_value_is_kept(make):
    home = make({"area": "DE-LU"})
    home.fetch(TODAY, TODAY, "energy_charts")
    old = home.prices()["price"][40]
    at = home.prices()["slot_start"][40]
    home = make({"area": "DE-LU"}, price=lambda step: 99.0 if step == at else euro_per_mwh(step))
    assert home.fetch(TODAY, TODAY, "energy_charts").wanted == 0
    report = home.fetch(TODAY, TODAY, "energy_charts", again=True)
    assert [given.changed for given in report.given] == [1]
    assert home.prices()["price"][40] == 0.099
    remark = home.context.lake.read(IMPORT_REMARKS, "home").row(0, named=True)
    assert (remark["action"], remark["first_slot"]) == ("altered", at)
    (file,) = home.context.quarantine.iterdir()
    assert f'""price"": {old}' in file.read_text()


@pytest.mark.parametrize("both", [False, True])
def test_a_correction_that_the_next_source_does_not_have_is_refused(make, server: SourceServer, *, both: bool):
    home = make(SE3)
    names = ("elprisetjustnu", "nordpool")
    home.fetch(TODAY, TODAY, *names)
    before, true = home.prices()["price"].to_list(), server.answer
    other = PriceSources(today=TODAY, published=TOMORROW, price=lambda at: euro_per_mwh(at) + 50).answer
    server.answer = lambda asked: (other if both or "/v1/prices" in asked.path else true)(asked)
    report = home.fetch(TODAY, TODAY, *names, again=True)
    assert not report.missing
    assert (home.prices()["price"].to_list() == before) is not both
    assert ("it takes back known prices" in report.failures.get("elprisetjustnu", "")) is not both


def test_another_source_that_agrees_replaces_nothing(make):
    home = make(SE3)
    home.fetch(TODAY, TODAY, "elprisetjustnu")
    before = home.prices()
    home.fetch(TODAY, TODAY, "energy_charts", again=True)
    assert home.prices().equals(before)


def test_two_sources_that_differ_are_told_and_the_first_is_kept(make, server: SourceServer):
    home = make(SE3)
    true, other = (
        server.answer,
        PriceSources(today=TODAY, published=TOMORROW, price=lambda at: euro_per_mwh(at - timedelta(hours=1))),
    )
    server.answer = lambda asked: (other.answer if asked.path == "/api/DayAheadPrices" else true)(asked)
    report = home.fetch(TOMORROW, TOMORROW, "elprisetjustnu", "nordpool")
    assert set(home.prices()["source"]) == {"elprisetjustnu"}
    assert "nordpool differs from elprisetjustnu, whose prices are kept: " in report.notes[0]
    (state,) = [each for each in home.log.states("home") if each.last.source == "nordpool"]
    assert state.last.cause == "wrong"
    server.answer = true
    report = home.fetch(TOMORROW, TOMORROW, "elprisetjustnu", "nordpool", again=True)
    assert not report.notes


def test_months_take_few_requests_and_a_repetition_none(make):
    home = make({"area": "DE-LU"}, minutes=60)
    report = home.fetch(date(2025, 11, 1), TODAY, "awattar", "energy_charts")
    assert (report.wanted, report.days, len(home.server.asked)) == (91, 91, 1)
    assert {given.source for given in report.given} == {"energy_charts"}
    assert home.fetch(date(2025, 11, 1), TODAY, "energy_charts").wanted == 0
    assert len(home.server.asked) == 1


def test_a_fetch_that_was_killed_goes_on_where_it_was(make, server: SourceServer):
    home = make(SE3)

    class Dying:
        name, longest_days = "elprisetjustnu", 1

        def __init__(self, service) -> None:
            self._service, self._left = service, 4

        def serves(self, _area: str) -> bool:
            return True

        def ask(self, question, client):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
            return self._service.ask(question, client)

    service = services_at(server.url)["elprisetjustnu"]
    first = TODAY - timedelta(days=9)
    with pytest.raises(KeyboardInterrupt):
        home.fetch(first, TODAY, services=[Dying(service)])
    assert home.prices()["local_day"].n_unique() == 4
    report = home.fetch(first, TODAY, "elprisetjustnu")
    assert (report.wanted, report.days) == (6, 6)


def test_hours_and_quarter_hours_are_one_series(make):
    now = datetime(2025, 10, 3, 12, tzinfo=UTC)
    switch = date(2025, 10, 1)
    home = make({"area": "DK1"}, now=now, minutes=60)
    hourly = home.server.answer
    quarterly = PriceSources(today=now.date(), published=now.date()).answer
    home.server.answer = lambda asked: (hourly if "Elspot" in asked.path else quarterly)(asked)
    report = home.fetch(switch - timedelta(days=2), switch + timedelta(days=1), "energi_data_service")
    assert not report.missing
    by_day = home.prices().group_by("local_day", maintain_order=True).agg(pl.len(), pl.col("native_minutes").unique())
    assert by_day["len"].to_list() == [96] * 4
    assert by_day["native_minutes"].to_list() == [[60], [60], [15], [15]]


def test_a_source_that_cannot_be_reached_is_asked_once(make, server: SourceServer):
    home = make(SE3)
    server.serve(Reply(status=503))
    report = home.fetch(TODAY - timedelta(days=4), TODAY, "elprisetjustnu")
    assert len(server.asked) == 2, "one question, with its repetition"
    (entry,) = home.log.entries("home")
    assert (entry.first_day, entry.last_day) == (TODAY - timedelta(days=4), TODAY), "none of them is due at once"
    assert len(report.missing) == 5
