"""Weather of past days: as it was and as it had been forecast, resumed where it stopped."""

from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.pace import Pace
from darkstar_pipeline.fetching.weather.due import weather_is_due
from darkstar_pipeline.fetching.weather.forecasts import fetch_forecasts
from darkstar_pipeline.fetching.weather.past_days import fetch_past_weather
from darkstar_pipeline.fetching.weather.services import ADDRESSES
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import slot_count
from tests.builders.homes import STOCKHOLM
from tests.builders.source_server import HTML, Reply, SourceServer, source_server
from tests.builders.weather_answers import answering

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[SourceServer]:
    with source_server() as one:
        for name in ADDRESSES:
            monkeypatch.setitem(ADDRESSES, name, f"{one.url}/{name}")
        one.answer = answering(lambda: NOW)
        yield one


@pytest.fixture
def client() -> Generator[SourceClient]:
    with SourceClient(retries=Retries(attempts=1), pace=Pace(0), seconds=5) as one:
        yield one


@pytest.fixture
def context(tmp_path: Path) -> Context:
    settings = Settings.model_validate({"sites": {"home": {"forecast": {"latitude": 59.33, "longitude": 18.07}}}})
    return open_context("home", settings=settings, home=tmp_path / "state")


def test_days_of_kept_forecasts_have_what_was_known_before_and_what_it_was(
    context: Context, server: SourceServer, client: SourceClient
):
    long_day = date(2026, 10, 25)
    fetched = fetch_past_weather(context, long_day, long_day, clock=lambda: NOW, client=client)
    assert (fetched.days, fetched.had, len(server.asked)) == (1, 0, 1)
    rows = context.lake.read(RAW_WEATHER, "home", long_day, long_day)
    by_lead = rows.group_by((pl.col("slot_start") - pl.col("known_at")).alias("lead")).agg(
        pl.len(), pl.col("temp_c").unique()
    )
    ahead = {lead: (n, temperatures) for lead, n, temperatures in by_lead.sort("lead").iter_rows()}
    assert ahead == {
        -timedelta(minutes=15): (100, [10.0]),
        timedelta(hours=16): (100, [11.0]),
        timedelta(hours=40): (100, [12.0]),
        timedelta(hours=64): (100, [13.0]),
    }


def test_archive_is_asked_when_no_forecasts_were_kept(context: Context, server: SourceServer, client: SourceClient):
    fetch_past_weather(context, date(2024, 1, 30), date(2024, 2, 2), clock=lambda: NOW, client=client)
    assert [asked.path for asked in server.asked] == ["/open_meteo_archive", "/open_meteo_previous_runs"]
    assert server.asked[0].query["end_date"] == "2024-02-01"
    assert "previous_day" not in server.asked[0].query["hourly"]


def test_backfill_goes_on_where_it_stopped(context: Context, server: SourceServer, client: SourceClient):
    whole, first, last = server.answer, date(2026, 8, 1), date(2026, 9, 30)
    server.answer = lambda asked: whole(asked) if len(server.asked) < 2 else HTML
    with pytest.raises(FetchError, match="web page"):
        fetch_past_weather(context, first, last, clock=lambda: NOW, client=client)
    assert FetchLog(context.home).entries("home")[0].cause == "wrong"
    server.answer, shown = whole, list[tuple[int, int]]()
    fetched = fetch_past_weather(
        context, first, last, clock=lambda: NOW, client=client, progress=lambda done, total: shown.append((done, total))
    )
    assert (fetched.days, fetched.had) == (32, 29)  # a day's clock reaches into its neighbours
    assert shown == [(57, 61), (61, 61)]
    stored = context.lake.read(RAW_WEATHER, "home", first, last)
    for day, rows in stored.partition_by("local_day", as_dict=True).items():
        assert rows["slot_start"].n_unique() == slot_count(day[0], STOCKHOLM)
    n_asked = len(server.asked)
    assert fetch_past_weather(context, first, last, clock=lambda: NOW, client=client).days == 0
    assert len(server.asked) == n_asked


def test_nothing_of_today_or_later_is_past(context: Context, server: SourceServer, client: SourceClient):
    fetched = fetch_past_weather(context, NOW.date(), NOW.date(), clock=lambda: NOW, client=client)
    assert (fetched.days, server.asked) == (0, [])


@pytest.mark.parametrize(
    "reply",
    [Reply(status=503), Reply(status=429), Reply(body=b"{}"), Reply(body=b'{"error": true}'), HTML],
    ids=["503", "429", "empty", "error", "web page"],
)
def test_nothing_is_written_when_the_archive_has_a_fault(
    context: Context, server: SourceServer, client: SourceClient, reply: Reply
):
    server.serve(reply)
    with pytest.raises(FetchError):
        fetch_past_weather(context, date(2025, 6, 1), date(2025, 6, 2), clock=lambda: NOW, client=client)
    assert context.lake.days(RAW_WEATHER, "home") == []
    assert FetchLog(context.home).entries("home")[0].reason


def test_forecasts_are_fetched_though_past_days_were_just_now(
    context: Context, server: SourceServer, client: SourceClient
):
    """The log tells both apart, or a backfill would pass for fresh forecasts."""
    fetch_past_weather(context, date(2026, 10, 1), date(2026, 10, 1), clock=lambda: NOW, client=client)
    assert weather_is_due(context, NOW)
    fetched = fetch_forecasts(context, clock=lambda: NOW, client=client)
    assert [report.files for report in fetched.reports] == [("Open-Meteo",)]
    assert [asked.path for asked in server.asked] == ["/open_meteo_previous_runs", "/open_meteo"]
    assert not weather_is_due(context, NOW)


def test_a_backfill_does_not_ask_a_source_that_wants_peace(
    context: Context, client: SourceClient, server: SourceServer
):
    server.serve(Reply(status=429, headers={"Retry-After": "3600"}))
    day = date(2024, 5, 1)
    with pytest.raises(FetchError, match="429"):
        fetch_past_weather(context, day, day, clock=lambda: NOW, client=client)
    asked = len(server.asked)
    with pytest.raises(FetchError, match="wants to be left alone until"):
        fetch_past_weather(context, day, day, clock=lambda: NOW, client=client)
    assert len(server.asked) == asked
