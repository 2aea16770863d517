"""Forecasts of weather and of the panels, from sources on loopback: order, vintage, budgets, and every fault."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.pace import Pace
from darkstar_pipeline.fetching.weather.due import weather_is_due
from darkstar_pipeline.fetching.weather.forecasts import WeatherFetched, fetch_forecasts
from darkstar_pipeline.fetching.weather.services import ADDRESSES, SOLCAST_KEY
from darkstar_pipeline.forecasts.storms import kept_storms
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from tests.builders.source_server import HTML, Asked, Reply, SourceServer, source_server
from tests.builders.weather_answers import (
    BODIES,
    answering,
    bright_sky,
    forecast_solar,
    met_norway,
    midnight,
    open_meteo,
    solcast,
)

NOW = datetime(2026, 3, 28, 12, 7, tzinfo=UTC)  # the clock changes within the forecast
FORECAST = {"latitude": 59.329, "longitude": 18.068, "panels_kw": 6.0}
WEATHER_ORDER = ("open_meteo", "met_norway", "bright_sky")


@dataclass
class Home:
    """A home whose sources are on loopback, and its clock."""

    folder: Path
    server: SourceServer
    client: SourceClient
    now: datetime = NOW
    weather: dict[str, object] = field(default_factory=lambda: {"order": WEATHER_ORDER})
    forecast: dict[str, object] = field(default_factory=lambda: dict(FORECAST))
    care: dict[str, object] = field(default_factory=dict[str, object])

    @property
    def context(self) -> Context:
        site = {"forecast": self.forecast, "sources": {"weather": self.weather}, "household": {"care": self.care}}
        settings = Settings.model_validate({"sites": {"home": site}})
        return open_context("home", settings=settings, home=self.folder / "state")

    def fetch(self) -> WeatherFetched:
        return fetch_forecasts(self.context, clock=lambda: self.now, client=self.client)

    @property
    def rows(self) -> pl.DataFrame:
        return self.context.lake.read(RAW_WEATHER, "home")

    @property
    def paths(self) -> list[str]:
        return ["/" + asked.path.split("/")[1] for asked in self.server.asked]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Home]:
    client = SourceClient(retries=Retries(attempts=1), pace=Pace(0), seconds=5)
    with source_server() as server, client:
        for name in ADDRESSES:
            monkeypatch.setitem(ADDRESSES, name, f"{server.url}/{name}")
        one = Home(tmp_path, server, client)
        server.answer = answering(lambda: one.now)
        yield one


def test_forecasts_are_stored_with_the_moment_they_were_known(home: Home):
    fetched = home.fetch()
    assert (fetched.missing, fetched.failures) == ((), ())
    rows = home.rows
    assert rows["known_at"].unique().to_list() == [NOW]
    assert rows["slot_start"].min() == datetime(2026, 3, 28, 12, tzinfo=UTC)  # the running slot, not what has passed
    assert set(rows["source"].unique()) == {"Open-Meteo", "Forecast.Solar"}
    assert (rows["native_minutes"] == 60).all()
    day = rows.filter(pl.col("local_day") == datetime(2026, 3, 29).date())  # noqa: DTZ001 - a local day
    assert day.filter(pl.col("temp_c").is_not_null()).height == 92
    assert day["pv_expected_kwh"].sum() == pytest.approx(14 * 0.5)
    assert home.server.asked[0].query["latitude"] == "59.33"


def test_later_forecast_is_kept_beside_the_earlier_one(home: Home):
    home.fetch()
    first = home.rows
    home.now += timedelta(hours=3)
    home.server.answer = lambda asked: (
        Reply(body=open_meteo(home.now, warmer=5.0)) if asked.path == "/open_meteo" else Reply(status=503)
    )
    home.fetch()
    anew = home.rows
    old = anew.filter(pl.col("known_at") == NOW)
    assert old.drop("imported_at").equals(first.drop("imported_at"))
    assert anew.filter(pl.col("known_at") == home.now)["temp_c"].unique().to_list() == [15.0]


def test_next_source_is_asked_when_one_fails_and_the_log_says_why(home: Home):
    whole = home.server.answer
    home.server.answer = lambda asked: Reply(status=503) if asked.path == "/open_meteo" else whole(asked)
    fetched = home.fetch()
    assert [error.source for error in fetched.failures] == ["Open-Meteo"]
    assert home.paths == ["/open_meteo", "/met_norway", "/forecast_solar"]
    states = {state.last.source: state.last for state in FetchLog(home.context.home).states("home", "weather")}
    assert (states["Open-Meteo"].outcome, states["Open-Meteo"].cause) == ("failed", "unreachable")
    assert states["MET Norway"].outcome == "stored"
    assert states["MET Norway"].published_at == NOW - timedelta(hours=1)


def test_source_is_spared_when_it_was_asked_just_now(home: Home):
    home.fetch()
    asked = len(home.server.asked)
    home.now += timedelta(minutes=5)
    fetched = home.fetch()
    assert len(home.server.asked) == asked
    assert any("asked again from 12:17Z on" in note for note in fetched.notes)
    assert fetched.missing == ()


def test_ten_calls_a_day_last_for_the_day_over_restarts_and_failures(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SOLCAST_KEY, "a-key-of-ours")
    home.weather = {"order": (), "panels": ("solcast",), "solcast_site": "1234-abcd"}
    home.now, whole = midnight(NOW), home.server.answer
    answers: list[Reply] = []

    def answer(asked: Asked) -> Reply:
        answers.append(Reply(status=429) if len(answers) % 2 else whole(asked))
        return answers[-1]

    home.server.answer = answer
    for _ in range(40):  # of a day, each in a new context
        home.fetch()
        home.now += timedelta(minutes=36)
    assert len(home.server.asked) == 10
    assert home.server.asked[0].headers["authorization"] == "Bearer a-key-of-ours"
    assert "a-key-of-ours" not in FetchLog(home.context.home).path.read_bytes().decode("latin-1")


def test_call_counts_when_its_answer_could_not_be_stored(home: Home, monkeypatch: pytest.MonkeyPatch):
    home.weather = {"order": (), "panels": ("forecast_solar",)}
    with monkeypatch.context() as patched:
        patched.setattr("darkstar_pipeline.fetching.weather.forecasts.import_parsed", full_disk)
        with pytest.raises(OSError, match="No space"):
            home.fetch()
    home.now += timedelta(minutes=5)
    home.fetch()
    assert home.paths == ["/forecast_solar"]
    (state,) = FetchLog(home.context.home).states("home", "weather")
    assert (state.failures, state.last.outcome) == (1, "failed")
    home.now += timedelta(minutes=10)
    home.fetch()
    (state,) = FetchLog(home.context.home).states("home", "weather")
    assert (state.failures, state.last.outcome) == (0, "stored")
    assert len(FetchLog(home.context.home).entries("home")) == 2


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_questions_by_a_clock_that_was_ahead_spare_no_source(home: Home):
    home.now += timedelta(days=300)
    home.fetch()
    home.now = NOW
    asked = len(home.server.asked)
    assert weather_is_due(home.context, NOW)
    assert home.fetch().missing == ()
    assert len(home.server.asked) == asked + 2
    assert not weather_is_due(home.context, NOW + timedelta(minutes=1))


@pytest.mark.parametrize("hours", [-3, 3])
def test_nothing_is_taken_when_the_clocks_are_far_apart(home: Home, hours: int):
    whole = home.server.answer
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours))
    home.server.answer = lambda asked: replace(whole(asked), headers={"Date": date})
    fetched = home.fetch()
    assert fetched.missing == ("weather", "a forecast of the panels")
    assert all("clock is 3.0 h" in error.reason for error in fetched.failures)
    assert home.rows.is_empty()


def test_next_source_of_the_panels_is_asked_when_the_calls_of_one_are_spent(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(SOLCAST_KEY, "a-key-of-ours")
    home.weather = {"order": (), "solcast_site": "1234-abcd"}
    home.server.answer = lambda asked: (
        Reply(status=429) if "/solcast" in asked.path else Reply(body=forecast_solar(home.now))
    )
    home.fetch()
    home.now += timedelta(minutes=20)
    home.fetch()
    assert home.paths == ["/solcast", "/forecast_solar", "/forecast_solar"]


def test_planes_of_a_roof_are_asked_one_by_one_and_add_up(home: Home):
    planes = [{"kw": 4.0, "tilt": 30, "azimuth": 90}, {"kw": 2.0, "tilt": 20, "azimuth": 270}]
    home.weather = {"order": (), "panels": ("forecast_solar",)}
    home.forecast = {"latitude": 59.329, "longitude": 18.068, "panels": planes}
    watt_hours = {"/forecast_solar/59.33/18.07/30/-90/4": 600.0, "/forecast_solar/59.33/18.07/20/90/2": 250.0}
    home.server.answer = lambda asked: Reply(body=forecast_solar(home.now, watt_hours=watt_hours[asked.path]))
    assert home.fetch().missing == ()
    assert [asked.path for asked in home.server.asked] == [*watt_hours]
    day = home.rows.filter(pl.col("local_day") == datetime(2026, 3, 29).date())  # noqa: DTZ001 - a local day
    assert day["pv_expected_kwh"].sum() == pytest.approx(14 * 0.85)
    home.now += timedelta(hours=3)
    home.server.answer = lambda asked: (
        Reply(status=503) if "/2" in asked.path[-3:] else Reply(body=forecast_solar(home.now))
    )
    assert home.fetch().missing == ("a forecast of the panels",), "half a roof is no forecast"


def test_forecast_is_capped_and_the_log_says_so_when_the_panels_cannot_make_it(home: Home):
    home.weather = {"order": (), "panels": ("forecast_solar",)}
    home.server.answer = lambda _: Reply(body=forecast_solar(home.now, watt_hours=8000.0))
    fetched = home.fetch()
    assert home.rows["pv_expected_kwh"].max() == 1.5
    told = "panels of 6 kW can make"
    assert any(told in note for note in fetched.notes)
    assert told in FetchLog(home.context.home).entries("home")[0].reason


def test_nothing_is_asked_when_the_place_is_not_configured(home: Home):
    home.forecast = {}
    with pytest.raises(ConfigurationError, match="place of the panels"):
        home.fetch()
    assert home.server.asked == []


def test_missing_key_is_told_and_the_next_source_is_asked(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(SOLCAST_KEY, raising=False)
    home.weather = {"order": (), "solcast_site": "1234-abcd"}
    fetched = home.fetch()
    assert [(error.source, error.cause) for error in fetched.failures] == [("Solcast", "refused")]
    assert SOLCAST_KEY in fetched.failures[0].hint
    assert home.paths == ["/forecast_solar"]


FAULTS: dict[str, Callable[[bytes], Reply]] = {
    "400": lambda _: Reply(status=400),
    "401": lambda _: Reply(status=401),
    "403": lambda _: Reply(status=403),
    "404": lambda _: Reply(status=404),
    "429": lambda _: Reply(status=429, headers={"Retry-After": "3600"}),
    "500": lambda _: Reply(status=500),
    "502": lambda _: Reply(status=502),
    "503": lambda _: Reply(status=503),
    "504": lambda _: Reply(status=504),
    "moved": lambda _: Reply(status=301, headers={"Location": "/elsewhere"}),
    "dropped": lambda body: Reply(body=body, drop=True),
    "cut": lambda body: Reply(body=body, cut=len(body) // 2),
    "shorter than it says": lambda body: Reply(body=body[: len(body) // 2]),
    "web page": lambda _: HTML,
    "web page as JSON": lambda _: Reply(body=HTML.body),
    "CSV": lambda body: Reply(body=body, content_type="text/csv"),
    "plain text": lambda body: Reply(body=body, content_type="text/plain"),
    "twice": lambda body: Reply(body=body + body),
    "empty": lambda _: Reply(body=b""),
    "empty object": lambda _: Reply(body=b"{}"),
    "empty list": lambda _: Reply(body=b"[]"),
    "null": lambda _: Reply(body=b"null"),
    "no UTF-8": lambda _: Reply(body=b'{"a": "\xff\xfe"}'),
    "error with 200": lambda _: Reply(body=b'{"error": true, "reason": "Daily limit exceeded"}'),
    "not a number": lambda body: Reply(body=_with_values(body, "NaN")),
    "text for numbers": lambda body: Reply(body=_with_values(body, '"warm"')),
    "impossible values": lambda body: Reply(body=_with_values(body, "999999")),
}
SERVICES: dict[str, dict[str, object]] = {
    "open_meteo": {"order": ("open_meteo",), "panels": ()},
    "met_norway": {"order": ("met_norway",), "panels": ()},
    "bright_sky": {"order": ("bright_sky",), "panels": ()},
    "forecast_solar": {"order": (), "panels": ("forecast_solar",)},
    "solcast": {"order": (), "panels": ("solcast",), "solcast_site": "1234-abcd"},
}
STALE: dict[str, Callable[[datetime], bytes]] = {
    "open_meteo": lambda now: open_meteo(now - timedelta(days=9)),
    "met_norway": lambda now: met_norway(now - timedelta(days=2)),
    "bright_sky": lambda now: bright_sky(now - timedelta(days=9)),
    "forecast_solar": lambda now: forecast_solar(now - timedelta(days=2)),
    "solcast": lambda now: solcast(now - timedelta(days=8)),
}
SHORT: dict[str, Callable[[datetime], bytes]] = {
    "open_meteo": lambda now: open_meteo(now, 24),
    "met_norway": lambda now: met_norway(now, 24),
    "bright_sky": lambda now: bright_sky(now, 24),
    "forecast_solar": lambda now: forecast_solar(now, 24),
    "solcast": lambda now: solcast(now, 24),
}
ELSEWHERE: dict[str, Callable[[datetime], bytes]] = {
    "open_meteo": lambda now: open_meteo(now, place=(18.07, 59.33)),
    "met_norway": lambda now: met_norway(now, place=(55.6, 13.0)),
    "forecast_solar": lambda now: forecast_solar(now).replace(b"59.33", b"45.43"),
}


def _with_values(body: bytes, value: str) -> bytes:
    """Return an answer whose numbers are another value, its instants and place as they are."""
    kept = {"time", "latitude", "longitude", "utc_offset_seconds", "coordinates"}

    def spoiled(node: object, name: str = "") -> object:
        if isinstance(node, dict):
            return {key: item if key in kept else spoiled(item, key) for key, item in node.items()}
        if isinstance(node, list):
            return [spoiled(item, name) for item in node]
        return "<value>" if isinstance(node, int | float) else node

    return json.dumps(spoiled(json.loads(body))).replace('"<value>"', value).encode()


def check_refused(home: Home, service: str, reply: Reply) -> None:
    """The lake stays as it is, and the log says why."""
    home.weather = SERVICES[service]
    home.server.answer = lambda _: reply
    fetched = home.fetch()
    assert len(fetched.failures) == 1
    assert len(fetched.missing) == 1
    last = FetchLog(home.context.home).entries("home")[0]
    assert last.outcome == "failed"
    assert last.reason
    assert last.remedy
    assert home.rows.is_empty()


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_written_when_a_source_has_a_fault(home: Home, fault: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SOLCAST_KEY, "a-key-of-ours")
    for service in SERVICES:
        check_refused(home, service, FAULTS[fault](BODIES[f"/{service}"](home.now)))


@pytest.mark.parametrize(
    ("bodies", "told"),
    [(STALE, "not today|ends at"), (SHORT, "a day ahead is the least"), (ELSEWHERE, "another place")],
    ids=["of another day", "too short", "of another place"],
)  # fmt: skip
def test_nothing_is_written_when_an_answer_is_not_what_was_asked_for(
    home: Home, bodies: dict[str, Callable[[datetime], bytes]], told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(SOLCAST_KEY, "a-key-of-ours")
    for service, body in bodies.items():
        check_refused(home, service, Reply(body=body(home.now)))
        reason = FetchLog(home.context.home).entries("home")[0].reason
        assert any(part in reason for part in told.split("|"))


def test_a_service_that_wants_peace_is_left_alone_and_the_next_is_asked(home: Home):
    home.server.serve(Reply(status=429, headers={"Retry-After": "7200"}))
    home.fetch()
    home.server.asked.clear()
    home.server.answer = answering(lambda: home.now)
    home.now += timedelta(hours=1)
    fetched = home.fetch()
    assert "weather" in fetched.missing
    assert home.server.asked == []
    assert all("wants to be left alone until 2026-03-28 14:07Z" in note for note in fetched.notes[:3])
    home.now += timedelta(hours=1, minutes=1)
    assert not home.fetch().missing


def test_gusts_and_thunder_are_asked_for_and_kept_where_they_are_to_warn(home: Home):
    home.fetch()
    assert "wind_gusts_10m" not in home.server.asked[0].query["hourly"]
    assert kept_storms(home.context.home, "home") is None
    home.care, home.now = {"weather_warning": {}}, home.now + timedelta(hours=4)

    def stormy() -> bytes:
        document = json.loads(open_meteo(home.now))
        hours = len(document["hourly"]["time"])
        document["hourly"] |= {"wind_gusts_10m": [24.5] * hours, "weather_code": [95, *[3] * (hours - 1)]}
        document["hourly_units"] |= {"wind_gusts_10m": "m/s", "weather_code": "wmo code"}
        return json.dumps(document).encode()

    home.server.answer = lambda asked: Reply(body=stormy()) if asked.path == "/open_meteo" else Reply(status=503)
    home.fetch()
    asked = next(each for each in reversed(home.server.asked) if each.path == "/open_meteo")
    assert asked.query["hourly"].endswith("wind_gusts_10m,weather_code")
    assert asked.query["wind_speed_unit"] == "ms"
    kept = kept_storms(home.context.home, "home")
    assert kept is not None
    assert (kept.source, kept.known_at, kept.hours[0].gust_ms) == ("Open-Meteo", home.now, 24.5)
    assert [hour.thunder for hour in kept.hours[:2]] == [True, False]


def test_gusts_in_a_unit_nobody_knows_are_refused(home: Home):
    document = json.loads(open_meteo(home.now))
    document["hourly_units"]["wind_gusts_10m"] = "Bft"
    home.server.answer = lambda asked: (
        Reply(body=json.dumps(document).encode()) if asked.path == "/open_meteo" else Reply(status=503)
    )
    failure, *_ = home.fetch().failures
    assert "wind_gusts_10m is in Bft, not in one of m/s, km/h" in str(failure)
