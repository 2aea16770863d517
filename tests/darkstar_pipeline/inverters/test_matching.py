"""The inverter of a home is found among the entities of its registry, whatever else is there."""

import pytest

from benchmarks.simulated_inverters.simulated_inverter import SimulatedInverter, descriptions
from darkstar_pipeline.home_assistant_api.answers import Entity
from darkstar_pipeline.inverters.catalogue import built_in
from darkstar_pipeline.inverters.matching import find_inverter

PROFILES = list(built_in().values())


@pytest.mark.parametrize("family", descriptions())
def test_family_is_found_with_all_that_it_needs(family: str) -> None:
    inverter = SimulatedInverter(descriptions()[family], lambda: 0.0)
    match = find_inverter(PROFILES, inverter.registry(), inverter.states())
    assert match is not None
    assert (match.profile.family, match.missing) == (family, {})
    profile = match.profile
    restored = {step.role for step in (*profile.default, *profile.release) if step.own}
    assert restored <= set(match.own), "what the default restores is what stands now"
    assert set(profile.devices) == set(match.devices)
    assert not set(match.entities.values()) & {"number.lamp_brightness", "number.model_y_charge_limit"}


def test_nothing_is_found_when_no_integration_is_there() -> None:
    assert find_inverter(PROFILES, [Entity(entity_id="select.ems_mode", platform="hue")], []) is None


def test_what_is_missing_or_turned_off_is_told() -> None:
    inverter = SimulatedInverter(descriptions()["growatt"], lambda: 0.0)
    off = [
        each.model_copy(update={"disabled_by": "integration"}) if "control_authority" in each.entity_id else each
        for each in inverter.registry()
    ]
    match = find_inverter(PROFILES, off, inverter.states())
    assert match is not None
    assert match.missing == {"authority": "select.*_control_authority"}
    assert match.turned_off == ("select.growatt_control_authority",)
