"""The values that carry out what a load is to do: a switch on or off, a temperature normal or boosted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkstar_pipeline.config.household.control import DeviceControl
from darkstar_pipeline.service.engine.wanted_loads import LoadState
from darkstar_pipeline.service.home_assistant.entity_writer import EntityClient
from darkstar_pipeline.service.home_assistant.profiles import Write

THERMOSTATS = ("climate", "water_heater")
_LIMITS = {"min": "min_temp", "max": "max_temp", "step": "target_temp_step"}


@dataclass(frozen=True)
class LoadWrite(Write):
    """A value that the entity of a load is to have; thermostats take a temperature."""

    @property
    def service(self) -> str:
        """Name of the service that sets the entity."""
        return "set_temperature" if self.domain in THERMOSTATS else super().service

    @property
    def data(self) -> dict[str, float | str]:
        """Data of the service call."""
        if self.domain in THERMOSTATS:
            return {"entity_id": self.entity, "temperature": self.value}
        return super().data


def load_write(control: DeviceControl, state: LoadState) -> LoadWrite | None:
    """Return the value of a load's entity in a state; None where it has none, such as a script's."""
    on = control.default_on if state == "default" else state == "on"
    if control.switch is not None:
        return LoadWrite(control.switch, "on" if on else "off", ramped=False)
    degrees = control.boosted_temperature if on else control.normal_temperature
    if control.setpoint is None or degrees is None:
        return None
    return LoadWrite(control.setpoint, degrees, ramped=False)


class LoadClient:
    """A Home Assistant whose thermostats show the temperature that they are set to as their state.

    Args:
        client: Home Assistant.
    """

    def __init__(self, client: EntityClient) -> None:
        self._client = client

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity; None where there is no such entity."""
        state = self._client.state(entity)
        if state is None or entity.partition(".")[0] not in THERMOSTATS:
            return state
        attributes: Mapping[str, Any] = state.get("attributes") or {}
        shown = attributes.get("temperature")
        if state.get("state") == "unavailable" or shown is None:
            return {**state, "state": "unavailable"}
        limits = {name: attributes[own] for name, own in _LIMITS.items() if own in attributes}
        return {**state, "state": str(shown), "attributes": limits}

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service."""
        self._client.call(domain, service, data)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
