"""From any resolution to slots: energy is conserved, nothing is made up."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.sources.resampling import repeat_prices, split_energy

START = datetime(2026, 3, 28, 23, tzinfo=UTC)  # the 92-slot day begins


def rows(minutes: int, values: list[float | None], offset: int = 0, **columns: list[float | None]) -> pl.DataFrame:
    stamps = [START + timedelta(minutes=offset + minutes * index) for index in range(len(values))]
    return pl.DataFrame(
        {"slot_start": stamps, "load_kwh": values, **columns, "native_minutes": [minutes] * len(values)},
        schema_overrides={"slot_start": pl.Datetime("us", "UTC"), "load_kwh": pl.Float64, "native_minutes": pl.Int32},
    )


@given(
    st.sampled_from([5, 10, 15, 30, 60]),
    st.lists(st.floats(0, 30), min_size=12, max_size=60),
    st.sampled_from([0, 5, 15, 30, 45]),
)
def test_energy_is_conserved_for_any_resolution_and_phase(minutes: int, values: list[float], offset: int):
    frame = rows(minutes, list(values), offset)
    slots, partial = split_energy(frame, ["load_kwh"], soc=False)
    # Energy of whole slots, computed minute by minute.
    per_minute = {
        stamp + timedelta(minutes=minute): value / minutes
        for stamp, value in frame.select("slot_start", "load_kwh").iter_rows()
        for minute in range(minutes)
    }
    for start, energy in slots.select("slot_start", "load_kwh").iter_rows():
        expected = sum(per_minute[start + timedelta(minutes=minute)] for minute in range(15))
        assert energy == pytest.approx(expected, abs=1e-9)
    covered = {stamp - timedelta(minutes=stamp.minute % 15) for stamp in per_minute}
    assert slots.height + partial.height == len(covered)
    if offset % 15 == 0 and minutes % 15 == 0:
        assert slots["load_kwh"].sum() == pytest.approx(sum(values), abs=1e-9)


def test_slot_is_left_out_and_counted_when_it_is_covered_in_part():
    slots, partial = split_energy(rows(5, [1.0, 1.0, 1.0, 1.0, 1.0]), ["load_kwh"], soc=False)
    assert slots["load_kwh"].to_list() == [3.0]
    assert partial.height == 1


def test_null_piece_makes_the_column_of_its_slot_null():
    slots, _ = split_energy(rows(5, [1.0, None, 1.0, 1.0, 1.0, 1.0]), ["load_kwh"], soc=False)
    assert slots["load_kwh"].to_list() == [None, 3.0]


def test_soc_is_straight_inside_an_hour_and_keeps_its_ends():
    frame = rows(60, [4.0, 4.0], soc_start_percent=[20.0, 60.0], soc_end_percent=[60.0, 50.0])
    slots, _ = split_energy(frame, ["load_kwh"], soc=True)
    assert slots["soc_start_percent"].to_list() == [20, 30, 40, 50, 60, 57.5, 55, 52.5]
    assert slots["soc_end_percent"].to_list() == [30, 40, 50, 60, 57.5, 55, 52.5, 50]


def test_soc_of_a_slot_is_its_first_start_and_last_end_when_readings_are_finer():
    frame = rows(5, [0.1] * 3, soc_start_percent=[50.0, 51.0, 52.0], soc_end_percent=[51.0, 52.0, 53.0])
    slots, _ = split_energy(frame, ["load_kwh"], soc=True)
    assert slots.select("soc_start_percent", "soc_end_percent").rows() == [(50.0, 53.0)]


def test_missing_soc_is_taken_from_the_neighbour_that_touches_it():
    frame = rows(15, [0.1] * 3, soc_start_percent=[50.0, 51.0, 52.0], soc_end_percent=[None, None, 55.0])
    slots, _ = split_energy(frame, ["load_kwh"], soc=True)
    assert slots["soc_end_percent"].to_list() == [51, 52, 55]


def test_prices_are_repeated_and_not_split():
    frame = pl.concat([rows(60, [0.4]), rows(15, [0.5], offset=60)]).rename({"load_kwh": "price"})
    assert repeat_prices(frame)["price"].to_list() == [0.4, 0.4, 0.4, 0.4, 0.5]
