"""Values of Home Assistant's entities: read from a state, kept within an entity's limits, compared with a write.

Pure functions. What does not belong here: reading and writing entities (`entity_writer`), and which entity gets which
value (`profiles`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write

TOLERANCE_STEPS = 0.51
"""Numbers closer than this many steps of an entity are equal, since entities round to their own step."""

State = Mapping[str, Any]
"""The state of an entity as `/api/states/ENTITY` returns it: `state`, `attributes` and timestamps."""


def number_of(state: State | None) -> float | None:
    """Return a state as a number; None where it is not a number.

    >>> number_of({"state": "2500.0"}), number_of({"state": "unavailable"}), number_of(None)
    (2500.0, None, None)
    """
    try:
        return None if state is None else float(state["state"])
    except (TypeError, KeyError, ValueError):
        return None


def within_limits(state: State | None, write: Write) -> Write:
    """Return the write with its number kept within the entity's own `min` and `max`.

    >>> within_limits({"state": "0", "attributes": {"max": 5000}}, Write("number.charge", 9900.0)).value
    5000.0
    """
    if state is None or isinstance(write.value, str):
        return write
    limits = state.get("attributes", {})
    low, high = float(limits.get("min", float("-inf"))), float(limits.get("max", float("inf")))
    return Write(write.entity, min(max(write.value, low), high))


def has_value(state: State | None, write: Write) -> bool:
    """Return whether an entity has the value of a write, to within its own step.

    >>> has_value({"state": "41.6", "attributes": {"step": 1}}, Write("number.charge", 42.0))
    True
    """
    if state is None:
        return False
    if isinstance(write.value, str):
        return state.get("state") == write.value
    value, step = number_of(state), float(state.get("attributes", {}).get("step", 1.0))
    return value is not None and abs(value - write.value) <= TOLERANCE_STEPS * step


def service_call(write: Write) -> ServiceCall:
    """Return the call of Home Assistant's service that does a write."""
    return ServiceCall(domain=write.domain, service=write.service, data=write.data)


def in_words(writes: Sequence[Write]) -> str:
    """Return writes as text for a log or a person.

    >>> in_words([Write("number.charge", 2500.0), Write("select.mode", "charge")])
    'number.charge = 2500.0, select.mode = charge'
    """
    return ", ".join(f"{write.entity} = {write.value}" for write in writes)
