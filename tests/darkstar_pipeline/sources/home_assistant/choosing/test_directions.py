"""The direction of signed powers, by the state of charge and the home's balance."""

from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.errors import DataRefusedError
from tests.builders.home_assistant_exports import column, history, read

STEPS = 73
LOAD = 800 + 300 * np.sin(np.arange(STEPS) / 5)
PV = np.maximum(0, 2500 * np.sin(np.arange(STEPS) / 23 - 0.6))
BATTERY = np.where(PV > LOAD + 500, 400.0, np.where(np.arange(STEPS) < 12, -300.0, 0.0))
"""Positive charges."""
GRID = LOAD - PV + BATTERY
SOC = 50 + np.cumsum(BATTERY) * 5 / 60 / 1000 / 10 * 100
IMPORTED = float(np.maximum(GRID[:-1], 0).sum() * 5 / 60 / 1000)


def power(name: str, values: np.ndarray) -> dict[str, str]:
    return {f"{name}.csv": history(f"sensor.{name}", [(5 * n, round(float(v), 2)) for n, v in enumerate(values)])}


HOME = {**power("house_load_power", LOAD), **power("pv_power", PV)}
BOTH = {
    **power("battery_charge_power", np.maximum(BATTERY, 0)),
    **power("battery_discharge_power", np.maximum(-BATTERY, 0)),
}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_balance_shows_the_direction_of_the_grid(sign: int, tmp_path: Path):
    data = read(tmp_path, {**HOME, **BOTH, **power("grid_power", sign * GRID)})
    assert sum(column(data, "import_kwh")) == pytest.approx(IMPORTED, rel=0.01)
    note = next(note for note in data.notes if note.startswith("sensor.grid_power: positive is"))
    assert note.startswith(
        f"sensor.grid_power: positive is {'import' if sign > 0 else 'export against its name'}, by the"
    )
    assert "0.00 kWh is unexplained so" in note


@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_load_no_load_may_be_negative(sign: int, tmp_path: Path):
    home = {**power("pv_power", PV), **BOTH}
    data = read(tmp_path, {**home, **power("grid_power", sign * GRID)})
    assert sum(column(data, "import_kwh")) == pytest.approx(IMPORTED, rel=0.01)


@pytest.mark.parametrize("battery_sign", [1, -1])
@pytest.mark.parametrize("grid_sign", [1, -1])
def test_grid_and_battery_are_decided_together(battery_sign: int, grid_sign: int, tmp_path: Path):
    files = {**HOME, **power("battery_power", battery_sign * BATTERY), **power("grid_power", grid_sign * GRID)}
    data = read(tmp_path, files)
    assert sum(column(data, "import_kwh")) == pytest.approx(IMPORTED, rel=0.01)
    assert sum(column(data, "batt_charge_kwh")) == pytest.approx(np.maximum(BATTERY[:-1], 0).sum() / 12000, rel=0.01)


def test_the_state_of_charge_overrules_a_maker(tmp_path: Path):
    files = {**power("victron_battery_power", -BATTERY), **power("battery_soc", SOC)}
    data = read(tmp_path, files)
    assert sum(column(data, "batt_charge_kwh")) == pytest.approx(np.maximum(BATTERY[:-1], 0).sum() / 12000, rel=0.01)
    assert any("positive is discharging against its name, the state of charge" in note for note in data.notes)


def test_phases_are_decided_as_one(tmp_path: Path):
    phases = {
        **power("grid_power_l1", -GRID - 700),
        **power("grid_power_l2", np.full(STEPS, 700.0) + np.arange(STEPS) % 2),
    }
    data = read(tmp_path, {**HOME, **BOTH, **phases})
    assert sum(column(data, "import_kwh")) == pytest.approx(IMPORTED, rel=0.01)


def test_what_the_person_says_stays(tmp_path: Path):
    data = read(tmp_path, {**HOME, **BOTH, **power("grid_power", -GRID)}, {"sensor.grid_power": "grid_power"})
    assert sum(column(data, "export_kwh")) == pytest.approx(IMPORTED, rel=0.01)


def test_nothing_shown_stays_as_named_and_is_told_or_refused(tmp_path: Path):
    data = read(tmp_path, power("grid_power", np.abs(GRID) - 500))
    assert any("as its name says; nothing else in the files shows it" in note for note in data.notes)
    with pytest.raises(DataRefusedError, match="does not say whether positive charges"):
        read(tmp_path, power("battery_power", BATTERY))


def test_a_signed_power_that_is_not_needed_asks_nothing(tmp_path: Path):
    data = read(tmp_path, {**BOTH, **power("battery_power", BATTERY)})
    assert not any("positive is" in note for note in data.notes)
