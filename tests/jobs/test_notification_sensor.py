"""The sensor tells of late sources and failed runs, and only homes that want it have it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.doctor.finding import Verdict, failed, passed
from jobs import notification_sensor
from jobs.notification_sensor import findings_of_runs, notification_sensors
from tests.builders.source_server import Reply, source_server


def home_of(folder: Path, **settings: object) -> Home:
    site = SiteSettings.model_validate({"sources": {"prices": {"order": ["elprisetjustnu"]}}, **settings})
    return Home(context=open_context("home", settings=Settings(sites={"home": site}), home=folder))


def run(instance: dg.DagsterInstance, name: str, *, well: bool) -> None:
    """Run a job of that name."""

    @dg.op
    def step() -> None:
        if not well:
            raise dg.Failure("no")

    @dg.job(name=name)
    def one() -> None:
        step()

    one.execute_in_process(instance=instance, raise_on_error=False)


def test_only_a_home_that_wants_to_be_told_has_it_and_it_is_on(tmp_path: Path):
    assert notification_sensors(home_of(tmp_path)) == ()
    (sensor,) = notification_sensors(home_of(tmp_path, notifications={"home_assistant": "notify.phone"}))
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_the_last_run_of_a_job_counts_and_those_that_a_person_starts_do_not(tmp_path: Path):
    home, now = home_of(tmp_path), datetime.now(UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        run(instance, "backfill", well=False)
        assert findings_of_runs(home, instance, [], now) == []
        run(instance, "nightly", well=False)
        (found,) = findings_of_runs(home, instance, [], now)
        assert (found.verdict, found.check) == (Verdict.WARN, "job nightly, home")
        run(instance, "nightly", well=True)
        (found,) = findings_of_runs(home, instance, [], now)
        assert found.verdict is Verdict.OK
        assert findings_of_runs(home, instance, [], now + timedelta(days=9)) == []


def test_one_cause_is_one_message(tmp_path: Path):
    home, now = home_of(tmp_path), datetime.now(UTC)
    missing = failed("prices, home", "prices of today are missing", "darkstar fetch prices")
    with dg.DagsterInstance.ephemeral() as instance:
        for job in ("daily_refresh", "weather_fetch", "readings_fetch"):
            run(instance, job, well=False)
        assert findings_of_runs(home, instance, [missing], now) == []
        (found,) = findings_of_runs(home, instance, [passed("prices, home", "known")], now)
        assert found.check == "job daily_refresh, home"


def test_a_look_tells_the_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("darkstar_pipeline.notifications.telling.PATIENCE", timedelta(0))
    with source_server() as server, dg.DagsterInstance.ephemeral() as instance:
        server.serve(Reply(body=b"ok"))
        monkeypatch.setenv("DARKSTAR_WEBHOOK_URL", f"{server.url}/hook")
        (sensor,) = notification_sensors(home_of(tmp_path))
        looks = [sensor(dg.build_sensor_context(instance=instance)) for _ in range(2)]
    said = [look.skip_message for look in looks if isinstance(look, dg.SkipReason)]
    assert said == ["webhook was told that prices, home is broken", "nothing new to tell"]
    assert len(server.asked) == 1
    assert notification_sensor.SECONDS == 600
