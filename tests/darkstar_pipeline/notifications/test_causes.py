"""The causes of a site: what doctor finds of its sources, without what is so every night."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.notifications.causes import findings_of_sources
from tests.builders.home_assistant_socket import TOKEN, home_assistant_socket


def test_an_inverter_that_sleeps_is_no_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DARKSTAR_HA_TOKEN", TOKEN)
    pv = {"entity_id": "sensor.pv", "state": "unavailable", "attributes": {}, "last_updated": "2026-01-30T11:00:00Z"}
    with home_assistant_socket({"get_states": [pv], "recorder/list_statistic_ids": []}) as answers:
        settings = {"home_assistant": {"url": answers.url, "sensors": {"pv": "sensor.pv"}}}
        site = SiteSettings.model_validate(settings)
        context = open_context("home", settings=Settings(sites={"home": site}), home=tmp_path)
        found = findings_of_sources(context, datetime.now(UTC))
    assert [each.check for each in found] == ["prices, home", "weather, home", "Home Assistant, home", "readings, home"]
