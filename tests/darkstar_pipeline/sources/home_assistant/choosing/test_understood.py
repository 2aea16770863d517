"""What an import understood of its sensors."""

from pathlib import Path

import pytest

from darkstar_pipeline.quality.energy_balance import in_words
from darkstar_pipeline.sources.home_assistant.choosing.understood import rows
from tests.builders.home_assistant_exports import counting, history, read


def test_every_taken_sensor_is_told_with_unit_direction_rhythm_and_values(tmp_path: Path):
    files = {
        "a.csv": counting("sensor.house_energy_kwh", 0.5),
        "b.csv": history("sensor.goodwe_active_power", [(5 * n, -2000 + n % 2) for n in range(25)]),
        "c.csv": history("sensor.battery_soc", [(0, 50), (60, 60), (120, 55)]),
    }
    data = read(tmp_path, files)
    load = next(one for one in data.understood if one.quantity == "load_kwh")
    level = data.understood[-1]
    assert (load.sensor, load.quantity, load.unit_is_stated) == ("sensor.house_energy_kwh", "load_kwh", True)
    assert (load.samples, load.energy_kwh, load.every_s) == ((100.0, 102.0, 104.0), 4.0, 300.0)
    assert {one.positive for one in data.understood if "goodwe" in one.sensor} == {"export"}
    assert (level.quantity, level.samples, level.energy_kwh) == ("soc_percent", (50.0, 60.0, 55.0), None)
    shown = rows(data.understood)
    assert {row["every"] for row in shown if row["quantity"] == "load_kwh"} == {"5 min"}
    assert {row["unit"] for row in shown if "goodwe" in str(row["sensor"])} == {"W (by size)"}


def test_the_balance_says_what_is_unexplained(tmp_path: Path):
    files = {"a.csv": counting("sensor.house_energy", 0.5), "b.csv": counting("sensor.grid_import_total", 0.4)}
    balance = read(tmp_path, files).balance
    assert balance is not None
    assert (balance.load_kwh, balance.flows_kwh, balance.unexplained_kwh) == pytest.approx((4.0, 3.2, 0.8))
    assert in_words(balance).endswith(
        "without pv_kwh, export_kwh, batt_discharge_kwh, batt_charge_kwh; "
        "0.80 kWh (20% of the load) unexplained in 8 slots"
    )
    assert read(tmp_path, {"a.csv": files["a.csv"]}).balance is None
