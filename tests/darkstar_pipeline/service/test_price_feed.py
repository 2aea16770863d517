"""Prices come by themselves where the service runs alone."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.price_feed import PriceFeed
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import PriceSources, services_at
from tests.builders.source_server import Reply, source_server

TODAY, TOMORROW = date(2026, 1, 30), date(2026, 1, 31)
AFTERNOON = datetime(2026, 1, 30, 13, 0, tzinfo=UTC)
ORDER = ("elprisetjustnu", "nordpool")


class At(Clock):
    """A clock that stands still."""

    def now(self) -> datetime:
        return AFTERNOON


@pytest.fixture
def prices(tmp_path: Path) -> Generator[PriceHome]:
    with source_server() as server, quick_client() as client:
        server.answer = PriceSources(today=TODAY, published=TOMORROW).answer
        settings = {"area": "SE3", "first_day": "2026-01-29", "sources": {"prices": {"order": ORDER}}}
        yield price_home(tmp_path, server, client, AFTERNOON, settings)


def feed_of(prices: PriceHome) -> PriceFeed:
    @contextmanager
    def opened(context: Context) -> Generator[Sources]:
        every = services_at(prices.server.url)
        rates = Rates(context.home, "SEK", prices.client)
        yield Sources(services=[every[name] for name in ORDER], client=prices.client, rates=rates)

    return PriceFeed(prices.context, At(), opened=opened)


def test_what_is_missing_is_fetched_once(prices: PriceHome):
    feed = feed_of(prices)
    feed.check()
    assert prices.prices()["local_day"].unique().sort().to_list()[-2:] == [TODAY, TOMORROW]
    assert feed.status().ok
    asked = len(prices.server.asked)
    feed.check()
    assert len(prices.server.asked) == asked


def test_a_failure_is_told_and_asked_again_later(prices: PriceHome):
    prices.server.serve(Reply(status=503))
    feed = feed_of(prices)
    feed.check()
    status = feed.status()
    assert not status.ok
    assert "it has a fault of its own (503)" in status.note
    asked = len(prices.server.asked)
    feed.check()
    assert len(prices.server.asked) == asked, "not at once"


def test_settings_that_cannot_be_used_are_told(prices: PriceHome):
    @contextmanager
    def opened(_: Context) -> Generator[Sources]:
        raise ConfigurationError("token can be read by others", "chmod 600 token")
        yield

    feed = PriceFeed(prices.context, At(), opened=opened)
    feed.check()
    assert feed.status().note == "token can be read by others; chmod 600 token"


def test_the_thread_ends_when_it_is_told_to(prices: PriceHome):
    feed = feed_of(prices)
    feed.start()
    feed.stop()
    assert prices.prices().is_empty()
