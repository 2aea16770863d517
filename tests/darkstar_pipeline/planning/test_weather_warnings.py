"""Reserves that fetched forecasts of storms ask for: when, why, and until when a forecast counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.forecasts.storms import keep_storms
from darkstar_pipeline.planning.battery_care import asked_kwh
from darkstar_pipeline.planning.weather_warnings import STALE, missing_forecast, weather_reserves
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.weather_warning import WeatherWarning
from env.time_grid import grid

NOW = datetime(2026, 3, 28, 20, 7, tzinfo=UTC)  # the night before the clock goes forward
STORM = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00 local, the hour after the one that is left out
WARNING: dict[str, Any] = {"gusts_above": 21.0, "percent": 40.0, "hours_before": 2.0}


class At(Clock):
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def home(folder: Path, warning: dict[str, Any] | None, **site: Any) -> Context:
    place = {"forecast": {"latitude": 59.3, "longitude": 18.1}, **site}
    settings = Settings.model_validate(
        {"sites": {"home": {**place, "household": {"care": {"weather_warning": warning}}}}}
    )
    return open_context("home", settings=settings, home=folder)


def forecast(context: Context, known_at: datetime = NOW, gust: float = 25.0) -> None:
    ends = [STORM + timedelta(hours=by) for by in range(-12, 36)]
    blows = [gust if STORM < end <= STORM + timedelta(hours=3) else 8.0 for end in ends]
    storms = pl.DataFrame({"at": ends, "gust_ms": blows, "thunder": [False] * len(ends)})
    keep_storms(context.home, context.site_name, "Open-Meteo", storms, known_at)


def test_reserve_is_kept_from_before_a_storm_until_its_end_with_its_reason(tmp_path: Path) -> None:
    context = home(tmp_path, WARNING)
    forecast(context)
    (asked,) = weather_reserves(context, NOW)
    assert (asked.percent, asked.since, asked.until) == (40.0, STORM - timedelta(hours=2), STORM + timedelta(hours=3))
    assert asked.cause == "gusts of 25 m/s forecast for 2026-03-29 03:00 to 06:00, Open-Meteo of 21:07"
    starts = grid(STORM.date(), STORM.date(), "Europe/Stockholm")["slot_start"]
    kept = asked_kwh([asked], starts, context.site)
    battery = context.site.battery
    assert len(kept) == 92
    assert int((kept > battery.min_soc_kwh).sum()) == 4 * 5
    assert kept.max() == pytest.approx(battery.min_soc_kwh + 0.4 * battery.capacity_kwh)
    assert np.flatnonzero(kept > battery.min_soc_kwh)[0] == 0, "from 23:00 UTC on, where the local day begins"


def test_nothing_is_asked_for_without_the_setting_or_a_storm_or_after_it(tmp_path: Path) -> None:
    without, calm = home(tmp_path / "a", None), home(tmp_path / "b", WARNING)
    forecast(without)
    forecast(calm, gust=20.0)
    assert weather_reserves(without, NOW) == weather_reserves(calm, NOW) == []
    forecast(calm)
    assert weather_reserves(calm, STORM + timedelta(hours=3)) == []


def test_forecast_counts_from_when_it_was_known_until_it_is_stale_and_that_is_told(tmp_path: Path) -> None:
    context = home(tmp_path, WARNING)
    assert "was fetched yet" in missing_forecast(context, NOW)
    forecast(context, known_at=NOW)
    assert weather_reserves(context, NOW - timedelta(minutes=1)) == [], "a plan as of an earlier moment knows it not"
    assert not missing_forecast(context, NOW)
    forecast(context, known_at=NOW - STALE)
    assert weather_reserves(context, NOW) == []
    (component,) = WeatherWarning(context, At()).components()
    assert (component.ok, "warns no more" in component.note) == (False, True)


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ({"forecast": {}}, "forecast.latitude"),
        ({"sources": {"weather": {"order": ["met_norway"]}}}, "put open_meteo into sources.weather.order"),
    ],
)
def test_home_that_cannot_be_warned_is_told_why(tmp_path: Path, site: dict[str, Any], said: str) -> None:
    assert said in missing_forecast(home(tmp_path, WARNING, **site), NOW)


def test_plan_is_made_anew_when_a_forecast_changes(tmp_path: Path) -> None:
    context = home(tmp_path, WARNING)
    warning = WeatherWarning(context, At())
    before = warning.key(NOW)
    forecast(context)
    assert warning.key(NOW) != before
    assert [part.note for part in warning.components()] == [warning.reserves(NOW)[0].cause]
