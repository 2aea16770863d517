"""Prices in another unit, with tax, or the same all day yield to another source's, and are told where there is none."""

from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.prices.cross_check import difference, disagreement
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import CET, PriceSources, euro_per_mwh
from tests.builders.source_server import Asked, Reply, SourceServer, source_server

TODAY, TOMORROW = date(2026, 1, 30), date(2026, 1, 31)
NOW = datetime(2026, 1, 30, 12, 15, tzinfo=UTC)
FIRST, SECOND, THIRD = "elprisetjustnu", "nordpool", "energy_charts"
PATHS = {"/api/v1/prices/": FIRST, "/api/DayAheadPrices": SECOND, "/price": THIRD}
Price = Callable[[datetime], float]


@pytest.fixture(scope="module")
def server() -> Generator[SourceServer]:
    with source_server() as one:
        yield one


@pytest.fixture(scope="module")
def client() -> Generator[SourceClient]:
    with quick_client() as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, server: SourceServer, client: SourceClient) -> PriceHome:
    return price_home(tmp_path / "state", server, client, NOW, {"area": "SE3"})


def serve(home: PriceHome, **prices: Price) -> None:
    """Give each source its prices, the true ones where none are named."""
    home.server.asked.clear()

    def answer(asked: Asked) -> Reply:
        name = next((name for path, name in PATHS.items() if asked.path.startswith(path)), "")
        price = prices.get(name, euro_per_mwh)
        return PriceSources(today=NOW.date(), published=TOMORROW, price=price).answer(asked)

    home.server.answer = answer


def times(factor: float, plus: float = 0.0) -> Price:
    return lambda at: euro_per_mwh(at) * factor + plus


def flat(_: datetime) -> float:
    return 45.0


WRONG = [
    pytest.param(times(10), id="ten times"),
    pytest.param(times(100), id="hundred times"),
    pytest.param(times(0.1), id="a tenth"),
    pytest.param(times(0.01), id="a hundredth"),
    pytest.param(times(0.001), id="a thousandth"),
    pytest.param(times(1.25), id="with VAT"),
    pytest.param(times(1.25, 40.0), id="with VAT and energy tax"),
    pytest.param(times(1.0, 40.0), id="with energy tax"),
    pytest.param(flat, id="the same all day"),
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "known", [0, pytest.param(10, marks=pytest.mark.thorough)], ids=["first fetch", "with history"]
)
def test_a_first_source_in_another_unit_is_refused_and_the_next_is_taken(home: PriceHome, wrong: Price, known: int):
    if known:
        serve(home)
        home.fetch(TODAY - timedelta(days=known), TODAY - timedelta(days=1), SECOND)
    serve(home, elprisetjustnu=wrong)
    report = home.fetch(TODAY, TODAY, FIRST, SECOND)
    assert not report.missing
    today = home.prices().filter(pl.col("local_day") == TODAY)
    assert set(today["source"]) == {SECOND}
    assert FIRST in report.failures
    (state,) = [each for each in home.log.states("home") if each.last.source == FIRST]
    assert (state.last.cause, state.last.outcome) == ("wrong", "failed")
    assert len(home.server.asked) == len({(one.path, *one.query.items()) for one in home.server.asked}), "none twice"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_second_source_in_another_unit_is_told_and_the_first_is_taken(home: PriceHome, wrong: Price):
    serve(home, nordpool=wrong)
    report = home.fetch(TODAY, TODAY, FIRST, SECOND)
    assert set(home.prices()["source"]) == {FIRST}
    assert report.notes or SECOND in report.failures
    (state,) = [each for each in home.log.states("home") if each.last.source == SECOND]
    assert state.last.cause == "wrong"


def test_the_third_source_decides_between_two(home: PriceHome):
    serve(home, nordpool=times(0.9 / 1.6), energy_charts=times(1.0))
    report = home.fetch(TODAY, TODAY, FIRST, SECOND, THIRD)
    assert set(home.prices()["source"]) == {FIRST}
    assert "differs from elprisetjustnu, whose prices are kept: the first one's are 1.778 times" in report.notes[0]
    serve(home, elprisetjustnu=times(1.6))
    report = home.fetch(TOMORROW, TOMORROW, FIRST, SECOND, THIRD)
    assert set(home.prices().filter(pl.col("local_day") == TOMORROW)["source"]) == {SECOND}


