"""The service tells by itself, once per cause whoever notices first, and that it is mended."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.notifier import Notifier
from jobs.notification_sensor import notification_sensors
from tests.builders.source_server import Reply, SourceServer, source_server


@dataclass
class At(Clock):
    """A clock in the test's hand."""

    instant: datetime = datetime(2026, 1, 30, 11, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


def context_of(folder: Path, server: SourceServer, monkeypatch: pytest.MonkeyPatch, *, fetched: bool = True) -> Context:
    monkeypatch.setenv("DARKSTAR_WEBHOOK_URL", f"{server.url}/hook")
    site = SiteSettings.model_validate({"sources": {"prices": {"order": ["elprisetjustnu"] if fetched else []}}})
    return open_context("home", settings=Settings(sites={"home": site}), home=folder)


def test_a_cause_is_told_after_its_patience_and_when_it_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = At()
    with source_server() as server:
        server.serve(Reply(body=b"ok"))
        chosen = [context_of(tmp_path, server, monkeypatch)]
        notifier = Notifier(lambda: chosen[0], clock)
        for _ in range(6):
            notifier.check()
            clock.instant += timedelta(minutes=10)
        assert notifier.status().ok
        chosen[0] = context_of(tmp_path, server, monkeypatch, fetched=False)  # read again, as a person changed it
        for _ in range(6):
            notifier.check()
            clock.instant += timedelta(minutes=10)
    states = [asked.body.partition(b'"state":')[2].split(b'"')[1] for asked in server.asked]
    assert states == [b"broken", b"mended"]


def test_what_the_sensor_of_dagster_told_the_service_does_not_tell_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("darkstar_pipeline.notifications.telling.PATIENCE", timedelta(0))
    with source_server() as server, dg.DagsterInstance.ephemeral() as instance:
        server.serve(Reply(body=b"ok"))
        context = context_of(tmp_path, server, monkeypatch)
        (sensor,) = notification_sensors(Home(context=context))
        sensor(dg.build_sensor_context(instance=instance))
        Notifier(lambda: context, At(instant=datetime.now(UTC))).check()
    assert len(server.asked) == 1


def test_a_channel_that_fails_shows_in_the_health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("darkstar_pipeline.notifications.telling.PATIENCE", timedelta(0))
    with source_server() as server:
        server.serve(Reply(status=403), Reply(body=b"ok"))
        context = context_of(tmp_path, server, monkeypatch)
        notifier = Notifier(lambda: context, At(instant=datetime.now(UTC)))
        notifier.check()
        assert not notifier.status().ok
        assert "webhook was not told of prices, home" in notifier.status().note
        notifier.check()
    assert notifier.status().ok
