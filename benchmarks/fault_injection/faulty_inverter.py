"""An inverter behind Home Assistant, in memory and at a simulated time, with the faults that real ones have."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError

CHARGE, DISCHARGE = "number.charge_power", "number.discharge_power"
LARGEST_W = 9000.0
SETTLE_SECONDS = 30.0
InverterFault = Literal[
    "settles low", "ignores writes", "reads nan", "reads inf", "unavailable", "unknown", "rounds to 100", "slow",
    "away", "refuses calls", "in kW", "gone", "takes no default",
]  # fmt: skip
INVERTER_FAULTS: tuple[InverterFault, ...] = (
    "settles low", "ignores writes", "reads nan", "reads inf", "unavailable", "unknown", "rounds to 100", "slow",
    "away", "refuses calls", "in kW", "gone", "takes no default",
)  # fmt: skip
_TEXTS = {"reads nan": "nan", "reads inf": "inf", "unavailable": "unavailable", "unknown": "unknown"}


@dataclass
class FaultyInverter:
    """Two numbers of an inverter; `EntityClient` of the controller.

    Attributes:
        seconds: the simulated time [s].
        fault: what is wrong with it now; None where nothing is.
        values: what the inverter really does [W].
        written: called with every value that reaches the inverter or would have.
    """

    seconds: Callable[[], float]
    written: Callable[[str, float], None]
    fault: InverterFault | None = None
    values: dict[str, float] = field(default_factory=lambda: {CHARGE: 0.0, DISCHARGE: 8000.0})
    _pending: list[tuple[float, str, float]] = field(default_factory=list[tuple[float, str, float]])

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state as Home Assistant would."""
        self._settle()
        if self.fault == "away":
            raise HomeAssistantError("Home Assistant does not answer")
        if self.fault == "gone":
            return None
        unit = "kW" if self.fault == "in kW" else "W"
        text = _TEXTS.get(self.fault or "", f"{self.values[entity]:g}")
        attributes = {"min": 0, "max": LARGEST_W, "step": 1, "unit_of_measurement": unit}
        return {"entity_id": entity, "state": text, "attributes": attributes}

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Write a value, as the fault has it."""
        del domain, service
        self._settle()
        if self.fault == "away":
            raise HomeAssistantError("Home Assistant does not answer")
        entity, value = str(data["entity_id"]), float(data["value"])
        if not math.isfinite(value):
            message = f"{value} was written"
            raise ValueError(message)
        self.written(entity, value)
        if self.fault == "refuses calls":
            raise HomeAssistantError("Home Assistant answers 500")
        if self.fault == "slow":
            self._pending.append((self.seconds() + SETTLE_SECONDS, entity, value))
        else:
            self._take(entity, value)

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, entity: str, value: float) -> None:
        if self.fault in ("ignores writes", "reads nan", "reads inf", "unavailable", "unknown", "in kW", "gone"):
            return
        if self.fault == "takes no default" and value in (0.0, 8000.0):
            return
        if self.fault == "settles low":
            value = 0.95 * value
        self.values[entity] = round(value, -2) if self.fault == "rounds to 100" else value

    def _settle(self) -> None:
        """Let values that were written slowly take effect."""
        now = self.seconds()
        for due, entity, value in self._pending:
            if due <= now:
                self._take(entity, value)
        self._pending = [each for each in self._pending if each[0] > now]
