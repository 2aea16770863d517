"""The sensor asks for prices once they are published, politely, and fills gaps."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from assets.fetched import prices as fetched_prices
from assets.fetched.prices import raw_spot_prices_asset
from assets.home import Home
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.fetching.prices.due import DueFetch, due_fetch
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.polling import FIRST_WAIT, LONGEST_WAIT, SPREAD, next_question, publication
from darkstar_pipeline.fetching.prices.rates import Rates
from jobs.price_sensor import price_sensors
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import CET, PriceSources, services_at
from tests.builders.source_server import Reply, source_server

NOON = datetime(2026, 1, 30, 11, 0, tzinfo=UTC)
PUBLISHED = datetime(2026, 1, 30, 11, 57, tzinfo=UTC)
ORDER = ("elprisetjustnu", "nordpool")
SETTINGS = {"area": "SE3", "first_day": "2026-01-23", "sources": {"prices": {"order": ORDER}}}


@pytest.fixture
def prices(tmp_path: Path) -> Generator[PriceHome]:
    with source_server() as server, quick_client() as client:
        server.answer = PriceSources(today=date(2026, 1, 30), published=date(2026, 1, 30)).answer
        yield price_home(tmp_path / "state", server, client, NOON, SETTINGS)


def at(prices: PriceHome, now: datetime) -> DueFetch | None:
    return due_fetch(prices.context, now)


def test_an_empty_home_is_filled_at_once_and_tomorrow_waits_for_its_publication(prices: PriceHome):
    due = at(prices, NOON)
    assert due is not None
    assert (due.first, due.last) == (date(2026, 1, 23), date(2026, 1, 30))
    assert not prices.fetch(due.first, due.last, *ORDER).missing
    assert at(prices, NOON) is None
    assert at(prices, PUBLISHED - timedelta(seconds=1)) is None
    due = at(prices, PUBLISHED + SPREAD)
    assert due is not None
    assert (due.first, due.last) == (date(2026, 1, 31), date(2026, 1, 31))


def test_a_late_market_is_asked_with_growing_pauses_until_it_has_published(prices: PriceHome):
    prices.fetch(date(2026, 1, 22), date(2026, 1, 30), *ORDER)
    asked: list[datetime] = []
    now = PUBLISHED
    while now < PUBLISHED + timedelta(hours=2.5):
        if now > PUBLISHED + timedelta(hours=2):
            prices.server.answer = PriceSources(today=date(2026, 1, 30), published=date(2026, 1, 31)).answer
        if (due := at(prices, now)) is not None:
            asked.append(now)
            replace(prices, now=now).fetch(due.first, due.last, *ORDER)
        now += timedelta(minutes=3)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert asked[0] <= PUBLISHED + SPREAD + timedelta(minutes=3)
    assert 0.7 * FIRST_WAIT < pauses[0] < pauses[1] < pauses[2]
    assert max(pauses) <= 1.2 * LONGEST_WAIT + timedelta(minutes=3)
    assert 5 <= len(asked) <= 9
    assert at(prices, now) is None, "it is there now"


def test_homes_do_not_ask_at_one_moment():
    day = date(2026, 1, 31)
    firsts = {next_question(day, f"home{n}", ORDER, [], PUBLISHED) for n in range(20)}
    assert len(firsts) == 20
    assert min(firsts) >= publication(day, ORDER)
    assert max(firsts) <= publication(day, ORDER) + SPREAD


def test_a_gap_of_the_last_days_is_filled(prices: PriceHome):
    prices.fetch(date(2026, 1, 22), date(2026, 1, 26), *ORDER)
    prices.fetch(date(2026, 1, 28), date(2026, 1, 30), *ORDER)
    due = at(prices, NOON)
    assert due is not None
    assert (due.first, due.last) == (date(2026, 1, 27), date(2026, 1, 27))


def test_a_source_that_wants_peace_is_not_asked_before_by_anybody(prices: PriceHome):
    prices.fetch(date(2026, 1, 22), date(2026, 1, 29), *ORDER)
    asked, true = len(prices.server.asked), prices.server.answer
    prices.server.serve(Reply(status=429, headers={"Retry-After": "3600"}))
    assert prices.fetch(date(2026, 1, 30), date(2026, 1, 30), *ORDER).missing
    assert len(prices.server.asked) == asked + 2
    later = replace(prices, now=NOON + timedelta(minutes=59))
    report = later.fetch(date(2026, 1, 30), date(2026, 1, 30), *ORDER)
    assert "elprisetjustnu: it wants to be left alone until 2026-01-30 12:00Z" in report.failures["elprisetjustnu"]
    assert at(prices, later.now) is None
    assert len(prices.server.asked) == asked + 2, "nobody was asked"
    prices.server.answer = true
    assert at(prices, NOON + timedelta(minutes=61)) is not None
    assert (
        not replace(prices, now=NOON + timedelta(minutes=61))
        .fetch(date(2026, 1, 30), date(2026, 1, 30), *ORDER)
        .missing
    )


def test_a_backfill_stops_at_a_source_that_wants_peace(prices: PriceHome):
    prices.server.serve(Reply(status=503, headers={"Retry-After": "3600"}))
    prices.fetch(date(2026, 1, 2), date(2026, 1, 20), "elprisetjustnu")
    assert len(prices.server.asked) == 1


def test_agile_is_asked_in_the_afternoon():
    assert publication(date(2026, 7, 2), ("octopus",)) == datetime(2026, 7, 1, 15, tzinfo=UTC)
    assert publication(date(2026, 7, 2), ("nordpool",)) == datetime(2026, 7, 1, 10, 57, tzinfo=UTC)


def test_a_home_whose_prices_are_fetched_shows_when_they_are_late(prices: PriceHome):
    asset = raw_spot_prices_asset(Home(context=prices.context))
    (spec,) = asset.specs
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)
    )
    (check,) = asset.check_specs
    assert check.name == fetched_prices.KNOWN


def test_only_homes_with_sources_have_the_sensor_and_it_is_on(tmp_path: Path, prices: PriceHome):
    home = Home(context=prices.context)
    (sensor,) = price_sensors(home)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    plain = price_home(tmp_path, prices.server, prices.client, NOON, {"area": "SE3"})
    assert price_sensors(Home(context=plain.context)) == ()


@pytest.mark.slow  # Dagster's definitions and a run: 3 s
def test_the_asset_fetches_with_source_time_and_hash(prices: PriceHome, monkeypatch: pytest.MonkeyPatch):
    today = datetime.now(CET).date()
    prices.server.answer = PriceSources(today=today, published=today + timedelta(days=1)).answer

    @contextmanager
    def opened(context: Context) -> Generator[Sources]:
        every = services_at(prices.server.url)
        rates = Rates(context.home, "SEK", prices.client)
        yield Sources(services=[every[name] for name in ORDER], client=prices.client, rates=rates)

    monkeypatch.setattr(fetched_prices, "price_sources", opened)
    settings = Settings(sites={"home": prices.context.site_settings})
    defs = build_definitions(settings, prices.context.home)
    job = defs.resolve_job_def("daily_refresh")
    first, last = today.isoformat(), (today + timedelta(days=1)).isoformat()
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    with dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(instance=instance, tags=tags, raise_on_error=True)
        checks = done.get_asset_check_evaluations()
        made = {event.asset_key.path[-1]: event for event in done.get_asset_materialization_events() if event.asset_key}
    assert {"raw_spot_prices", "spot_prices"} <= set(made)
    known = next(check for check in checks if check.check_name == fetched_prices.KNOWN)
    assert known.passed
    assert str(known.metadata["found"].value).startswith("known up to ")
    metadata = made["raw_spot_prices"].materialization.metadata
    answers = str(metadata["answers"].value)
    assert "elprisetjustnu: " in answers
    assert "sha256 " in answers
    assert metadata["days given"].value == 2
    assert prices.prices().height == 192
