"""Weather is fetched by schedule where the home's place is known, and by nobody's hand."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.fetched.weather import fetched_weather_asset
from assets.home import Home
from assets.raw import raw_specs
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.fetching.weather.services import ADDRESSES
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from jobs.fetch import weather_schedule
from tests.builders.source_server import Reply, SourceServer, source_server
from tests.builders.weather_answers import answering

PLACE = {"latitude": 59.33, "longitude": 18.07}


def home_at(folder: Path, **forecast: float) -> Home:
    settings = Settings.model_validate({"sites": {"home": {"forecast": forecast}}})
    return Home(context=open_context("home", settings=settings, home=folder / "state"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[SourceServer]:
    with source_server() as one:
        for name in ADDRESSES:
            monkeypatch.setitem(ADDRESSES, name, f"{one.url}/{name}")
        one.answer = answering(lambda: datetime.now(UTC))
        yield one


def test_schedule_runs_by_itself_where_the_place_is_known(tmp_path: Path):
    running, stopped = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
    schedule = weather_schedule(home_at(tmp_path, **PLACE))
    assert schedule.default_status is running
    assert weather_schedule(home_at(tmp_path)).default_status is stopped
    assert schedule.execution_timezone == "Europe/Stockholm"
    minute, hours = str(schedule.cron_schedule).split(" ")[:2]
    assert 0 <= int(minute) < 60
    assert hours == "2-23/3"


def test_schedule_asks_anew_each_time_it_fires(tmp_path: Path):
    schedule, at = weather_schedule(home_at(tmp_path, **PLACE)), datetime(2026, 10, 25, 0, tzinfo=UTC)
    keys = set[str | None]()
    for hours in (0, 1, 3):  # the repeated hour is two
        context = dg.build_schedule_context(scheduled_execution_time=at + timedelta(hours=hours))
        requests = schedule.evaluate_tick(context).run_requests
        assert requests is not None
        keys |= {request.run_key for request in requests}
    assert len(keys) == 3


def test_run_stores_the_forecasts_and_says_where_they_are_from(tmp_path: Path, server: SourceServer):
    home = home_at(tmp_path, **PLACE)
    result = dg.materialize([fetched_weather_asset(home), *raw_specs(home)])
    metadata = result.asset_materializations_for_node("fetched_weather")[0].metadata
    assert metadata["from"].value == "Open-Meteo"
    assert "stored" in str(metadata["last questions"].value)
    assert home.context.lake.days(RAW_WEATHER, "home")
    assert len(server.asked) == 1


def test_run_fails_with_the_reasons_when_no_source_gives_the_weather(tmp_path: Path, server: SourceServer):
    server.serve(Reply(status=404))
    asset = fetched_weather_asset(home_at(tmp_path, **PLACE))
    with pytest.raises(dg.Failure) as caught:
        asset()
    assert "Open-Meteo: it has no such data (404)" in str(caught.value.description)
    assert "MET Norway" in str(caught.value.description)
