"""Subjects and units read from the names of sensors and files."""

import pytest

from darkstar_pipeline.sources.home_assistant.sensor_names import (
    Subject,
    mapped_subject,
    subject_of,
    subject_of_sensor,
    unit_in,
)

SENSORS = [
    ("sensor.emma_total_charged_energy", "historic_total_charged_energy_to_batteries", Subject.CHARGE),
    ("sensor.emma_total_discharged_energy", "historic_total_discharge_from_batteries", Subject.DISCHARGE),
    ("sensor.emma_total_pv_energy_yield", "historic_total_energy_from_pv", Subject.PV),
    ("sensor.emma_total_supply_from_grid", "historic_total_energy_supply_from_grid", Subject.IMPORT),
    ("sensor.emma_energi_3", "historic_total_feed_in_to_grid", Subject.EXPORT),
    ("sensor.emma_energi_3", None, None),
    ("sensor.emma_total_energy_consumption", "historic_total_house_energy_consumption", Subject.LOAD),
    ("sensor.emma_state_of_capacity", "historic_batteries_SOC", Subject.SOC),
    ("sensor.emma_battery_charge_discharge_power", "historic_batteries_power_in_out", Subject.BATTERY),
    ("sensor.43201610a_1_total_energiforbrukning", "historic_EV_total_charged_energy", Subject.EV),
    ("sensor.43201610a_1_laddningseffekt", None, Subject.EV),
    ("sensor.43201610a_1_energiforbrukning_nuvarande_laddning", None, Subject.UNUSED),
    ("sensor.nordpool_kwh_se4_sek_3_10_0", None, Subject.SPOT_PRICE),
    ("sensor.enriched_power_price", "historic_energy_full_price", Subject.UNUSED),
    ("sensor.power_load_no_var_loads", None, Subject.LOAD),
    ("import_kwh", None, Subject.IMPORT),
    ("solar_wh_cum", None, Subject.PV),
    ("est_consumption_kwh", None, Subject.LOAD),
    ("sensor.batteri_urladdning_totalt", None, Subject.DISCHARGE),
    ("sensor.hus_elförbrukning", None, Subject.LOAD),
    ("sensor.netzbezug_gesamt", None, Subject.IMPORT),
    ("sensor.netzeinspeisung", None, Subject.EXPORT),
    ("sensor.hausverbrauch_heute", None, Subject.LOAD),
    ("sensor.speicher_ladezustand", None, Subject.SOC),
    ("sensor.battery_discharge_charge_power", None, Subject.BATTERY_INVERTED),
    ("sensor.battery_power", None, Subject.BATTERY_UNSIGNED),
    ("sensor.grid_power", None, Subject.GRID),
    ("sensor.solcast_pv_forecast_today", None, Subject.UNUSED),
    ("sensor.battery_temperature", None, Subject.UNUSED),
    ("sensor.varmvattenberedare_energi", None, Subject.WATER),
    ("sensor.living_room", None, None),
    ("sensor.abc", "home_assistant_history", None),
]


@pytest.mark.parametrize(
    ("entity", "stem", "subject"), SENSORS, ids=[f"{entity}|{stem}" for entity, stem, _ in SENSORS]
)
def test_sensor_is_recognised_by_its_name_or_its_files(entity: str, stem: str | None, subject: Subject | None):
    assert subject_of_sensor(entity, "", stem) is subject


def test_friendly_name_tells_when_the_id_does_not():
    assert subject_of_sensor("sensor.emma_energi_3", "Inmatning till elnätet, export", None) is Subject.EXPORT


@pytest.mark.parametrize(
    ("target", "subject"),
    [("load_kwh", Subject.LOAD), ("pv", Subject.PV), ("SOC", Subject.SOC), ("ignore", Subject.UNUSED), ("watts", None)],
)
def test_mapping_takes_columns_and_short_names(target: str, subject: Subject | None):
    assert mapped_subject(target) is subject


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("solar_wh_cum", "Wh"),
        ("solar_kwh_delta", "kWh"),
        ("sensor.load_w", "W"),
        ("sensor.heat_kw", "kW"),
        ("sensor.new", None),
    ],
)
def test_unit_is_read_from_the_end_of_a_name(name: str, unit: str | None):
    assert unit_in(name) == unit


def test_name_that_speaks_of_nothing_known_is_not_guessed():
    assert subject_of("emma energi 3") is None
