"""Home Assistant exports read together: every layout, and which sensor is chosen."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from tests.builders.home_assistant_exports import (
    HEADER,
    NORD_POOL,
    START,
    WEATHER,
    column,
    counting,
    history,
    import_files,
    nord_pool,
    read,
    stamp,
)

LAYOUTS: dict[str, tuple[str, str | bytes]] = {
    "header": ("h.csv", counting("sensor.house_load_energy")),
    "headerless": ("h.csv", counting("sensor.house_load_energy").removeprefix(HEADER)),
    "gzip": ("h.csv.gz", gzip.compress(counting("sensor.house_load_energy").encode())),
    "gzip-without-suffix": ("h.csv", gzip.compress(counting("sensor.house_load_energy").encode())),
    "watt-hours": ("h.csv", counting("sensor.house_load_energy_wh", unit=1000)),
    "watt-hours-by-size": ("h.csv", counting("sensor.house_load_energy", unit=1000)),
    "json": (
        "h.json",
        json.dumps(
            [
                [
                    {
                        "entity_id": "sensor.house_load",
                        "state": str(100_000 + 250 * n / 3),
                        "last_changed": stamp(5 * n),
                        "attributes": {"unit_of_measurement": "Wh", "friendly_name": "House"},
                    }
                    for n in range(25)
                ]
            ]
        ),
    ),
    "minimal-json": (
        "h.json",
        json.dumps(
            [
                [
                    {
                        "entity_id": "sensor.house_load",
                        "state": "100.0",
                        "last_changed": stamp(0),
                        "attributes": {"unit_of_measurement": "kWh"},
                    }
                ]
                + [{"state": str(100 + 0.25 * n / 3), "last_changed": stamp(5 * n)} for n in range(1, 25)]
            ]
        ),
    ),
    "watts": ("h.csv", history("sensor.house_load_power", [(5 * n, 1000) for n in range(25)])),
    "kilowatts": ("h.csv", history("sensor.house_load_power", [(5 * n, 1.0) for n in range(25)])),
}


@pytest.mark.parametrize(("name", "content"), LAYOUTS.values(), ids=LAYOUTS)
def test_history_gives_the_same_slots_in_every_layout(name: str, content: str | bytes, tmp_path: Path):
    data = read(tmp_path, {name: content})
    assert column(data, "load_kwh") == pytest.approx([0.25] * 8, abs=1e-6)
    assert data.readings["slot_start"][0] == START
    assert data.readings["native_minutes"].unique().to_list() == [15]
    assert data.rejects.is_empty()


def test_lifetime_counter_is_preferred_to_a_resetting_one_and_that_to_power(tmp_path: Path):
    life = counting("sensor.grid_import_total", per_slot=0.3)
    today = counting("sensor.grid_import_today", per_slot=0.2, start=0)
    power = history("sensor.grid_import_power", [(5 * n, 400) for n in range(25)])
    everything = read(tmp_path, {"a.csv": life, "b.csv": today, "c.csv": power})
    assert column(everything, "import_kwh") == [0.3] * 8
    assert "sensor.grid_import_today is left out: sensor.grid_import_total is the better import_kwh" in everything.notes
    assert column(read(tmp_path, {"b.csv": today, "c.csv": power}), "import_kwh") == [0.2] * 8
    assert column(read(tmp_path, {"c.csv": power}), "import_kwh") == [0.1] * 8


def test_signed_battery_power_is_split_as_its_name_says(tmp_path: Path):
    states = [(5 * n, 2000 if n < 12 else -1000) for n in range(25)]
    data = read(tmp_path, {"a.csv": history("sensor.battery_charge_discharge_power", states)})
    assert column(data, "batt_charge_kwh") == [0.5] * 4 + [0.0] * 4
    assert column(data, "batt_discharge_kwh") == [0.0] * 4 + [0.25] * 4
    other = read(tmp_path, {"a.csv": history("sensor.battery_discharge_charge_power", states)})
    assert column(other, "batt_discharge_kwh") == [0.5] * 4 + [0.0] * 4


def test_sign_of_battery_power_is_derived_from_the_state_of_charge(tmp_path: Path):
    power = history("sensor.battery_power", [(5 * n, 2000 if n < 12 else -1000) for n in range(25)])
    soc = history("sensor.battery_soc", [(5 * n, 50 - n if n < 12 else 38 + 0.5 * (n - 12)) for n in range(25)])
    data = read(tmp_path, {"p.csv": power, "s.csv": soc})
    assert column(data, "batt_discharge_kwh") == [0.5] * 4 + [0.0] * 4
    with pytest.raises(DataRefusedError, match="does not say whether positive charges"):
        read(tmp_path, {"p.csv": power})
    mapped = read(tmp_path, {"p.csv": power}, {"sensor.battery_power": "battery_power"})
    assert column(mapped, "batt_charge_kwh") == [0.5] * 4 + [0.0] * 4


def test_unavailable_states_are_no_readings_and_bad_ones_are_refused_by_row(tmp_path: Path):
    lines = counting("sensor.house_load_energy").splitlines()
    lines[3:3] = [f"sensor.house_load_energy,{state},{stamp(9)}" for state in ("unavailable", "unknown", "")]
    lines += [
        f"sensor.house_load_energy,lots,{stamp(120)}",
        "sensor.house_load_energy,1.0,soon",
        f"sensor.house_load_energy,inf,{stamp(121)}",
        "sensor.house_load_energy,1.0,0001-01-01T00:00:00Z",
    ]
    data = read(tmp_path, {"h.csv": "\n".join(lines)})
    assert column(data, "load_kwh") == [0.25] * 8
    assert data.rejects.select("file", "row", "reason").rows() == [
        ("h.csv", 29, "state lots is not a number"),
        ("h.csv", 30, "last_changed soon is not a date and time"),
        ("h.csv", 31, "state inf is not a finite number"),
        ("h.csv", 32, "instant 0001-01-01T00:00:00Z is before 2000"),
    ]
    assert any("3 of 28 states were unavailable or unknown" in note for note in data.notes)


def test_a_counter_whose_every_value_is_contradicted_is_told_and_the_others_are_read(tmp_path: Path):
    twice = HEADER + "".join(f"sensor.pv_energy,{value},{stamp(30)}\n" for value in (1.0, 2.0))
    data = read(tmp_path, {"a.csv": counting("sensor.house_load_energy"), "b.csv": twice})
    assert column(data, "load_kwh") == [0.25] * 8
    assert any("sensor.pv_energy: two different values at one instant" in note for note in data.notes)
    assert data.remarks.filter(data.remarks["quantity"] == "pv_kwh")["action"].to_list() == ["refused"]


def test_chunks_of_one_sensor_are_one_series(tmp_path: Path):
    whole = counting("sensor.house_load_energy").splitlines()
    data = read(tmp_path, {"b.csv": "\n".join([whole[0], *whole[10:]]), "a.csv": "\n".join(whole[:12])})
    assert column(data, "load_kwh") == [0.25] * 8


def test_mapping_overrides_names_and_ignores_sensors(tmp_path: Path):
    files = {"a.csv": counting("sensor.x"), "b.csv": counting("sensor.y")}
    data = read(tmp_path, files, {"sensor.x": "ev_kwh", "sensor.y": "ignore"})
    assert column(data, "ev_kwh") == [0.25] * 8
    assert "not used: sensor.y" in data.notes


def test_forecast_beside_measurements_is_left_out_with_a_note(tmp_path: Path):
    data = read(tmp_path, {"met.yaml": WEATHER, "h.csv": counting("sensor.load_energy")})
    assert data.notes[0] == "met.yaml: a forecast, not a measurement: only measurements are imported; left out"
    assert data.readings.height == 8


def test_nord_pool_sensor_gives_its_lists_and_not_todays_twice(tmp_path: Path):
    tomorrow = [
        {**entry, "start": (START + timedelta(days=1, minutes=15 * n)).isoformat()}
        for n, entry in enumerate(NORD_POOL["raw_today"])
    ]
    data = read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow)})
    assert data.prices.height == 96
    assert data.rejects["reason"].unique().to_list() == ["tomorrow's prices are today's again"]
    tomorrow[0]["value"] = 0.9
    assert read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow)}).prices.height == 192
    partial = read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow[:4])})
    assert (partial.prices.height, partial.rejects["reason"][0]) == (96, "day 2026-01-11 has 4 of 96 prices")
    cents = read(tmp_path, {"n.json": nord_pool(price_in_cents=True)})
    assert cents.prices["price"].max() == pytest.approx(0.0049)


def test_recorded_hourly_prices_do_not_replace_published_quarters(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    (tmp_path / "n.json").write_text(nord_pool())
    (tmp_path / "h.csv").write_text(history("sensor.nordpool_se4", [(60 * n, 0.1 * n) for n in range(48)]))
    for name in ("n.json", "h.csv"):
        import_files(lake, tmp_path / "q", [tmp_path / name])
    stored = lake.read(RAW_SPOT_PRICES, "home")
    assert stored.height == 4 * 47
    assert stored["price"].to_list()[:96] == [entry["value"] for entry in NORD_POOL["raw_today"]]


@pytest.mark.parametrize(
    ("entity", "unit", "state", "price", "note"),
    [
        pytest.param("sensor.spot_price", "öre/kWh", 4.1, 0.041, "divided by 100", id="c17"),
        pytest.param("sensor.spot_price", "SEK/MWh", 41.0, 0.041, "divided by 1000", id="per MWh, not dear"),
        pytest.param("sensor.spot_price", "SEK/kWh", 4.1, 4.1, "is taken as the spot price", id="dear and right"),
        pytest.param("sensor.spot_price", "", 0.4, 0.4, "no unit is stated; by their size", id="no unit"),
        pytest.param("sensor.nordpool_kwh_se4_sek_3_10_025", "SEK/kWh", 0.75, 0.6, "25 % VAT", id="c43"),
        pytest.param("sensor.nordpool_kwh_se4_sek_3_10_0", "SEK/kWh", 0.75, 0.75, "taken as", id="no VAT"),
    ],
)
def test_recorded_prices_are_converted_by_what_their_sensor_states(
    tmp_path: Path, entity: str, unit: str, state: float, price: float, note: str
):
    attributes = {"unit_of_measurement": unit} if unit else {}
    states = [
        {
            "entity_id": entity,
            "state": str(round(state + n % 2 / 1e6, 6)),
            "last_changed": stamp(15 * n + 0.1),
            "attributes": attributes,
        }
        for n in range(9)
    ]
    data = read(tmp_path, {"h.json": json.dumps([states])})
    assert data.prices["price"][0] == pytest.approx(price, abs=1e-5)
    assert any(note in line for line in data.notes)


@pytest.mark.parametrize("unit", ["EUR/kWh", "kWh", "SEK/km"])
def test_recorded_prices_in_a_unit_that_cannot_be_converted_are_refused(tmp_path: Path, unit: str):
    states = [
        {
            "entity_id": "sensor.spot_price",
            "state": "0.4",
            "last_changed": stamp(15 * n),
            "attributes": {"unit_of_measurement": unit},
        }
        for n in range(9)
    ]
    with pytest.raises(DataRefusedError, match=r"prices are in EUR|not read as a unit of a price"):
        read(tmp_path, {"h.json": json.dumps([states])})


def test_history_whose_states_carry_lists_of_prices_stays_a_history(tmp_path: Path):
    attributes = {"raw_today": NORD_POOL["raw_today"], "unit_of_measurement": "SEK/kWh"}
    prices = [
        {"entity_id": "sensor.spot_price", "state": "0.4", "last_changed": stamp(15 * n), "attributes": attributes}
        for n in range(3)
    ]
    load = [{"entity_id": "sensor.load_energy_kwh", "state": str(n), "last_changed": stamp(15 * n)} for n in range(5)]
    data = read(tmp_path, {"h.json": json.dumps([prices, load])})
    assert (data.readings.height, data.prices["price"].unique().to_list()) == (4, [0.4])


def test_zeros_of_a_lost_price_sensor_do_not_replace_known_prices(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    dear = [{**entry, "value": entry["value"] + 1} for entry in NORD_POOL["raw_today"]]
    (tmp_path / "n.json").write_text(nord_pool(raw_today=dear))
    lost = [(15 * n + 0.1, 1.0 if n < 8 else 0.0) for n in range(40)]
    (tmp_path / "h.csv").write_text(history("sensor.nordpool_se4", lost))
    import_files(lake, tmp_path / "q", [tmp_path / "n.json"])
    report = import_files(lake, tmp_path / "q", [tmp_path / "h.csv"])
    stored = lake.read(RAW_SPOT_PRICES, "home").sort("slot_start")["price"].to_list()
    assert stored[8:] == [entry["value"] for entry in dear[8:]]
    assert any("zeros over known prices" in note for note in report.notes)


def test_recorded_price_that_no_market_pays_is_refused_like_any_other(tmp_path: Path):
    states = [(15 * n, 500.0 if n == 8 else 0.5 + 0.001 * n) for n in range(40)]
    data = read(tmp_path, {"h.csv": history("sensor.nordpool_se4", states)})
    assert data.rejects["reason"].to_list() == ["price 500.0 is beyond what a market pays (66.0 SEK/kWh)"]
    assert (data.prices["price"] < 1).all()
    assert any("1 rows were refused: 1 × price 500.0 is beyond" in note for note in data.notes)
