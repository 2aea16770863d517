"""An inverter's entities in memory, with the faults that a real one can have, and a command to control it by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.schemas.plans import CommandDocument
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import ZONE

CHARGE, DISCHARGE = "number.charge_power", "number.discharge_power"
DISCHARGE_KW = 8.0


class Supplier:
    """A supplier of the command in force; tests replace its command."""

    def __init__(self, command: CommandDocument) -> None:
        self.command = command

    def __call__(self) -> CommandDocument:
        return self.command


@dataclass
class FakeInverter:
    """Entities that take what is written, but for those in `refuses`, by entity and value; `texts` hide values."""

    states: dict[str, float] = field(default_factory=lambda: {CHARGE: 1234.0, DISCHARGE: 4321.0})
    largest: float = 9000.0
    refuses: tuple[str, ...] = ()
    refused_values: tuple[float, ...] = ()
    unit: str | None = None
    texts: dict[str, str] = field(default_factory=dict[str, str])
    written: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    def state(self, entity: str) -> Mapping[str, Any]:
        attributes = {"min": 0, "max": self.largest, "step": 1, "unit_of_measurement": self.unit}
        return {
            "entity_id": entity,
            "state": self.texts.get(entity, str(self.states[entity])),
            "attributes": attributes,
        }

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        del domain, service
        entity, value = str(data["entity_id"]), float(data["value"])
        self.written.append((entity, value))
        if entity not in self.refuses and value not in self.refused_values:
            self.states[entity] = value

    def close(self) -> None: ...


class FakeGuards:
    """Starts no process; counts how often a live guard was asked for and dismissed."""

    def __init__(self) -> None:
        self.asked = self.dismissed = 0
        self.lives = self.ends = True

    def ensure(self) -> bool:
        self.asked += 1
        return self.lives

    def dismiss(self, timeout: float) -> bool:
        del timeout
        self.dismissed += 1
        return self.ends


@dataclass
class ControlledInverter:
    """A controller of a fake inverter, with time and guard in the test's hand."""

    folder: Path
    settings: ControlSettings
    inverter: FakeInverter = field(default_factory=FakeInverter)
    guards: FakeGuards = field(default_factory=FakeGuards)
    clock: HandClock = field(default_factory=lambda: HandClock(at=moment()))
    uptime: float = 1000.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.supplier = Supplier(command(2.5, 0, 0))
        home = ControlledHome(
            settings=HomeAssistantSettings(url="http://127.0.0.1:9", control=self.settings),
            discharge_kw=DISCHARGE_KW,
            timezone=ZONE,
            folder=self.folder,
        )
        self.controller = Controller(
            home,
            self.clock,
            self.supplier,
            client=self.inverter,
            wait=self._wait,
            guards=self.guards,
            uptime=lambda: self.uptime,
        )

    def _wait(self, seconds: float) -> bool:
        self.clock.seconds += seconds
        return False


def power_settings(**changes: object) -> ControlSettings:
    """Settings of control by power."""
    plain: dict[str, object] = {
        "enabled": True,
        "dry_run": False,
        "confirm_seconds": 2.0,
        "mapping": ControlMapping(charge=CHARGE, discharge=DISCHARGE),
    }
    return ControlSettings.model_validate({**plain, **changes})


def command(charge: float, discharge: float, export: float, **changes: Any) -> CommandDocument:
    """A verified command of the slot at 14:00 on the tests' day."""
    start = moment(minute=0)
    plain: dict[str, Any] = {
        "plan_id": "p",
        "rung": "champion",
        "why": "",
        "automatic": True,
        "overridden": False,
        "slot_start": start,
        "expires_at": start + timedelta(minutes=15),
        "charge_kw": charge,
        "discharge_kw": discharge,
        "export_kw": export,
        "command": "",
        "sentence": "",
        "default": False,
    }
    return CommandDocument.model_validate({**plain, **changes})
