"""A home with statistics as the answers of a Home Assistant's WebSocket interface."""

from collections.abc import Sequence
from typing import Any

from benchmarks.recorded_home.statistics_home import StatisticsHome

_ATTRIBUTES = {
    "energy": {"unit_of_measurement": "kWh", "device_class": "energy", "state_class": "total_increasing"},
    "power": {"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement"},
    "soc": {"unit_of_measurement": "%", "device_class": "battery", "state_class": "measurement"},
}


def answers_of(home: StatisticsHome, *states: dict[str, Any]) -> dict[str, Any]:
    """The results of a socket that has the home's statistics, and the present states of its sensors and of others."""
    own = [state(sensor, **_ATTRIBUTES[_kind(sensor)]) for sensor in home.sensors.values()]
    return {
        "recorder/list_statistic_ids": home.statistic_ids(),
        "recorder/statistics_during_period": home.statistics,
        "get_states": [*own, *states],
        "config/entity_registry/list": [
            {"entity_id": sensor, "platform": "inverter"} for sensor in home.sensors.values()
        ],
    }


def state(entity: str, value: str = "5", **attributes: str | list[Any]) -> dict[str, Any]:
    """A state of an entity."""
    return {"entity_id": entity, "state": value, "attributes": attributes}


def asked_spans(asked: Sequence[dict[str, Any]], period: str) -> list[tuple[str, str]]:
    """The periods that statistics were asked for."""
    return [(each["start_time"][:10], each["end_time"][:10]) for each in asked if each.get("period") == period]


def _kind(sensor: str) -> str:
    return next((kind for kind in ("power", "soc") if sensor.endswith(f"_{kind}")), "energy")
