"""Readings are fetched from Home Assistant by schedule where its sensors are configured, and gaps heal."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.fetched.readings import fetched_readings_asset, fetches_readings
from assets.home import Home
from assets.raw import raw_specs
from benchmarks.recorded_home.statistics_home import home_until_now
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from jobs.fetch import readings_schedule
from tests.builders.home_assistant_socket import TOKEN, home_assistant_socket
from tests.builders.statistics_answers import answers_of, asked_spans

SENSORS = {"load": "sensor.house_load_energy", "pv": "sensor.pv_energy"}


def settings_of(url: str | None) -> Settings:
    return Settings.model_validate({"sites": {"home": {"home_assistant": {"url": url, "sensors": SENSORS}}}})


def home_at(folder: Path, url: str | None) -> Home:
    return Home(context=open_context("home", settings=settings_of(url), home=folder / "state"))


def test_only_a_home_with_sensors_and_an_address_fetches(tmp_path: Path):
    assert not fetches_readings(home_at(tmp_path, None))
    url = "http://127.0.0.1:9"
    home = home_at(tmp_path, url)
    assert readings_schedule(home).default_status is dg.DefaultScheduleStatus.RUNNING
    repository = build_definitions(settings_of(url), tmp_path).get_repository_def()
    assert "readings_fetch" in {schedule.job_name for schedule in repository.schedule_defs}
    minute = int(str(readings_schedule(home).cron_schedule).split(" ")[0])
    assert 13 <= minute < 40, "before the run of the night"


def test_a_run_stores_the_last_days_and_the_next_asks_since_yesterday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with home_assistant_socket(answers_of(home_until_now(12))) as answers:
        home = home_at(tmp_path, answers.url)
        assets = [fetched_readings_asset(home), *raw_specs(home)]
        metadata = dg.materialize(assets).asset_materializations_for_node("fetched_readings")[0].metadata
        assert isinstance(metadata["new slots"].value, int)
        assert metadata["new slots"].value >= 9 * 96
        assert len(home.context.lake.days(METER_READINGS, "home")) == 10
        answers.asked.clear()
        dg.materialize(assets)
        yesterday = datetime.now(ZoneInfo("Europe/Stockholm")).date() - timedelta(days=1)
        begin = datetime(yesterday.year, yesterday.month, yesterday.day, tzinfo=ZoneInfo("Europe/Stockholm"))
        assert date.fromisoformat(asked_spans(answers.asked, "hour")[0][0]) == begin.astimezone(UTC).date()


def test_a_run_fails_with_the_reason_where_home_assistant_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "another")
    with home_assistant_socket(answers_of(home_until_now(2))) as answers:
        asset = fetched_readings_asset(home_at(tmp_path, answers.url))
        with pytest.raises(dg.Failure) as caught:
            asset()
    assert "does not accept the token" in str(caught.value.description)
