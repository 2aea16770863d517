"""Meanings by the company that a sensor keeps: other sensors of the same device say what its own name leaves open."""

import re
from collections.abc import Mapping

from darkstar_pipeline.sources.home_assistant.naming.sensor_meaning import Meaning
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, words

_TARIFF = re.compile(r"_(?P<device>(?:\w+_)?)(?:energy|power|electricity)_(?:consum|produ)\w+?_tari(?:f|ff|ef)_[1-4]_")
_FLOW = re.compile(r"_(?:energy|power)_(?P<flow>consum|produ)[a-z]*_(?:total_|phase_l_[123]_)?")
_BATTERIES = (
    Subject.CHARGE,
    Subject.DISCHARGE,
    Subject.BATTERY,
    Subject.BATTERY_INVERTED,
    Subject.BATTERY_UNSIGNED,
)


def by_company(meanings: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Return the meanings that other sensors change.

    Args:
        meanings: meaning by sensor, as its name alone says; without those that the person says.
    """
    return {**_of_meters(meanings), **_levels(meanings)}


def _of_meters(meanings: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Consumption is import and production export where the same device counts tariffs: it is the grid's meter."""
    names = {entity: words(entity.split(".", 1)[-1]) for entity in meanings}
    devices = {found["device"] for name in names.values() if (found := _TARIFF.search(name))}
    changed: dict[str, Meaning] = {}
    for entity, meaning in meanings.items():
        if meaning.because or meaning.subject not in (Subject.LOAD, Subject.PV):
            continue
        for device in devices:
            found = _FLOW.fullmatch(_after(names[entity], device))
            if found:
                subject = Subject.IMPORT if found["flow"] == "consum" else Subject.EXPORT
                changed[entity] = Meaning(subject, "as the grid's meter of the same name counts tariffs")
    return changed


def _after(name: str, device: str) -> str:
    return f"_{name[len(device) + 1 :]}" if name.startswith(f"_{device}") else ""


def _levels(meanings: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Of several states of charge, the one of the device whose battery is recorded is the home's."""
    levels = [entity for entity, meaning in meanings.items() if meaning.subject is Subject.SOC]
    devices = {_device(entity) for entity, meaning in meanings.items() if meaning.subject in _BATTERIES}
    of_home = [entity for entity in levels if _device(entity) in devices]
    if len(levels) < 2 or len(of_home) != 1:  # noqa: PLR2004 - a choice needs two
        return {}
    why = f"the battery of something else: {of_home[0]} is of the device whose battery is recorded"
    return {entity: Meaning(Subject.UNUSED, why) for entity in levels if entity != of_home[0]}


def _device(entity: str) -> str:
    return words(entity.split(".", 1)[-1]).strip("_").split("_")[0]
