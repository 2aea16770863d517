"""Values of Home Assistant's entities: read from a state, kept within an entity's limits, compared with a write.

Pure functions. What does not belong here: reading and writing entities (`entity_writer`), and which entity gets which
value (`profiles`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write

TOLERANCE_STEPS = 0.51
"""Numbers closer than this many steps of an entity are equal, since entities round to their own step."""
TOLERANCE_SHARE = 0.01
"""Numbers closer than this share of an entity's largest value are equal too: an inverter may round more coarsely."""
TOLERANCE_OF_VALUE = 0.5
"""The share is never more than this part of the value itself, so that 90 W are no zero."""
LARGEST = {"W": 100_000.0, "kW": 100.0, "A": 1000.0}
"""Largest numbers of entities that say something of their scale, by unit: SolarEdge's limits take 1 000 000 W."""
_STEPS = {"kW": 0.01, "A": 0.1}
"""Steps of entities that state none, by unit; 1 otherwise."""
_WATTS = {"W": 1.0, "kW": 1000.0}
UNREADABLE = ("unavailable", "unknown", "none", "")
"""States of an entity that has no value now."""

State = Mapping[str, Any]
"""The state of an entity as `/api/states/ENTITY` returns it: `state`, `attributes` and timestamps."""


def number_of(state: State | None) -> float | None:
    """Return a state as a number; None where it is not a finite number.

    >>> number_of({"state": "2500.0"}), number_of({"state": "unavailable"}), number_of({"state": "nan"})
    (2500.0, None, None)
    """
    return None if state is None else _finite(state.get("state"))


def within_limits(state: State | None, write: Write) -> Write:
    """Return the write with its number on the entity's own steps, within its `min` and `max`.

    >>> within_limits({"state": "0", "attributes": {"max": 5000}}, Write("number.charge", 9900.0)).value
    5000.0
    >>> within_limits({"state": "0", "attributes": {"min": 0, "step": 500}}, Write("number.charge", 2740.0)).value
    2500.0
    """
    if state is None or isinstance(write.value, str):
        return write
    low, high, step = _number(state, "min"), _number(state, "max"), _step(state)
    if write.most and high is not None:
        return replace(write, value=high)
    value = write.value if step is None else _on_step(write.value, low or 0.0, step)
    if low is not None and high is not None and low > high:
        return replace(write, value=value)
    value = value if high is None else min(value, high)
    return replace(write, value=value if low is None else max(value, low))


def in_shown_unit(state: State | None, write: Write) -> Write:
    """Return a write of W or kW in the one of these that its entity shows: somebody may have changed it there.

    >>> in_shown_unit({"attributes": {"unit_of_measurement": "kW"}}, Write("number.limit", 30.0, "W")).value
    0.03
    """
    shown = unit_of(state)
    if isinstance(write.value, str) or not {shown, write.unit} <= set(_WATTS) or shown == write.unit:
        return write
    return replace(write, value=write.value * _WATTS[write.unit] / _WATTS[shown], unit=shown)


def limit_note(state: State | None, wanted: Write, allowed: Write) -> str:
    """Return what an entity cannot express of a wanted value; empty where it can, to within the tolerance.

    >>> limit_note({"attributes": {"max": 5000}}, Write("number.c", 9900.0, "W"), Write("number.c", 5000.0, "W"))
    'number.c takes at most 5000 W, not 9900 W'
    """
    if state is None or wanted.most or isinstance(wanted.value, str) or isinstance(allowed.value, str):
        return ""
    if abs(wanted.value - allowed.value) <= _share(state, wanted.value):
        return ""
    unit = f" {wanted.unit}" if wanted.unit else ""
    low, high = _number(state, "min"), _number(state, "max")
    bound = "at most " if allowed.value == high else "at least " if allowed.value == low else "only steps such as "
    return f"{wanted.entity} takes {bound}{allowed.value:g}{unit}, not {wanted.value:g}{unit}"


def has_value(state: State | None, write: Write) -> bool:
    """Return whether an entity has the value of a write.

    Numbers are equal to within half a step of the entity or 1 % of its largest value, whichever is more; the latter
    never more than half the value, so that zero is exact to the step. What is no finite number equals nothing.

    >>> has_value({"state": "41.6", "attributes": {"step": 1}}, Write("number.charge", 42.0))
    True
    >>> has_value({"state": "7600", "attributes": {"step": 1, "max": 9000}}, Write("number.discharge", 8000.0))
    False
    """
    if state is None:
        return False
    if isinstance(write.value, str):
        return state.get("state") == write.value
    value = number_of(state)
    return value is not None and abs(value - write.value) <= _tolerance(state, write, write.value)


def unreadable(state: State | None, write: Write) -> str:
    """Return why an entity has no value now; empty where it has one.

    >>> unreadable({"state": "None", "attributes": {"options": ["None", "Charge"]}}, Write("select.forced", "Charge"))
    ''
    """
    if state is None:
        return f"Home Assistant has no entity {write.entity}"
    text = str(state.get("state", "")).strip().lower()
    return f"{write.entity} is {text or 'without a state'}" if has_no_value(state) else ""


