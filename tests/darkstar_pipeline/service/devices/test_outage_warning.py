"""A warning of an outage: what an entity says, what it asks for, and what holds while it cannot be read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from darkstar_pipeline.config.household.care import OutageWarningSettings
from darkstar_pipeline.service.devices.outage_warning import OutageWarning

NOW = datetime(2026, 1, 14, tzinfo=UTC)


class Reader:
    def __init__(self, value: str) -> None:
        self.value = value

    def state(self, entity: str) -> Mapping[str, Any]:
        return {"entity_id": entity, "state": self.value}

    def close(self) -> None:
        """Nothing is open."""


def warning_of(value: str, above: float | None) -> tuple[OutageWarning, Reader]:
    reader = Reader(value)
    settings = OutageWarningSettings(entity="sensor.gusts", above=above, percent=40)
    warning = OutageWarning(settings, reader)
    warning.poll()
    return warning, reader


@pytest.mark.parametrize(
    ("value", "above", "n_reserves"),
    [("on", None, 1), ("off", None, 0), ("24.5", 21.0, 1), ("21.0", 21.0, 0), ("unavailable", 21.0, 0)],
)
def test_entity_asks_for_a_reserve_while_it_warns(value: str, above: float | None, n_reserves: int) -> None:
    warning, _ = warning_of(value, above)
    asked = warning.reserves(NOW)
    assert [each.percent for each in asked] == [40.0] * n_reserves


def test_what_was_said_last_holds_while_the_entity_tells_nothing_and_that_is_told() -> None:
    warning, reader = warning_of("on", None)
    reader.value = "unavailable"
    warning.poll()
    assert warning.reserves(NOW)
    (component,) = warning.components()
    assert not component.ok
    assert "sensor.gusts" in component.note
    reader.value = "off"
    warning.poll()
    assert not warning.reserves(NOW)
    assert warning.key() == (False,)
