"""The entities that Home Assistant shows: their MQTT discovery message, and their states at a moment.

One device a site, announced by one retained message (Home Assistant 2024.11 and later). What does not belong here: the
connection to the broker (`mqtt_publisher`).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from darkstar_pipeline.service.engine.plan_documents import slot_at
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad, planned_load
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument, PlanSlot
from darkstar_pipeline.service.schemas.steering import STEERING_STATES, Steering
from planner.wording.messages import phrase, translated

ONLINE, OFFLINE = "online", "offline"
EXPIRE_SECONDS = 120
"""Home Assistant shows the entities as unavailable after this time without a message: four were missed."""
ATTRIBUTE_BYTES = 15_000
"""Home Assistant's recorder refuses attributes above 16 384 bytes, and adds some of its own to ours."""
STATE_CHARACTERS = 255
"""Home Assistant refuses longer states."""
SLOT_COLUMNS = ("start", "charge_kw", "discharge_kw", "export_kw", "soc_percent", "import_price", "export_price")

LOAD_TOPICS = {"ev": "car", "water": "water_heater"}
"""Last part of the topic of a load, `darkstar/<site>/<part>`, by its name."""
_LOAD_NAMES = {"ev": phrase("Car may charge"), "water": phrase("Water heater may heat")}
_LOAD_ICONS = {"ev": "mdi:ev-station", "water": "mdi:water-boiler"}
_LOAD_STATES = {"on": "ON", "off": "OFF", "default": None}

Json = dict[str, Any]


class Topics:
    """The MQTT topics of a site.

    Args:
        site: its name.
        discovery_prefix: prefix of discovery topics in Home Assistant.
    """

    def __init__(self, site: str, discovery_prefix: str) -> None:
        base = f"darkstar/{site}"
        self.device = f"darkstar_{site}"
        self.discovery = f"{discovery_prefix}/device/{self.device}/config"
        self.home_assistant = f"{discovery_prefix}/status"
        self.availability = f"{base}/availability"
        self.state = f"{base}/state"
        self.command = f"{base}/command"
        self.plan = f"{base}/plan"
        self.steering = f"{base}/steering"
        self._base = base

    def load(self, name: str) -> str:
        """Return the topic of a movable load."""
        return f"{self._base}/{LOAD_TOPICS[name]}"


def discovery_message(topics: Topics, site: str, currency: str, loads: Iterable[str] = ()) -> Json:
    """Return the discovery message of a site.

    Args:
        topics: its topics.
        site: its name.
        currency: its currency.
        loads: names of its movable loads.
    """
    release = version("darkstar-pipeline")
    return {
        "device": {
            "identifiers": [topics.device],
            "name": f"Darkstar {site}",
            "manufacturer": "Darkstar",
            "model": "Planner",
            "sw_version": release,
        },
        "origin": {"name": "Darkstar", "sw_version": release},
        "availability": [{"topic": topics.availability, "payload_available": ONLINE, "payload_not_available": OFFLINE}],
        "state_topic": topics.state,
        "qos": 1,
        "components": {
            **_components(topics, currency),
            **{
                LOAD_TOPICS[name]: {**_entity(topics, LOAD_TOPICS[name], ""), **load_entity(name, topics.load(name))}
                for name in loads
            },
        },
    }


def _components(topics: Topics, currency: str) -> Json:
    """Return every entity by its key."""
    command = {"icon": "mdi:home-battery", "json_attributes_topic": topics.command}
    plan = {"icon": "mdi:chart-timeline-variant", "json_attributes_topic": topics.plan}
    steering = {"icon": "mdi:steering", "json_attributes_topic": topics.steering, "device_class": "enum"}
    return {
        "steering": {**_sensor(topics, "steering", phrase("Steering"), **steering), "options": list(STEERING_STATES)},
        "command": _sensor(topics, "command", phrase("Command"), **command),
        "plan": _sensor(topics, "plan", phrase("Plan"), **plan),
        "planned_soc": _sensor(
            topics, "planned_soc", phrase("Planned state of charge"), device_class="battery", unit_of_measurement="%"
        ),
        "next_change": _sensor(topics, "next_change", phrase("Next change"), device_class="timestamp"),
        "planned_saving": _sensor(
            topics, "planned_saving", phrase("Planned saving"), device_class="monetary", unit_of_measurement=currency
        ),
        "plan_valid": {
            **_entity(topics, "plan_valid", phrase("Plan valid")),
            "platform": "binary_sensor",
            "payload_on": "ON",
            "payload_off": "OFF",
        },
    }


