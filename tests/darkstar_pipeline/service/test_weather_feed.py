"""Weather comes by itself where the service runs alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import Fetch, FetchLog
from darkstar_pipeline.fetching.weather.forecasts import WeatherFetched
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.weather_feed import WeatherFeed

START = datetime(2026, 1, 30, 13, 0, tzinfo=UTC)


class Moving(Clock):
    """A clock in the test's hand."""

    at = START

    def now(self) -> datetime:
        return self.at


def context_of(folder: Path, **forecast: float) -> Context:
    return open_context(settings=Settings.model_validate({"sites": {"home": {"forecast": forecast}}}), home=folder)


def test_weather_is_fetched_every_three_hours_and_sooner_after_a_failure(tmp_path: Path):
    context, clock, asked = context_of(tmp_path, latitude=59.3, longitude=18.1), Moving(), list[datetime]()
    error = FetchError("Open-Meteo", "unreachable", "it has a fault of its own (503)")

    def fetch(context: Context) -> WeatherFetched:
        asked.append(clock.at)
        if len(asked) == 2:
            FetchLog(context.home).failed("home", "weather", error, asked_at=clock.at)
            return WeatherFetched(failures=(error,), missing=("weather",))
        fetched = Fetch(site="home", kind="weather", source="Open-Meteo", asked_at=clock.at, outcome="stored")
        FetchLog(context.home).add(fetched)
        return WeatherFetched()

    feed = WeatherFeed(context, clock, fetch=fetch)
    problems: list[str] = []
    for _ in range(44):
        feed.check()
        problems += [] if feed.status().ok else [feed.status().note]
        clock.at += timedelta(minutes=5)
    hours = [(at - START) / timedelta(minutes=1) for at in asked]
    assert hours == [0, 190, 205]
    assert problems == ["Open-Meteo: it has a fault of its own (503); " + error.hint] * 3
    assert feed.status().ok


def test_nothing_is_asked_where_the_place_is_not_known(tmp_path: Path):
    def fetch(_: Context) -> WeatherFetched:
        raise AssertionError

    WeatherFeed(context_of(tmp_path), Moving(), fetch=fetch).check()
