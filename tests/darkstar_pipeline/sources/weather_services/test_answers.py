"""Answers of weather services in their own shapes: recorded ones and hand-written ones, on their instants."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.weather_services.answer import WeatherAnswer
from darkstar_pipeline.sources.weather_services.bright_sky import read_bright_sky
from darkstar_pipeline.sources.weather_services.forecast_solar import read_forecast_solar
from darkstar_pipeline.sources.weather_services.met_norway import read_met_norway
from darkstar_pipeline.sources.weather_services.open_meteo import read_open_meteo
from darkstar_pipeline.sources.weather_services.solcast import read_solcast

READERS: dict[str, Callable[[bytes], WeatherAnswer]] = {
    "open_meteo": read_open_meteo,
    "forecast_solar": read_forecast_solar,
    "solcast": read_solcast,
    "met_norway": read_met_norway,
    "bright_sky": read_bright_sky,
}


def at(*clock: int) -> datetime:
    return datetime(*clock, tzinfo=UTC)  # type: ignore[arg-type]


def open_meteo(**hourly: object) -> dict[str, object]:
    units = {"temperature_2m": "°C", "cloud_cover": "%", "shortwave_radiation": "W/m²"}
    return {"latitude": 59.3, "longitude": 18.0, "utc_offset_seconds": 0, "hourly_units": units, "hourly": hourly}


@pytest.mark.parametrize(("unit", "gust"), [("km/h", 90.0), ("m/s", 25.0), ("kn", 25 / (1852 / 3600))])
def test_gusts_are_in_metres_per_second_whatever_unit_they_come_in(unit: str, gust: float) -> None:
    """The service answers in km/h unless it is asked otherwise."""
    document = open_meteo(time=["2026-03-29T01:00"], temperature_2m=[3.0], wind_gusts_10m=[gust], weather_code=[95])
    document["hourly_units"] = {"wind_gusts_10m": unit}
    storm = read_open_meteo(json.dumps(document).encode()).storms.row(0, named=True)
    assert storm["gust_ms"] == pytest.approx(25.0)
    assert storm["thunder"]


def test_gusts_in_a_unit_that_nobody_knows_are_refused() -> None:
    document = open_meteo(time=["2026-03-29T01:00"], temperature_2m=[3.0], wind_gusts_10m=[9.0])
    document["hourly_units"] = {"wind_gusts_10m": "Bft"}
    with pytest.raises(DataRefusedError, match="wind_gusts_10m is in Bft"):
        read_open_meteo(json.dumps(document).encode())


def test_recorded_hours_of_open_meteo_are_in_utc_and_radiation_is_of_the_hour_before(shared_data: Path) -> None:
    answer = read_open_meteo((shared_data / "fixtures" / "api" / "openmeteo_eos.json").read_bytes())
    assert answer.moments.height == 72
    noon = answer.moments.filter(pl.col("at") == at(2026, 3, 2, 11))  # 12:00 of a clock one hour ahead
    assert noon.row(0) == (at(2026, 3, 2, 11), 9.4, 0.0)
    span = answer.irradiance.filter(pl.col("end") == at(2026, 3, 2, 11)).row(0)
    assert span == (at(2026, 3, 2, 10), at(2026, 3, 2, 11), 487.2)


def test_recorded_quarters_of_open_meteo_are_read_without_radiation_when_only_instants_were_asked(
    shared_data: Path,
) -> None:
    answer = read_open_meteo((shared_data / "fixtures" / "api" / "openmeteo_emhass.json").read_bytes())
    assert answer.moments.height == 288
    assert answer.moments["at"][0] == at(2025, 2, 23, 23)
    assert answer.irradiance.is_empty()


def test_recorded_answer_of_forecast_solar_is_energy_since_the_stamp_before(shared_data: Path) -> None:
    answer = read_forecast_solar((shared_data / "fixtures" / "api" / "forecast_solar_emhass.json").read_bytes())
    assert answer.pv["value"].sum() == pytest.approx(10.234 + 20.957)
    first = answer.pv.row(0)
    assert first == (at(2022, 10, 24, 6, 4), at(2022, 10, 24, 7), 0.325)
    assert answer.issued_at == at(2022, 10, 24, 20, 25, 23)


def test_recorded_answer_of_solcast_is_power_of_half_hours_named_by_their_end(shared_data: Path) -> None:
    answer = read_solcast((shared_data / "fixtures" / "api" / "solcast_emhass.json").read_bytes())
    assert answer.pv.filter(pl.col("end") == at(2022, 10, 25, 12)).row(0) == (
        at(2022, 10, 25, 11, 30), at(2022, 10, 25, 12), 2.7314 / 2,
    )  # fmt: skip


def test_recorded_answer_of_bright_sky_keeps_both_halves_of_the_autumn_hour(shared_data: Path) -> None:
    answer = read_bright_sky((shared_data / "fixtures" / "api" / "brightsky_eos.json").read_bytes())
    assert answer.moments["at"].n_unique() == 50
    assert (answer.moments["at"].diff().drop_nulls() == timedelta(hours=1)).all()


def test_met_norway_is_temperature_and_clouds_at_instants() -> None:
    steps = [
        {"time": f"2026-03-29T0{hour}:00:00Z", "data": {"instant": {"details": details}}}
        for hour, details in ((0, {"air_temperature": -1.5, "cloud_area_fraction": 80.0}), (1, {"air_temperature": -1}))
    ]
    said = {"properties": {"meta": {"updated_at": "2026-03-28T23:11:00Z"}, "timeseries": steps}}
    answer = read_met_norway(json.dumps(said).encode())
    assert answer.moments.rows() == [(at(2026, 3, 29), -1.5, 80.0), (at(2026, 3, 29, 1), -1.0, None)]
    assert answer.issued_at == at(2026, 3, 28, 23, 11)


def test_open_meteo_gives_what_it_had_said_days_before_when_asked_for_it() -> None:
    said = open_meteo(time=[1767225600, 1767229200], temperature_2m_previous_day1=[1.0, 2.0], cloud_cover=[5, 6])
    answer = read_open_meteo(json.dumps(said).encode(), days_before=1)
    assert answer.moments.rows() == [(at(2026, 1, 1), 1.0, None), (at(2026, 1, 1, 1), 2.0, None)]


@pytest.mark.parametrize("service", READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"<html>too many requests</html>", b"{}", b"[]", b'{"error": true, "reason": "limit"}', b'{"hourly": {"ti'],
    ids=["empty", "html", "no_keys", "list", "error", "cut"],
)
def test_answer_is_refused_when_it_is_not_as_documented(service: str, content: bytes) -> None:
    with pytest.raises(DataRefusedError, match="not as documented"):
        READERS[service](content)


@pytest.mark.parametrize(
    ("hourly", "told"),
    [
        ({"time": [0, 3600], "temperature_2m": [1.0]}, "cut short"),
        ({"time": [], "temperature_2m": []}, "cut short"),
        ({"time": [0, 3600], "temperature_2m": [None, None]}, "no value"),
        ({"time": [0, 3600], "temperature_2m": ["a", "b"]}, "not as documented"),
        ({"time": [0, 3600], "temperature_2m": [True, 2.0]}, "not as documented"),
        ({"time": ["yesterday"], "temperature_2m": [1.0]}, "time cannot be read"),
    ],
)
def test_open_meteo_is_refused_when_its_lists_do_not_fit(hourly: dict[str, object], told: str) -> None:
    with pytest.raises(DataRefusedError, match=told):
        read_open_meteo(json.dumps(open_meteo(**hourly)).encode())


def test_open_meteo_is_refused_when_it_is_in_other_units() -> None:
    said = open_meteo(time=[0, 3600], temperature_2m=[30.0, 31.0])
    said["hourly_units"] = {"temperature_2m": "°F"}
    with pytest.raises(DataRefusedError, match="°F, not in °C"):
        read_open_meteo(json.dumps(said).encode())


def test_forecast_solar_is_refused_when_its_times_run_backwards() -> None:
    periods = {"2026-06-01 09:00:00": 100, "2026-06-01 08:00:00": 100}
    with pytest.raises(DataRefusedError, match="not in order"):
        read_forecast_solar(json.dumps({"result": {"watt_hours_period": periods}}).encode())
