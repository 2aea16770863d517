"""Values of a load's sensors in Home Assistant, read from their states."""

from collections.abc import Mapping
from typing import Any, Protocol

from darkstar_pipeline.service.home_assistant.entity_values import UNREADABLE, State, number_of, unit_of

_ON = {"on", "true", "1", "connected", "plugged_in", "plugged in", "charging", "b", "c"}
_OFF = {"off", "false", "0", "disconnected", "not_connected", "unplugged", "not connected", "a"}
_KILOWATTS = {"w": 0.001, "kw": 1.0}


class StateReader(Protocol):
    """A source of Home Assistant's states."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity; None where there is no such entity."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def switched(state: State | None) -> bool | None:
    """Return whether a state says yes; None where it does not tell.

    >>> switched({"state": "on"}), switched({"state": "disconnected"}), switched({"state": "unavailable"})
    (True, False, None)
    """
    text = "" if state is None else str(state.get("state", "")).strip().lower()
    if text in UNREADABLE:
        return None
    return True if text in _ON else False if text in _OFF else None


def percent(state: State | None) -> float | None:
    """Return a state of charge [%]; None where the state is none."""
    value = number_of(state)
    return value if value is not None and 0 <= value <= 100 else None  # noqa: PLR2004 - percent


def kilowatts(state: State | None) -> float | None:
    """Return a power [kW]; None where the state is none, or its unit is neither W nor kW.

    >>> kilowatts({"state": "7400", "attributes": {"unit_of_measurement": "W"}})
    7.4
    """
    value = power_of(state)
    return None if value is None else max(value, 0.0)


def power_of(state: State | None) -> float | None:
    """Return a power with its sign [kW]; None where the state is none, or its unit is neither W nor kW."""
    value, factor = number_of(state), _KILOWATTS.get((unit_of(state) or "W").lower())
    return None if value is None or factor is None else value * factor
