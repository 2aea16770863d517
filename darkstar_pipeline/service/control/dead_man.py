"""The dead man's switch: a timer in Home Assistant that restores the inverter's default where nothing of ours lives.

The controller starts the timer whenever it renews its lease, for the rest of the lease and a margin, and cancels it
when it hands the inverter back. An automation of the package that `darkstar control install` writes sets the default
when the timer has ended. A switch (`input_boolean`) remembers that the timer was started and not cancelled, over a
restart of Home Assistant too. The automation sets what is not at its default once a minute for ten minutes, then once
an hour, and at once where an entity shows something else: every write wears the inverter's memory.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.home_assistant.entity_values import (
    LARGEST,
    TOLERANCE_OF_VALUE,
    TOLERANCE_SHARE,
    TOLERANCE_STEPS,
)
from darkstar_pipeline.service.home_assistant.entity_writer import EntityClient
from darkstar_pipeline.service.home_assistant.lease import Lease, uptime_seconds
from darkstar_pipeline.service.home_assistant.profiles import SWITCHES, Write
from darkstar_pipeline.service.schemas.health import Component

MARGIN_SECONDS = 60.0
"""The timer ends this long after the lease [s], so that the guard comes first where it lives."""
SETTLING_SECONDS = 10
OFTEN_SECONDS = 600
"""For so long the default is set once a minute where it does not stand; then once an hour [s]."""
EVERY_MINUTE = "every_minute"
HEADER = """\
# Written by `darkstar control install`; write it again after a change of the mapping, the default or lease_minutes.
# It sets the inverter's default when Darkstar has not renewed its lease, even where nothing of Darkstar's is alive.
"""


@dataclass(frozen=True)
class DeadManNames:
    """The entities of a dead man's switch, by its timer.

    Attributes:
        timer: entity id of the timer.
    """

    timer: str

    @classmethod
    def of_site(cls, site: str) -> "DeadManNames":
        """Return the names for a site that names no timer in its settings."""
        return cls("timer.darkstar_" + re.sub(r"[^a-z0-9]+", "_", site.lower()).strip("_"))

    @property
    def key(self) -> str:
        """The timer's id without its domain."""
        return self.timer.partition(".")[2]

    @property
    def armed(self) -> str:
        """The switch that is on while the timer was started and not cancelled."""
        return f"input_boolean.{self.key}_armed"

    @property
    def automation(self) -> str:
        """The automation that sets the default."""
        return f"automation.{self.key}_dead_man_switch"


class DeadManTimer:
    """Keeps the timer running as long as the lease is renewed.

    Args:
        client: Home Assistant.
        timer: entity id of the timer; None where there is none.
        uptime: uptime of the machine [s].
    """

    def __init__(self, client: EntityClient, timer: str | None, uptime: Callable[[], float] = uptime_seconds) -> None:
        self._client, self._timer, self._uptime = client, timer, uptime
        self._followed: float | None = None
        self.problem = ""

    def follow(self, lease: Lease | None) -> None:
        """Start the timer for the rest of a lease and the margin, where that has not been done for this one."""
        if self._timer is None or lease is None or lease.released or lease.ends == self._followed:
            return
        seconds = math.ceil(max(0.0, lease.ends - self._uptime()) + MARGIN_SECONDS)
        if self._call("start", {"entity_id": self._timer, "duration": seconds}, "active"):
            self._followed = lease.ends

    def cancel(self) -> None:
        """Cancel the timer, because the default was read back; where that fails, it sets the default once more."""
        if self._timer is not None and self._followed is not None:
            self._call("cancel", {"entity_id": self._timer}, "idle")
            self._followed = None

    def components(self) -> list[Component]:
        """Return the timer as a component of the service; empty where there is none."""
        if self._timer is None:
            return []
        return [Component(name="dead_man_timer", ok=not self.problem, note=self.problem or self._timer)]

    def _call(self, service: str, data: dict[str, Any], state: str) -> bool:
        """Call a service of the timer and read it back: Home Assistant answers 200 where there is no such timer."""
        try:
            self._client.call("timer", service, data)
            read = self._client.state(str(self._timer))
        except HomeAssistantError as error:
            self.problem = f"{self._timer}: {error.message}"
            return False
        done = read is not None and read.get("state") == state
        seen = "is missing" if read is None else f"is {read.get('state')}"
        self.problem = "" if done else f"{self._timer} {seen} after timer.{service}; run `darkstar control install`"
        return done


def package(names: DeadManNames, default: Sequence[Write], lease_seconds: float) -> str:
    """Return the package for Home Assistant: timer, switch and automations.

    Args:
        names: of its entities.
        default: values of the inverter's default.
        lease_seconds: how long a lease lasts [s].
    """
    document = _document(names, default, lease_seconds)
    switch = document["input_boolean"][names.armed.partition(".")[2]]
    switch["name"] += f" ({edition(names, default, lease_seconds)})"
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def edition(names: DeadManNames, default: Sequence[Write], lease_seconds: float) -> str:
    """Return what the name of the switch ends with, by which a package is known that another would replace now."""
    return "package " + hashlib.sha256(repr(_document(names, default, lease_seconds)).encode()).hexdigest()[:8]


