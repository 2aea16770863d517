"""The movable loads as entities of Home Assistant: whether each is to run now, and its whole schedule beside it."""

from typing import Any

from darkstar_pipeline.service.engine.wanted_loads import WantedLoad, planned_load
from darkstar_pipeline.service.schemas.plans import PlanDocument

TOPICS = {"ev": "car", "water": "water_heater"}
"""Last part of the topic of a load, `darkstar/<site>/<part>`, by its name."""
_NAMES = {"ev": "Car may charge", "water": "Water heater may heat"}
_ICONS = {"ev": "mdi:ev-station", "water": "mdi:water-boiler"}
_STATES = {"on": "ON", "off": "OFF", "default": None}

Json = dict[str, Any]


def load_entity(name: str, topic: str) -> Json:
    """Return what a load's entity has beside what all have; its state is unknown where the plan does not decide."""
    return {
        "platform": "binary_sensor",
        "name": _NAMES[name],
        "icon": _ICONS[name],
        "state_topic": topic,
        "json_attributes_topic": topic,
        "value_template": "{{ value_json.state }}",
        "payload_on": "ON",
        "payload_off": "OFF",
    }


def load_document(plan: PlanDocument, name: str, wanted: WantedLoad) -> Json:
    """Return what is published of a load: what it is to do now, until when, and its schedule."""
    load = planned_load(plan, name)
    document: Json = {
        "state": _STATES[wanted.state],
        "power_kw": round(wanted.power_kw, 2),
        "until": None if wanted.until is None else wanted.until.isoformat(timespec="seconds"),
    }
    if load is None:
        return document
    blocks = [
        [block.start.isoformat(timespec="seconds"), block.end.isoformat(timespec="seconds"), round(block.power_kw, 2)]
        for block in load.blocks
    ]
    told = load.model_dump(mode="json", exclude={"blocks", "name", "managed"}, exclude_none=True)
    return {**document, **told, "columns": ["start", "end", "power_kw"], "blocks": blocks}
