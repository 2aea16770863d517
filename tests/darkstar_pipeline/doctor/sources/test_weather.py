"""Findings on the weather that a site fetches."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.doctor.sources.weather import check_weather
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import Fetch, FetchLog

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
PLACE = {"latitude": 59.33, "longitude": 18.07}


def checked(home: Path, *, forecast: dict[str, float] = PLACE, weather: dict[str, object] | None = None) -> CheckResult:
    site = {"forecast": forecast, "sources": {"weather": weather or {}}}
    return check_weather(Settings.model_validate({"sites": {"home": site}}), home, "home", NOW)


def stored(home: Path, source: str, hours: float) -> None:
    asked_at = NOW - timedelta(hours=hours)
    FetchLog(home).add(Fetch(site="home", kind="weather", source=source, asked_at=asked_at, outcome="stored"))


def failing(home: Path, source: str, hours: float) -> None:
    error = FetchError(source, "refused", "it refuses us (401)", "check the token")
    FetchLog(home).failed("home", "weather", error, asked_at=NOW - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("fetched", "failed", "verdict", "told"),
    [
        ([("Open-Meteo", 2)], [], Verdict.OK, "fetched 2 h ago"),
        ([("Open-Meteo", 0.5)], [], Verdict.OK, "fetched 30 min ago"),
        ([("Open-Meteo", 10)], [], Verdict.WARN, "fetched 10 h ago"),
        ([("Open-Meteo", 25)], [], Verdict.FAIL, "fetched 25 h ago"),
        ([("Open-Meteo", 1)], [("Solcast", 1)], Verdict.OK, "Solcast failed once: it refuses us (401)"),
        ([("Open-Meteo", 26)], [("Open-Meteo", 2), ("Open-Meteo", 1)], Verdict.FAIL, "Open-Meteo failed 2 times"),
        ([("Open-Meteo", 3)], [("Open-Meteo", 1)], Verdict.WARN, "Open-Meteo failed once"),
        ([], [("Open-Meteo", 1)], Verdict.WARN, "it refuses us (401)"),
        ([], [], Verdict.WARN, "none was fetched yet"),
    ],
)
def test_weather_is_judged_by_its_age_and_by_what_its_sources_say(
    tmp_path: Path, fetched: list[tuple[str, float]], failed: list[tuple[str, float]], verdict: Verdict, told: str
):
    for source, hours in fetched:
        stored(tmp_path, source, hours)
    for source, hours in failed:
        failing(tmp_path, source, hours)
    found = checked(tmp_path)
    assert found.verdict is verdict
    assert told in found.detail
    assert bool(found.remedy) is (verdict is not Verdict.OK)
    if failed and verdict is not Verdict.OK:
        assert found.remedy == "check the token"


def test_weather_is_no_matter_when_none_is_fetched(tmp_path: Path):
    assert "place of the panels is not configured" in checked(tmp_path, forecast={}).detail
    off = checked(tmp_path, weather={"order": (), "panels": ()})
    assert (off.verdict, off.detail) == (Verdict.OK, "none is fetched, as configured")
