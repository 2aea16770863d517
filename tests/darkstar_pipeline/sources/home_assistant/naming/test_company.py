"""Meanings that other sensors of the same device give."""

import pytest

from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.subject_mapping import decide_subjects


def subjects(names: str, mapping: dict[str, str] | None = None) -> dict[str, Subject]:
    entities = [f"sensor.{name}" for name in names.split()]
    decided = decide_subjects(entities, mapping or {}, units={}, names={}, stems={})
    return {entity.removeprefix("sensor."): subject for entity, subject in decided.of.items()}


@pytest.mark.parametrize("device", ["", "hall_"])
def test_consumption_beside_tariffs_of_the_same_device_is_import(device: str):
    tariffs = f"{device}energy_consumption_tarif_1 {device}energy_consumption_tarif_2"
    others = f"{device}energy_consumption_total {device}energy_production_total {device}power_consumption_phase_l1"
    found = subjects(f"{tariffs} {others} house_energy_consumption roof_energy_production")
    assert found[f"{device}energy_consumption_tarif_1"] is Subject.IMPORT
    assert found[f"{device}energy_consumption_total"] is Subject.IMPORT
    assert found[f"{device}power_consumption_phase_l1"] is Subject.IMPORT
    assert found[f"{device}energy_production_total"] is Subject.EXPORT
    assert found["house_energy_consumption"] is Subject.LOAD
    assert found["roof_energy_production"] is Subject.PV


def test_consumption_without_tariffs_is_the_load_and_the_person_is_believed():
    assert subjects("energy_consumption_total")["energy_consumption_total"] is Subject.LOAD
    tariffs = "energy_consumption_tarif_1 energy_consumption_tarif_2 energy_consumption_total"
    said = subjects(tariffs, {"sensor.energy_consumption_total": "load"})
    assert said["energy_consumption_total"] is Subject.LOAD


def test_the_home_s_battery_is_the_one_whose_flows_are_recorded():
    found = subjects("fox_battery_charge_total fox_soc anna_battery_level")
    assert (found["fox_soc"], found["anna_battery_level"]) == (Subject.SOC, Subject.UNUSED)
    either = subjects("fox_soc anna_battery_level")
    assert set(either.values()) == {Subject.SOC}