def _sensor(topics: Topics, key: str, name: str, **more: str) -> Json:
    return {"platform": "sensor", **_entity(topics, key, name), **more}


def _entity(topics: Topics, key: str, name: str) -> Json:
    """Return the fields that all entities share; Home Assistant reads a null state, rendered as `None`, as unknown."""
    return {
        "name": translated(name),
        "unique_id": f"{topics.device}_{key}",
        "object_id": f"{topics.device}_{key}",
        "value_template": f"{{{{ value_json.{key} }}}}",
        "expire_after": EXPIRE_SECONDS,
    }


def entity_states(plan: PlanDocument, command: CommandDocument, steering: Steering, now: datetime) -> Json:
    """Return the states of the entities."""
    slot = slot_at(plan, now)
    saving = None if plan.cost is None or plan.idle_cost is None else plan.idle_cost - plan.cost
    valid = slot is not None and plan.verified
    return {
        "steering": steering.state,
        "command": translated(command.command)[:STATE_CHARACTERS],
        "plan": plan.rung,
        "planned_soc": None if slot is None else _rounded(slot.soc_end_percent, 1),
        "next_change": _instant(next_change(plan, now)),
        "planned_saving": _rounded(saving, 2),
        "plan_valid": "ON" if valid else "OFF",
    }


def next_change(plan: PlanDocument, now: datetime) -> datetime | None:
    """Return when the plan's command changes next; None where it does not, or no slot contains the moment."""
    current = slot_at(plan, now)
    if current is None:
        return None
    later = (slot for slot in plan.slots if slot.slot_start > now and slot.command != current.command)
    return next((slot.slot_start for slot in later), None)


def command_attributes(command: CommandDocument) -> Json:
    """Return the command's powers, times and explanation."""
    return command.model_dump(mode="json")


def steering_attributes(steering: Steering) -> Json:
    """Return whether the plan steers the battery, in a sentence and since when."""
    return steering.model_dump(mode="json")


def plan_attributes(plan: PlanDocument, now: datetime) -> Json:
    """Return the plan from the current slot on, with as many slots as Home Assistant's recorder stores.

    `slots_left_out` counts the others. A slot is a list in the order of `columns`, which takes half the bytes of a
    mapping that repeats every name.
    """
    ahead = [slot for slot in plan.slots if slot.slot_end > now]
    document: Json = {
        "id": plan.id,
        "created_at": _instant(plan.created_at),
        "valid_until": _instant(plan.valid_until),
        "why": translated(plan.why),
        "released": plan.released,
        "verified": plan.verified,
        "model_version": None if plan.model is None else plan.model.version,
        "cost": _rounded(plan.cost, 2),
        "idle_cost": _rounded(plan.idle_cost, 2),
        "currency": plan.currency,
        "columns": list(SLOT_COLUMNS),
        "slots": [],
        "slots_left_out": len(ahead),
    }
    rows = _fitting([_row(slot) for slot in ahead], ATTRIBUTE_BYTES - len(compact_json(document)))
    return {**document, "slots": rows, "slots_left_out": len(ahead) - len(rows)}


def compact_json(document: Json) -> bytes:
    """Return a document as JSON without white space."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _fitting(rows: Sequence[list[Any]], max_bytes: int) -> list[list[Any]]:
    """Return the first rows that fit into so many bytes."""
    used, fitting = 0, list[list[Any]]()
    for row in rows:
        used += len(json.dumps(row, separators=(",", ":"))) + 1
        if used > max_bytes:
            break
        fitting.append(row)
    return fitting


def _row(slot: PlanSlot) -> list[Any]:
    """Return a slot as a list in the order of the columns."""
    powers = [_rounded(power, 2) for power in (slot.charge_kw, slot.discharge_kw, slot.export_kw)]
    prices = [_rounded(price, 4) for price in (slot.import_price, slot.export_price)]
    return [_instant(slot.slot_start), *powers, _rounded(slot.soc_end_percent, 1), *prices]


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def load_entity(name: str, topic: str) -> Json:
    """Return what a load's entity has beside what all have; its state is unknown where the plan does not decide."""
    return {
        "platform": "binary_sensor",
        "name": translated(_LOAD_NAMES[name]),
        "icon": _LOAD_ICONS[name],
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
        "state": _LOAD_STATES[wanted.state],
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
