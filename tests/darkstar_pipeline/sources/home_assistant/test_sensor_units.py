"""Units by size, units that change, and counters told from powers."""

import json
from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.sensor_units import (
    behaves_like_a_counter,
    counter_unit_by_size,
    in_one_unit,
    power_unit_by_size,
)
from tests.builders.home_assistant_exports import history, read, stamp

SECONDS: Reals = np.arange(2 * 288, dtype=np.float64) * 300.0
STEPS: Reals = np.where(np.arange(2 * 288) % 288 > 200, 0.04, 0.02)
COUNTER: Reals = 3210.0 + np.cumsum(STEPS)


def rounded(values: object, digits: int = 0) -> Reals:
    """Values as a sensor shows them."""
    return np.asarray(np.round(np.asarray(values, dtype=np.float64), digits), dtype=np.float64)


def test_zeros_of_some_seconds_do_not_make_a_counter_one_of_watt_hours():
    values = COUNTER.copy()
    values[[80, 81, 82, 300, 301]] = 0.0
    assert counter_unit_by_size(SECONDS, values) == "kWh"
    assert counter_unit_by_size(SECONDS, 1000 * values) == "Wh"


@pytest.mark.parametrize(("step", "every", "unit"), [(12.0, 86_400, "kWh"), (20.0, 3600, "Wh"), (1.0, 3600, "kWh")])
def test_counter_of_whole_numbers_is_in_the_unit_of_a_home(step: float, every: float, unit: str):
    hours: Reals = np.arange(30, dtype=np.float64)
    assert counter_unit_by_size(hours * every, 5000 + hours * step) == unit


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([0.3, 2.1, 0.4, 1.9] * 50, "kW"),
        ([0.3, 2.1, 0.4, 1.9] * 50 + [6553.5], "kW"),
        ([300, 21, 40, 0], "W"),
        ([30, 21, 40, 0], "W"),
    ],
)
def test_power_is_in_the_unit_of_a_home_whatever_one_reading_says(values: list[float], unit: str):
    assert power_unit_by_size(np.array(values)) == unit


@pytest.mark.parametrize("factor", [1e-3, 1e3, 10.0, 0.1])
def test_counter_whose_unit_changes_is_converted(factor: float):
    values = COUNTER.copy()
    values[300:] *= factor
    whole, changes = in_one_unit(SECONDS, values)
    assert [(change.second, change.factor) for change in changes] == [(SECONDS[300], factor)]
    assert whole == pytest.approx(COUNTER)


def test_counter_whose_unit_changes_for_some_hours_is_converted_there():
    values = COUNTER.copy()
    values[300:340] *= 1e3
    whole, changes = in_one_unit(SECONDS, values)
    assert [change.factor for change in changes] == [1e3, 1e-3]
    assert whole == pytest.approx(COUNTER)


def test_reset_and_exchanged_meter_are_no_change_of_unit():
    reset = np.concatenate((COUNTER[:300], COUNTER[300:] - COUNTER[300] + 3.216))  # a thousandth of the level before
    assert in_one_unit(SECONDS, reset)[1] == ()
    daily = np.concatenate((np.cumsum(STEPS[:288]), np.cumsum(STEPS[288:])))
    assert in_one_unit(SECONDS, daily)[1] == ()


def test_flicker_of_the_last_digit_is_a_counter_and_power_is_none():
    random = np.random.default_rng(1)
    steady = 12257 + np.repeat(np.arange(300) * 0.1, 2)
    flicker: Reals = rounded(np.where(random.random(600) < 0.2, steady - 0.1, steady), 1)
    assert behaves_like_a_counter(flicker)
    daily: Reals = rounded(np.tile(np.arange(144) * 0.1, 2), 1)
    assert behaves_like_a_counter(daily)
    noise: Reals = rounded(400 + 50 * random.standard_normal(500))
    assert not behaves_like_a_counter(noise)
    assert not behaves_like_a_counter(rounded(random.choice([0.4, 0.5, 0.6], 500), 1))


def test_counter_in_megawatt_hours_without_a_unit_is_refused_with_what_to_do(tmp_path: Path):
    states = [(5.0 * n, f"{value / 1000:.5f}") for n, value in enumerate(COUNTER)]
    with pytest.raises(DataRefusedError, match=r"at most .* W, which no home runs on; it may be in MWh"):
        read(tmp_path, {"a.csv": history("sensor.house_consumption_total", states)})


@pytest.mark.parametrize(("offset", "told"), [("", True), ("Z", False)])
def test_clock_of_a_history_without_offsets_is_told(tmp_path: Path, offset: str, *, told: bool):
    rows = "".join(f"sensor.house_load_energy,{7 + n / 10},2026-01-10T{n:02}:00:00{offset}\n" for n in range(20))
    data = read(tmp_path, {"a.csv": f"entity_id,state,last_changed\n{rows}"})
    assert any("without offset are read as UTC" in note for note in data.notes) == told


def test_change_of_unit_is_told(tmp_path: Path):
    states = [(5.0 * n, f"{value / (1000 if n > 300 else 1):.5f}") for n, value in enumerate(COUNTER)]
    data = read(tmp_path, {"a.csv": history("sensor.house_consumption_total", states)})
    assert data.readings["load_kwh"].sum() == pytest.approx(COUNTER[-1] - COUNTER[0], abs=0.1)
    assert any("0.001 times as large as before: the unit changed" in note for note in data.notes)
    assert any("no unit is stated; by the size of its values it is kWh" in note for note in data.notes)


@pytest.mark.parametrize(("small", "large", "scale"), [("kWh", "MWh", 1e-3), ("Wh", "kWh", 1e-3), ("MWh", "kWh", 1e3)])
def test_unit_that_every_state_states_is_followed(small: str, large: str, scale: float, tmp_path: Path):
    per_kwh = {"Wh": 1e3, "kWh": 1.0, "MWh": 1e-3}[small]
    states = [
        {
            "entity_id": "sensor.house_energy_total",
            "state": repr(float(value) * per_kwh * (scale if n > 100 else 1)),
            "last_changed": stamp(5 * n),
            "attributes": {"unit_of_measurement": large if n > 100 else small},
        }
        for n, value in enumerate(COUNTER[:200])
    ]
    data = read(tmp_path, {"a.json": json.dumps([states])})
    assert data.readings["load_kwh"].sum() == pytest.approx(COUNTER[199] - COUNTER[0], abs=0.1)


def test_total_of_yesterday_in_a_counter_leaves_its_slot_missing_and_names_it(tmp_path: Path):
    values = COUNTER.copy()
    values[276:] += values[276] - values[0]  # at midnight in Stockholm, 23 hours on
    states = [(5.0 * n, f"{value:.3f}") for n, value in enumerate(values)]
    data = read(tmp_path, {"a.csv": history("sensor.house_energy_total_kwh", states)})
    assert data.readings["load_kwh"].sum() == pytest.approx(COUNTER[-1] - COUNTER[0], abs=0.2)


@pytest.mark.parametrize("factor", [10.0, 0.01])
def test_counter_that_begins_with_hours_of_another_scale_is_in_that_of_its_longer_part(factor: float):
    values = COUNTER.copy()
    values[:60] *= factor
    whole, changes = in_one_unit(SECONDS, values)
    assert [change.factor for change in changes] == [pytest.approx(1 / factor)]
    assert whole == pytest.approx(COUNTER)
