"""Sensors that are summed, and those that are not counted twice."""

from pathlib import Path

import pytest

from darkstar_pipeline.errors import DataRefusedError
from tests.builders.home_assistant_exports import column, counting, history, read

LOW, NORMAL = (f"sensor.electricity_meter_energy_consumption_tarif_{tariff}" for tariff in (1, 2))


def tariffs(low: str = LOW, normal: str = NORMAL) -> dict[str, str]:
    """An hour at 0.4 kWh a quarter on the low tariff, then one on the normal tariff, recorded as they change."""
    return {
        "a.csv": history(low, [(5 * n, round(5000 + 0.4 * n / 3, 6)) for n in range(13)]),
        "b.csv": history(normal, [(0, 6000), *((60 + 5 * n, round(6000 + 0.4 * n / 3, 6)) for n in range(1, 13))]),
    }


def test_two_tariffs_are_summed_and_the_sum_is_told(tmp_path: Path):
    data = read(tmp_path, tariffs())
    assert column(data, "import_kwh") == pytest.approx([0.4] * 8)
    said = read(tmp_path, tariffs(), {f"{LOW}+{NORMAL}": "import_kwh"})
    assert column(said, "import_kwh") == column(data, "import_kwh")
    assert any(note.startswith(f"{LOW} + {NORMAL}: summed, parts by tariff: 3.20 kWh") for note in data.notes)


def test_a_tariff_of_which_one_reading_is_recorded_stands_still(tmp_path: Path):
    only = {"b.csv": history(NORMAL, [(0, 6000)]), "a.csv": counting(LOW, 0.4, slots=8)}
    assert column(read(tmp_path, only), "import_kwh") == pytest.approx([0.4] * 8)


def test_a_total_is_taken_and_not_counted_twice(tmp_path: Path):
    total = "sensor.electricity_meter_energy_consumption_total"
    data = read(tmp_path, {**tariffs(), "c.csv": counting(total, 0.4, start=11_000)})
    assert column(data, "import_kwh") == pytest.approx([0.4] * 8)
    assert f"{LOW} is left out: it is a part of {total}, which is taken whole" in data.notes


def test_a_lone_tariff_is_refused_unless_the_person_says_that_it_is_all(tmp_path: Path):
    lone = {"a.csv": counting("sensor.dsmr_reading_electricity_delivered_1")}
    with pytest.raises(DataRefusedError, match="counts tariff 1 only"):
        read(tmp_path, lone)
    said = read(tmp_path, lone, {"sensor.dsmr_reading_electricity_delivered_1": "import"})
    assert column(said, "import_kwh") == [0.25] * 8


def test_phases_of_a_signed_power_balance_before_they_are_split(tmp_path: Path):
    phases = {
        f"{n}.csv": history(f"sensor.grid_power_l{n}", [(5 * k, watts + k % 2) for k in range(25)])
        for n, watts in ((1, 3000), (2, -1000), (3, -1000))
    }
    data = read(tmp_path, phases)
    assert column(data, "import_kwh") == pytest.approx([0.25] * 8, abs=0.001)
    assert column(data, "export_kwh") == [0.0] * 8


def test_two_strings_and_two_batteries_are_summed(tmp_path: Path):
    files = {
        "a.csv": counting("sensor.pv1_energy", 0.2),
        "b.csv": counting("sensor.pv2_energy", 0.3),
        "c.csv": counting("sensor.battery_1_charge_total", 0.1),
        "d.csv": counting("sensor.battery_2_charge_total", 0.2),
    }
    data = read(tmp_path, files)
    assert column(data, "pv_kwh") == pytest.approx([0.5] * 8)
    assert column(data, "batt_charge_kwh") == pytest.approx([0.3] * 8)