def test_what_is_refused_for_another_source_is_in_quarantine(home: PriceHome):
    serve(home, elprisetjustnu=times(1.25))
    home.fetch(TODAY, TODAY, FIRST, SECOND)
    (file,) = home.context.quarantine.iterdir()
    rows = pl.read_csv(file)
    assert rows.height == 96
    assert "beside nordpool the first one's are 1.25 times the second one's, slot by slot" in rows["reason"][0]


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_one_source_alone_far_from_the_weeks_around_is_refused(home: PriceHome, factor: float):
    serve(home)
    home.fetch(TODAY - timedelta(days=10), TODAY - timedelta(days=1), FIRST)
    serve(home, elprisetjustnu=times(factor))
    report = home.fetch(TODAY, TODAY, FIRST)
    assert list(report.missing) == [TODAY]
    assert TODAY not in home.prices()["local_day"].to_list()
    (entry, *_) = home.log.entries("home")
    assert (entry.outcome, entry.cause) == ("failed", "wrong")


def test_tomorrow_in_another_unit_is_wrong_and_not_late(home: PriceHome):
    serve(home, elprisetjustnu=times(0.001))
    home.fetch(TOMORROW, TOMORROW, FIRST)
    (entry, *_) = home.log.entries("home")
    assert entry.cause == "wrong"
    assert "finer than a market's" in entry.reason


def test_a_jump_that_two_sources_have_is_taken(home: PriceHome):
    serve(home, **dict.fromkeys((FIRST, SECOND), times(0.02)))
    home.fetch(TODAY - timedelta(days=10), TODAY - timedelta(days=1), FIRST)
    serve(home, **dict.fromkeys((FIRST, SECOND), times(5.0)))
    assert home.fetch(TODAY, TODAY, FIRST).missing
    report = home.fetch(TODAY, TODAY, FIRST, SECOND)
    assert not report.missing
    assert home.prices().filter(pl.col("local_day") == TODAY)["price"][0] > 2


def test_a_price_that_is_the_same_all_day_is_told_where_no_other_source_says_otherwise(home: PriceHome):
    serve(home, elprisetjustnu=flat)
    report = home.fetch(TODAY, TODAY, FIRST)
    assert "every price of 2026-01-30 is 0.4950 SEK/kWh" in report.notes[0]
    (entry, *_) = home.log.entries("home")
    assert (entry.outcome, entry.cause) == ("stored", "wrong")
    serve(home, elprisetjustnu=flat, nordpool=flat)
    assert not home.fetch(TODAY, TODAY, FIRST, SECOND, again=True).notes, "another source has it too"


def rows(price: Price, minutes: int = 15, day: date = TODAY) -> pl.DataFrame:
    start = datetime.combine(day, datetime.min.time(), CET).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), CET).astimezone(UTC)
    starts = [start + timedelta(minutes=15 * n) for n in range(int((end - start) / timedelta(minutes=15)))]
    prices = [price(at.replace(minute=at.minute // minutes * minutes)) / 1000 for at in starts]
    return pl.DataFrame({"slot_start": starts, "price": prices, "native_minutes": [minutes] * len(starts)})


QUIET = [
    pytest.param(times(1.0), id="equal"),
    pytest.param(times(1.035), id="a rate of exchange of another week"),
    pytest.param(lambda at: round(euro_per_mwh(at) / 10) * 10, id="rounded to hundredths"),
    pytest.param(lambda at: round(euro_per_mwh(at)), id="rounded to thousandths"),
]


@pytest.mark.parametrize("day", [TODAY, date(2026, 3, 29), date(2026, 10, 25)], ids=str)
@pytest.mark.parametrize("other", QUIET)
def test_rounding_and_rates_of_exchange_are_no_difference(other: Price, day: date):
    assert difference(rows(euro_per_mwh, day=day), rows(other, day=day), "SEK") == ""
    assert disagreement(rows(other, day=day), rows(euro_per_mwh, day=day), "SEK") is None


def test_hours_of_another_sign_are_a_difference():
    apart = disagreement(
        rows(euro_per_mwh), rows(lambda at: -euro_per_mwh(at) if at.hour == 3 else euro_per_mwh(at)), "SEK"
    )
    assert apart is not None
    assert (apart.wrong, apart.words[:18]) == ("unknown", "4 of 96 prices dif")
