"""Quarter-hours by the sun: energy is kept, dawn gives its last quarter most, the dark is split evenly."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.sources.weather_services.answer import WeatherAnswer, moments, spans
from darkstar_pipeline.sources.weather_services.forecast_solar import read_forecast_solar
from darkstar_pipeline.sources.weather_services.open_meteo import read_open_meteo
from darkstar_pipeline.sources.weather_services.quarter_hours import quarter_hours
from env.time_grid import day_bounds
from planner.forecasts.clear_sky import PvSystem
from tests.builders.homes import STOCKHOLM

PLACE = PvSystem(latitude=59.3, longitude=18.1)
HOUR = timedelta(hours=1)


def hours(first: datetime, values: list[float]) -> pl.DataFrame:
    starts = [first + by * HOUR for by in range(len(values))]
    return spans(starts, [start + HOUR for start in starts], values)


def test_dawn_gives_the_last_quarter_most_and_a_dark_hour_is_split_evenly() -> None:
    # Sunrise in Stockholm on 29 March is at 04:29 UTC.
    first = datetime(2026, 3, 29, 3, tzinfo=UTC)
    made = quarter_hours(WeatherAnswer(service="", irradiance=hours(first, [4.0, 20.0])), PLACE)
    values = made["irradiance_w_m2"].to_list()
    assert values[:4] == pytest.approx([4.0] * 4)
    assert values[4] == 0.0
    assert values[5] == pytest.approx(0.0, abs=0.01)
    assert 0 < values[6] < values[7]
    assert np.mean(values[4:]) == pytest.approx(20.0)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 21), date(2026, 12, 21)]),
    st.integers(0, 2**32 - 1),
)
def test_energy_of_every_hour_is_kept_on_short_and_long_days(day: date, seed: int) -> None:
    start, end = day_bounds(day, STOCKHOLM)
    n_hours = int((end - start) / HOUR)
    energy = np.random.default_rng(seed).uniform(0, 5, n_hours).tolist()
    answer = WeatherAnswer(service="", pv=hours(start, energy), irradiance=hours(start, energy))
    made = quarter_hours(answer, PLACE)
    assert made.height == 4 * n_hours
    by_hour = made.group_by_dynamic("slot_start", every="1h").agg(
        pl.col("pv_expected_kwh").sum(), pl.col("irradiance_w_m2").mean()
    )
    assert by_hour["pv_expected_kwh"].to_list() == pytest.approx(energy)
    assert by_hour["irradiance_w_m2"].to_list() == pytest.approx(energy)
    assert (made["pv_expected_kwh"] >= 0).all()


def test_spans_that_begin_at_any_minute_keep_their_energy(shared_data: Path) -> None:
    answer = read_forecast_solar((shared_data / "fixtures" / "api" / "forecast_solar_emhass.json").read_bytes())
    made = quarter_hours(answer, PvSystem(latitude=45.43, longitude=5.57))
    assert made["pv_expected_kwh"].sum() == pytest.approx(10.234 + 20.957)
    assert (made["slot_start"].diff().drop_nulls() == timedelta(minutes=15)).all()


def test_recorded_hours_keep_their_mean_and_temperature_is_interpolated(shared_data: Path) -> None:
    answer = read_open_meteo((shared_data / "fixtures" / "api" / "openmeteo_eos.json").read_bytes())
    made = quarter_hours(answer, PvSystem(latitude=50.0, longitude=10.0))
    noon = made.filter(
        pl.col("slot_start").is_between(datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 2, 10, 45, tzinfo=UTC))
    )
    assert noon["irradiance_w_m2"].mean() == pytest.approx(487.2)
    assert noon["irradiance_w_m2"].is_sorted()
    assert noon["temp_c"].to_list() == pytest.approx([7.3 + 2.1 * part for part in (0.125, 0.375, 0.625, 0.875)])


def test_temperature_is_left_out_when_its_instants_are_far_apart() -> None:
    first = datetime(2026, 3, 29, tzinfo=UTC)
    answer = WeatherAnswer(service="", moments=moments([first, first + 7 * HOUR], [1.0, 8.0], [None, None]))
    assert quarter_hours(answer, PLACE).is_empty()
