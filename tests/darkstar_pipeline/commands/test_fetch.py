from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.weather.services import ADDRESSES
from tests.builders.command_line import Darkstar
from tests.builders.source_server import source_server
from tests.builders.weather_answers import answering


def test_the_state_of_each_source_is_shown(home: Path, darkstar: Darkstar):
    assert darkstar("init", "--yes").code == 0
    assert "no source was asked" in darkstar("fetch").out
    error = FetchError("nordpool", "unreachable", "it has a fault of its own (503)")
    FetchLog(home_dir()).failed("home", "prices", error, asked_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    (row,) = darkstar("fetch", "--json").document["sources"]
    assert (row["source"], row["cause"], row["failures"], row["succeeded_at"]) == ("nordpool", "unreachable", 1, None)
    assert "fault of its own (503)" in darkstar("fetch").out
    assert home_dir().is_relative_to(home)


def test_weather_is_fetched_by_the_command(home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch):
    assert darkstar("init", "--yes").code == 0
    refused = darkstar("fetch", "weather")
    assert refused.code == 2
    assert "place of the panels is not configured" in refused.err
    file = home / "darkstar.yaml"
    file.write_text(
        file.read_text().replace("latitude: null", "latitude: 59.33").replace("longitude: null", "longitude: 18.07")
    )
    with source_server() as server:
        for name in ADDRESSES:
            monkeypatch.setitem(ADDRESSES, name, f"{server.url}/{name}")
        server.answer = answering(lambda: datetime.now(UTC))
        (row,) = darkstar("fetch", "weather", "--json").document["fetched"]
        assert (row["source"], row["slots_changed"]) == ("Open-Meteo", 0)
        past = darkstar("fetch", "weather", "--from", "2025-06-01", "--to", "2025-06-02")
        assert "Open-Meteo" in past.out
    assert "Open-Meteo" in darkstar("fetch").out
