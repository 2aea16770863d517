"""Home Assistant's prices over its WebSocket interface: the Nord Pool integration's action, and sensors with lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from darkstar_pipeline.home_assistant_api.answers import State
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket

_UNIT = "unit_of_measurement"
_PER = ("/kwh", "/mwh")


class SocketAssistant:
    """Questions to Home Assistant about prices, over its WebSocket.

    Args:
        socket: the connection.
        sensor: entity that lists prices, where one is configured; None: every sensor with a unit of a price.
    """

    def __init__(self, socket: HomeAssistantSocket, sensor: str | None) -> None:
        self._socket, self._sensor = socket, sensor

    def nordpool_entry(self) -> str | None:
        """Return the id of the configuration entry of the Nord Pool integration; None where there is none."""
        return next(iter(self._socket.config_entries("nordpool")), None)

    def price_sensors(self) -> Sequence[Mapping[str, Any]]:
        """Return the states of the sensors that may list prices."""
        return [state.model_dump() for state in self._socket.states() if self._may_list_prices(state)]

    def call_action(self, domain: str, action: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the response of an action."""
        return self._socket.call(domain, action, dict(data))

    def _may_list_prices(self, state: State) -> bool:
        if self._sensor is not None:
            return state.entity_id == self._sensor
        unit = str(state.attributes.get(_UNIT, "")).lower().replace(" ", "")
        return unit.endswith(_PER) and any(isinstance(value, list) for value in state.attributes.values())
