"""The sensors that `home_assistant.sensors` names, in the words of a mapping of an import."""

from collections.abc import Collection, Mapping

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors
from darkstar_pipeline.sources.home_assistant.load_of_balance import BALANCE, FLOWS
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
}
"""The quantity of each configured sensor."""


def configured_mapping(sensors: HomeAssistantSensors) -> dict[str, str]:
    """Return the quantity of each configured sensor or sum of sensors."""
    named = ((getattr(sensors, name), subject) for name, subject in SUBJECTS.items())
    return {str(terms): subject.value for terms, subject in named if terms is not None}


def entities_of(mapping: Mapping[str, str]) -> list[str]:
    """Return the sensors that a mapping names, in order."""
    return sorted({entity for terms in mapping if terms != BALANCE for entity in terms_of(terms)})


def mapping_of_known(mapping: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Return the part of a mapping of which every sensor is known; a balance needs all of them."""
    sensors = {terms: target for terms, target in mapping.items() if terms != BALANCE}
    present = {terms: target for terms, target in sensors.items() if all(each in known for each in terms_of(terms))}
    flows = [target for terms, target in sensors.items() if terms not in present and target in FLOWS]
    return present | ({BALANCE: mapping[BALANCE]} if BALANCE in mapping and not flows else {})