def _document(names: DeadManNames, default: Sequence[Write], lease_seconds: float) -> dict[str, Any]:
    """Return the content of the package, without its edition."""
    title = names.key.replace("_", " ").capitalize()
    timer_is_over = {"condition": "template", "value_template": f"{{{{ not is_state('{names.timer}', 'active') }}}}"}
    return {
        "timer": {
            names.key: {
                "name": f"{title} lease",
                "duration": math.ceil(lease_seconds + MARGIN_SECONDS),
                "restore": True,
                "icon": "mdi:timer-alert",
            }
        },
        "input_boolean": {names.armed.partition(".")[2]: {"name": f"{title} armed", "icon": "mdi:shield-home"}},
        "automation": [
            _switching(names, f"{title} armed", ("started", "restarted"), "on"),
            _switching(names, f"{title} disarmed", ("cancelled",), "off"),
            {
                "id": f"{names.key}_dead_man_switch",
                "alias": f"{title} dead man switch",
                "mode": "single",
                "max_exceeded": "silent",
                "triggers": [
                    _event(names, "finished"),
                    {"trigger": "homeassistant", "event": "start"},
                    {"trigger": "state", "entity_id": [write.entity for write in default]},
                    {"trigger": "time_pattern", "minutes": "/1", "id": EVERY_MINUTE},
                ],
                "conditions": [
                    {"condition": "state", "entity_id": names.armed, "state": "on"},
                    timer_is_over,
                    {"condition": "template", "value_template": f"{{{{ {_is_due(names)} }}}}"},
                ],
                "actions": [
                    *(_setting(write, default[:number]) for number, write in enumerate(default)),
                    {"delay": {"seconds": SETTLING_SECONDS}},
                    timer_is_over,
                    *({"condition": "template", "value_template": f"{{{{ {_stands(write)} }}}}"} for write in default),
                    {"action": "input_boolean.turn_off", "target": {"entity_id": names.armed}},
                ],
            },
        ],
    }


def _is_due(names: DeadManNames) -> str:
    """Return an expression that is true in the first minutes after the timer, then once an hour, and at every event."""
    over_for = f"(now() - states['{names.timer}'].last_changed).total_seconds()"
    return f"trigger.id | default('') != '{EVERY_MINUTE}' or {over_for} < {OFTEN_SECONDS} or now().minute == 0"


def _event(names: DeadManNames, what: str) -> dict[str, Any]:
    return {"trigger": "event", "event_type": f"timer.{what}", "event_data": {"entity_id": names.timer}}


def _switching(names: DeadManNames, alias: str, events: Sequence[str], state: str) -> dict[str, Any]:
    """Return the automation that arms or disarms the switch."""
    return {
        "id": f"{names.key}_{'armed' if state == 'on' else 'disarmed'}",
        "alias": alias,
        "mode": "queued",
        "triggers": [_event(names, event) for event in events],
        "actions": [{"action": f"input_boolean.turn_{state}", "target": {"entity_id": names.armed}}],
    }


def _setting(write: Write, before: Sequence[Write]) -> dict[str, Any]:
    """Return the step that sets an entity where it is there and has another value, and the modes before it have ended.

    What comes behind a mode waits for the next look: a limit that is raised while a charge still runs has it charge at
    full power. One that shows another unit is left: 30 W written as kW would be its most.
    """
    differs = f"not is_state('{write.entity}', 'unavailable') and not ({_stands(write)})"
    modes = [_stands(mode) for mode in before if mode.ends or isinstance(mode.value, str)]
    modes = [] if write.ends or isinstance(write.value, str) else modes
    units = [f"(state_attr('{write.entity}', 'unit_of_measurement') or '{write.unit}') == '{write.unit}'"] * bool(
        write.unit
    )
    return {
        "if": [{"condition": "template", "value_template": f"{{{{ {' and '.join([differs, *units, *modes])} }}}}"}],
        "then": [{"action": f"{write.domain}.{write.service}", **_aimed(write), "continue_on_error": True}],
    }


def _aimed(write: Write) -> dict[str, Any]:
    """Return target and data of the action that does a write; numbers within the entity's limits of the moment."""
    if write.action is not None:
        return {"data": write.data}
    target = {"target": {"entity_id": write.entity}}
    if write.domain in SWITCHES:
        return target
    value = write.value if isinstance(write.value, str) else f"{{{{ {_allowed(write)} }}}}"
    return {**target, "data": {"option" if isinstance(write.value, str) else "value": value}}


def _allowed(write: Write) -> str:
    """Return an expression for the number of a write within the entity's limits of the moment."""
    low, high = (f"state_attr('{write.entity}', '{limit}') | float({write.value})" for limit in ("min", "max"))
    return f"[[{write.value}, {low}] | max, {high}] | min"


def _stands(write: Write) -> str:
    """Return an expression that is true where an entity has the value of a write."""
    if isinstance(write.value, str):
        return f"is_state('{write.entity}', {json.dumps(write.value, ensure_ascii=False)})"
    half_step = f"{TOLERANCE_STEPS} * (state_attr('{write.entity}', 'step') | float(1))"
    share = _tolerated_share(write)
    return (
        f"is_number(states('{write.entity}')) and "
        f"(states('{write.entity}') | float(0) - ({_allowed(write)})) | abs <= [{half_step}, {share}] | max"
    )


def _tolerated_share(write: Write) -> str:
    """Return an expression for the part of the tolerance that goes by the entity's scale, as reading back has it."""
    if write.value == 0 or isinstance(write.value, str):
        return "0.0"
    largest = f"state_attr('{write.entity}', 'max') | float(0)"
    if write.most:
        return f"{TOLERANCE_SHARE} * ({largest})"
    limit = LARGEST.get(write.unit)
    scale = f"({largest})" if limit is None else f"(({largest}) if ({largest}) <= {limit} else {abs(write.value)})"
    return f"[{TOLERANCE_SHARE} * {scale}, {TOLERANCE_OF_VALUE * abs(write.value)}] | min"