def has_no_value(state: State) -> bool:
    """Return whether a state is none: unavailable or unknown; an option that is called so is one."""
    text, options = str(state.get("state", "")), _attributes(state).get("options")
    if isinstance(options, list) and text in options:
        return False
    return text.strip().lower() in UNREADABLE


def script_problem(entity: str, state: State | None) -> str:
    """Return why a script cannot be called; empty where it can: Home Assistant answers 200 in any case."""
    if state is None:
        return f"Home Assistant has no entity {entity}"
    return f"{entity} is unavailable" if str(state.get("state")) == "unavailable" else ""


def has_run(state: State | None, before: State | None) -> bool:
    """Return whether a script has run since an earlier state of it, by when it was triggered last.

    >>> idle = {"state": "off", "attributes": {"last_triggered": None}}
    >>> has_run({"state": "off", "attributes": {"last_triggered": "2026-11-30T08:00:00+00:00"}}, idle)
    True
    """
    return state is not None and triggered_at(state) != triggered_at(before)


def triggered_at(state: State | None) -> str:
    """Return when a script was triggered last, as Home Assistant writes it; empty where it never was."""
    return str(_attributes(state).get("last_triggered") or "")


def set_temperature_of(state: State | None) -> float | None:
    """Return the temperature that a thermostat is set to, an attribute of its state; None where it shows none [°C]."""
    return _finite(_attributes(state).get("temperature"))


def refusal(state: State | None, write: Write) -> str:
    """Return why a value must not be written to an entity; empty where it may.

    >>> refusal({"state": "0", "attributes": {"unit_of_measurement": "kW"}}, Write("number.charge", 2500.0, "W"))
    'number.charge is in kW, and home_assistant.control.mapping.unit says W'
    """
    attributes = _attributes(state)
    if isinstance(write.value, str):
        options = attributes.get("options") if write.action is None else None
        if isinstance(options, list) and write.value not in options:
            return f"{write.entity} has no option {write.value!r}"
        return ""
    if not math.isfinite(write.value):
        return f"{write.value} is no value for {write.entity}"
    if write.most and _finite(attributes.get("max")) is None:
        return f"{write.entity} does not say the most that it takes"
    unit = unit_of(state)
    if write.unit and unit and unit.casefold() != write.unit.casefold():
        return f"{write.entity} is in {unit}, and home_assistant.control.mapping.unit says {write.unit}"
    return ""


def unit_of(state: State | None) -> str:
    """Return the unit that an entity reports; empty where it reports none."""
    unit = _attributes(state).get("unit_of_measurement")
    return unit.strip() if isinstance(unit, str) else ""


def service_call(write: Write) -> ServiceCall:
    """Return the call of Home Assistant's service that does a write."""
    call = ServiceCall(
        domain=write.domain, service=write.service, data=write.data, unit=write.unit or None, ends=write.ends
    )
    if write.action is None:
        return call
    return call.model_copy(update={"reads": write.entity, "shows": str(write.value)})


def in_words(writes: Sequence[Write]) -> str:
    """Return writes as text for a log or a person.

    >>> in_words([Write("number.charge", 2500.0), Write("select.mode", "charge")])
    'number.charge = 2500.0, select.mode = charge'
    """
    return ", ".join(f"{write.entity} = {write.value}" for write in writes)


def _on_step(value: float, low: float, step: float) -> float:
    """Return the number on the grid of steps that is nearest to a value."""
    n_steps = (value - low) / step
    return round(low + round(n_steps) * step, 6) if math.isfinite(n_steps) else value


def _tolerance(state: State, write: Write, value: float) -> float:
    """Return how far a number may be from the value that was written [the entity's unit]."""
    half_step = TOLERANCE_STEPS * (_step(state) or _STEPS.get(write.unit, 1.0))
    if value == 0:
        scale = _scale(state, value)
        return min(half_step, TOLERANCE_SHARE * scale) if scale > 0 else half_step
    return max(half_step, _share(state, value))


def _share(state: State, value: float) -> float:
    """Return the part of the tolerance that goes by the entity's scale; 0 for the value zero."""
    return min(TOLERANCE_SHARE * _scale(state, value), TOLERANCE_OF_VALUE * abs(value))


def _scale(state: State, value: float) -> float:
    """Return the size of an entity's numbers; a largest that no home has says nothing of it (a limit of 1 MW)."""
    largest = abs(_number(state, "max") or 0.0)
    return max(abs(value), largest if largest <= LARGEST.get(unit_of(state), math.inf) else 0.0)


def _attributes(state: State | None) -> Mapping[str, Any]:
    attributes = None if state is None else state.get("attributes")
    return cast("Mapping[str, Any]", attributes) if isinstance(attributes, Mapping) else {}


def _number(state: State, name: str) -> float | None:
    return _finite(_attributes(state).get(name))


def _step(state: State) -> float | None:
    step = _number(state, "step")
    return step if step is not None and step > 0 else None


def _finite(value: object) -> float | None:
    """Return a value as a number; None where it is not a finite one."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