def test_a_copy_is_no_part(tmp_path: Path):
    copies = {f"{n}.csv": counting(f"sensor.pv_energy_unit_{n}", 0.2) for n in (1, 2)}
    data = read(tmp_path, copies)
    assert column(data, "pv_kwh") == pytest.approx([0.2] * 8)
    assert "sensor.pv_energy_unit_2 is left out: it shows the same as sensor.pv_energy_unit_1" in data.notes


def test_the_person_sums_subtracts_and_turns_round(tmp_path: Path):
    files = {
        "a.csv": counting("sensor.one", 0.5),
        "b.csv": counting("sensor.two", 0.2),
        "c.csv": history("sensor.three", [(5 * n, -1000 - n % 2) for n in range(25)]),
    }
    said = {"sensor.one-sensor.two": "load_kwh:kWh", "-sensor.three": "pv_kwh:W"}
    data = read(tmp_path, files, said)
    assert column(data, "load_kwh") == pytest.approx([0.3] * 8)
    assert column(data, "pv_kwh") == pytest.approx([0.25] * 8, abs=0.001)
    assert "sensor.three: its values are turned round, as --map says" in data.notes


def test_a_counter_that_counts_down_is_turned_round(tmp_path: Path):
    counter = history("sensor.load_energy", [(5 * n, 500 - 0.1 * n) for n in range(25)])
    data = read(tmp_path, {"a.csv": counter}, {"-sensor.load_energy": "load_kwh:kWh"})
    assert column(data, "load_kwh") == pytest.approx([0.3] * 8)


def test_negative_power_of_one_direction_is_told(tmp_path: Path):
    power = history("sensor.x", [(5 * n, -600 if n % 4 == 1 else 1000 + n % 2) for n in range(25)])
    data = read(tmp_path, {"a.csv": power}, {"sensor.x": "load_kwh:W"})
    (note,) = [note for note in data.notes if "is taken as load_kwh" in note]
    assert "0.30 kWh of negative power taken as 0" in note
    (remark,) = data.remarks.to_dicts()
    assert (remark["quantity"], remark["action"], remark["readings"]) == ("load_kwh", "altered", 6)


def test_a_power_of_one_direction_is_better_than_a_signed_one(tmp_path: Path):
    files = {
        "a.csv": history("sensor.grid_power", [(5 * n, 900 + n % 2) for n in range(25)]),
        "b.csv": history("sensor.grid_import_power", [(5 * n, 1000 + n % 2) for n in range(25)]),
    }
    assert column(read(tmp_path, files), "import_kwh") == pytest.approx([0.25] * 8, abs=0.001)


def test_equal_rivals_are_refused_with_both_ways_out(tmp_path: Path):
    files = {"a.csv": counting("sensor.roof_pv_energy", 0.2), "b.csv": counting("sensor.garage_solar_energy", 0.3)}
    with pytest.raises(DataRefusedError) as refused:
        read(tmp_path, files)
    assert "--map sensor.roof_pv_energy=ignore" in refused.value.hint
    assert "--map sensor.garage_solar_energy+sensor.roof_pv_energy=pv_kwh" in refused.value.hint


def test_statistics_of_tariffs_are_summed_hour_by_hour_where_both_are_there(tmp_path: Path):
    rows = [
        f"2026-01-10T0{hour}:00:00Z,{name},{change}\n"
        for hour in range(4)
        for name, change in ((LOW, 1.0), (NORMAL, 0.5))
        if (hour, name) != (3, NORMAL)
    ]
    data = read(tmp_path, {"s.csv": "start,statistic_id,change\n" + "".join(rows)})
    assert data.hourly["import_kwh"].to_list() == [1.5] * 3
    total = "sensor.electricity_meter_energy_consumption_total"
    rows += [f"2026-01-10T0{hour}:00:00Z,{total},1.5\n" for hour in range(4)]
    data = read(tmp_path, {"s.csv": "start,statistic_id,change\n" + "".join(rows)})
    assert data.hourly["import_kwh"].to_list() == [1.5] * 4
