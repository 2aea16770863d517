"""Findings on the prices that a site fetches."""

from collections.abc import Generator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.doctor.sources.prices import check_prices
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import RATE, PriceSources, euro_per_mwh
from tests.builders.source_server import Asked, Reply, source_server

TODAY, TOMORROW = date(2026, 1, 30), date(2026, 1, 31)
NOON = datetime(2026, 1, 30, 11, 0, tzinfo=UTC)
ORDER = ("elprisetjustnu", "nordpool")


@pytest.fixture
def prices(tmp_path: Path) -> Generator[PriceHome]:
    with source_server() as server, quick_client() as client:
        server.answer = PriceSources(today=TODAY, published=TOMORROW).answer
        settings = {"area": "SE3", "sources": {"prices": {"order": ORDER}}}
        yield price_home(tmp_path, server, client, NOON, settings)


def checked(prices: PriceHome, hours: float = 0) -> CheckResult:
    settings, home = prices.context.settings, prices.context.home
    return check_prices(settings, home, "home", NOON + timedelta(hours=hours))


def only(prices: PriceHome, names: Sequence[str], reply: Reply) -> None:
    """Let the sources whose path has a name answer with a fault."""
    true = prices.server.answer

    def answer(asked: Asked) -> Reply:
        return reply if any(name in asked.path for name in names) else true(asked)

    prices.server.answer = answer


def test_known_prices_are_well(prices: PriceHome):
    assert (checked(prices).verdict, checked(prices).detail) == (Verdict.WARN, "none were fetched yet")
    prices.fetch(TODAY, TODAY, *ORDER)
    assert (checked(prices).verdict, checked(prices).detail) == (Verdict.OK, f"known up to {TODAY}")
    assert checked(prices, hours=2).verdict is Verdict.OK
    late = checked(prices, hours=4)
    assert (late.verdict, late.detail) == (Verdict.WARN, f"prices of tomorrow, {TOMORROW}, are late")
    prices.fetch(TOMORROW, TOMORROW, *ORDER)
    assert checked(prices, hours=4).detail == f"known up to {TOMORROW}"


def test_a_log_or_a_lake_that_cannot_be_read_is_a_finding(prices: PriceHome):
    prices.fetch(TODAY, TODAY, *ORDER)
    (file,) = (prices.context.home / "lake" / "raw_spot_prices").rglob(f"*{TODAY}*/*.parquet")
    whole = file.read_bytes()
    file.write_bytes(b"broken")
    assert (checked(prices).verdict, str(TODAY) in checked(prices).detail) == (Verdict.FAIL, True)
    file.write_bytes(whole)
    prices.log.path.unlink()
    prices.log.path.mkdir()
    assert (checked(prices).verdict, "log.sqlite" in checked(prices).detail) == (Verdict.FAIL, True)


def test_sources_that_do_not_have_the_area_are_told(prices: PriceHome, tmp_path: Path):
    settings = {"area": "SE3", "sources": {"prices": {"order": ["elering", "awattar"]}}}
    result = checked(price_home(tmp_path / "other", prices.server, prices.client, NOON, settings))
    assert (result.verdict, result.detail) == (Verdict.FAIL, "none of elering, awattar has prices of SE3")


def test_a_source_that_is_late_wrong_or_refusing_is_told_with_the_remedy(prices: PriceHome):
    only(prices, ["/v1/prices"], Reply(status=503))
    only(prices, ["DayAhead"], Reply(status=403))
    prices.fetch(TODAY, TODAY, *ORDER)
    result = checked(prices)
    assert result.verdict is Verdict.FAIL
    assert "elprisetjustnu is unreachable, once: it has a fault of its own (503)" in result.detail
    assert "nordpool is refused, once: it refuses us (403)" in result.detail
    assert result.remedy


def test_sources_that_differ_are_told(prices: PriceHome):
    true = prices.server.answer
    other = PriceSources(today=TODAY, published=TOMORROW, price=lambda at: 40.0 + at.hour).answer
    prices.server.answer = lambda asked: (other if "DayAhead" in asked.path else true)(asked)
    prices.fetch(TODAY, TODAY, *ORDER)
    result = checked(prices)
    assert result.verdict is Verdict.WARN
    assert "nordpool differs from elprisetjustnu, whose prices are kept" in result.detail


def test_a_home_that_imports_files_is_left_alone(prices: PriceHome, tmp_path: Path):
    plain = price_home(tmp_path / "b", prices.server, prices.client, NOON, {"area": "SE3"})
    assert checked(plain).verdict is Verdict.OK


def test_sources_that_differ_by_rounding_or_a_days_rate_are_well(prices: PriceHome):
    true = prices.server.answer
    other = PriceSources(
        today=TODAY, published=TOMORROW, price=lambda at: round(euro_per_mwh(at) * 1.03 * RATE) / RATE
    ).answer
    prices.server.answer = lambda asked: (other if "DayAhead" in asked.path else true)(asked)
    assert not prices.fetch(TODAY, TODAY, *ORDER).notes
    assert checked(prices).verdict is Verdict.OK


def test_a_price_that_is_the_same_all_day_is_told(prices: PriceHome):
    prices.server.answer = PriceSources(today=TODAY, published=TOMORROW, price=lambda _: 45.0).answer
    prices.fetch(TODAY, TODAY, ORDER[0])
    result = checked(prices)
    assert result.verdict is Verdict.WARN
    assert "elprisetjustnu every price of 2026-01-30 is 0.4950 SEK/kWh" in result.detail
    assert result.remedy == "compare with your supplier's prices"
