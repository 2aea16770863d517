"""The sensors that `home_assistant.sensors` names, in the words of a mapping of an import."""

from collections.abc import Collection, Mapping

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors
from darkstar_pipeline.sources.home_assistant.house_load.held_loads import HELD
from darkstar_pipeline.sources.home_assistant.house_load.load_of_balance import BALANCE, FLOWS
from darkstar_pipeline.sources.home_assistant.naming.sensor_mapping import terms_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject

SUBJECTS: Mapping[str, Subject] = {
    "soc": Subject.SOC,
    "load": Subject.LOAD,
    "pv": Subject.PV,
    "grid_import": Subject.IMPORT,
    "grid_export": Subject.EXPORT,
    "grid": Subject.GRID,
    "battery_charge": Subject.CHARGE,
    "battery_discharge": Subject.DISCHARGE,
    "battery": Subject.BATTERY,
    "water": Subject.WATER,
    "ev": Subject.EV,
    "heat_pump": Subject.HEAT_PUMP,
}
"""The quantity of each configured sensor."""

_NO_SENSOR = (BALANCE, HELD)


def configured_mapping(sensors: HomeAssistantSensors) -> dict[str, str]:
    """Return the quantity of each configured sensor or sum of sensors."""
    named = ((getattr(sensors, name), subject) for name, subject in SUBJECTS.items())
    mapping = {str(terms): subject.value for terms, subject in named if terms is not None}
    held = " ".join(SUBJECTS[name].value for name in sensors.load_holds)
    return mapping | ({HELD: held} if held else {})


def entities_of(mapping: Mapping[str, str]) -> list[str]:
    """Return the sensors that a mapping names, in order."""
    return sorted({entity for terms in mapping if terms not in _NO_SENSOR for entity in terms_of(terms)})


def mapping_of_known(mapping: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Return the part of a mapping of which every sensor is known; a balance needs all of them.

    What a load holds is known with it.
    """
    sensors = {terms: target for terms, target in mapping.items() if terms not in _NO_SENSOR}
    present = {terms: target for terms, target in sensors.items() if all(each in known for each in terms_of(terms))}
    flows = [target for terms, target in sensors.items() if terms not in present and target in FLOWS]
    if HELD in mapping and Subject.LOAD.value in present.values():
        present[HELD] = mapping[HELD]
    return present | ({BALANCE: mapping[BALANCE]} if BALANCE in mapping and not flows else {})
