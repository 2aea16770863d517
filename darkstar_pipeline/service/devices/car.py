"""The car of a running service: read live, asked for, and kept from the house battery while it charges."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from darkstar_pipeline.config.household.car import CarSettings
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.loads.car_demand import CarDemand, car_demand
from darkstar_pipeline.planning.loads.car_state import CarState
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.believed_power import LARGEST_CAR_KWH, BelievedPower
from darkstar_pipeline.service.devices.car_requests import CarRequests
from darkstar_pipeline.service.devices.sensor_values import StateReader, kilowatts, percent, switched
from darkstar_pipeline.service.devices.stored_document import StoredDocument
from darkstar_pipeline.service.home_assistant.entity_values import State
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.loads import CarReading
from darkstar_pipeline.service.schemas.plans import CommandDocument
from planner.wording.messages import joined, phrase
from planner.wording.values import power as power_words

CAR_STATE_FILE = "car_state.json"
CHARGES_KW = 0.5
"""A charger that draws more than this charges; less is its own standby."""
HOLD_SECONDS = 60.0
"""Time after the last reading of a charging car for which the battery still holds: chargers pause for seconds [s]."""
LONGEST_GAP_SECONDS = 120.0
"""A power holds no longer than this without a further reading [s]."""
KEEP_SECONDS = 60.0
_log = logging.getLogger(__name__)


Value = TypeVar("Value")


class _Kept(BaseModel):
    """The part of the state that has to outlive the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plugged: bool | None = None
    soc_percent: float | None = None
    soc_at: datetime | None = None
    charged_kwh: float = 0.0
    since_soc_kwh: float = 0.0
    leaves: datetime | None = None


class Car:
    """The car of a site.

    Args:
        settings: of the car.
        folder: of the service.
        clock: the service's clock.
        reader: reads Home Assistant; None where nobody does.
    """

    def __init__(self, settings: CarSettings, folder: Path, clock: Clock, reader: StateReader | None = None) -> None:
        self.settings, self._clock, self._reader = settings, clock, reader
        self.requests = CarRequests(folder)
        self._stored = StoredDocument(folder / CAR_STATE_FILE, _Kept())
        self._kept = self._stored.value
        self._lock = threading.Lock()
        self._power_kw: float | None = None
        self._power_at: float | None = None
        self._charged_at: float | None = None
        most = (settings.capacity_kwh or LARGEST_CAR_KWH) / settings.efficiency
        self._believed = BelievedPower(most, since=clock.monotonic())
        self._metered_at = self._next_keep = 0.0
        self._problems: dict[str, str] = {}

    def state(self) -> CarState:
        """Return the car as it was read last; its state of charge with what it has drawn since."""
        kept, power = self._kept, self._power_kw
        if self._power_at is None or self._clock.monotonic() - self._power_at > LONGEST_GAP_SECONDS or self.doubt:
            power = None
        reached = kept.soc_percent
        if reached is not None and self.settings.capacity_kwh is not None:
            gained = 100 * kept.since_soc_kwh * self.settings.efficiency / self.settings.capacity_kwh
            reached = min(reached + gained, 100.0)
        return CarState(
            plugged=kept.plugged,
            soc_percent=reached,
            soc_at=kept.soc_at,
            power_kw=power,
            charged_kwh=kept.charged_kwh,
        )

    def demand(self, now: datetime, timezone: str) -> CarDemand:
        """Return what the car asks of a plan."""
        leaving = self.requests.leaving(self.settings, now, timezone)
        self._leaves(None if leaving is None else leaving.at, now)
        return car_demand(self.settings, self.state(), leaving, now)

    def _leaves(self, at: datetime | None, now: datetime) -> None:
        """Count what is drawn from the last departure on, where nothing says when the car comes and goes."""
        with self._lock:
            kept = self._kept
            if kept.plugged is not None or kept.leaves == at:
                return
            has_left = kept.leaves is not None and kept.leaves <= now
            drawn = 0.0 if has_left else kept.charged_kwh
            self._kept = kept.model_copy(update={"leaves": at, "charged_kwh": drawn})
            self._stored.keep(self._kept)

    def key(self, now: datetime) -> tuple[object, ...]:
        """Return what changes whenever a plan is to be made anew for the car."""
        return (self._kept.plugged, self._kept.soc_percent is None, self.requests.active(now))

    @property
    def doubt(self) -> str:
        """Why the charger's power is not believed; empty where it is, or where it charges nothing."""
        if self._power_kw is None or self._power_kw <= CHARGES_KW:
            return ""
        kept = self._kept
        return self._believed.doubt(self._clock.monotonic(), plugged=kept.plugged, soc_percent=kept.soc_percent)

    def poll(self, delivered_kw: float | None = None) -> None:
        """Read the car's sensors.

        Args:
            delivered_kw: what grid and panels give the house; None where nobody knows [kW].
        """
        if self._reader is None:
            return
        self._believed.compare(delivered_kw, self._clock.monotonic())
        sensors = self.settings.sensors
        self.take(
            CarReading(
                plugged=self._value("plugged", sensors.plugged, switched),
                soc_percent=self._value("soc", sensors.soc, percent),
                power_kw=self._value("power", sensors.power, kilowatts),
            )
        )

    def _value(self, name: str, entity: str | None, parse: Callable[[State | None], Value | None]) -> Value | None:
        """Return the value of a sensor; none, and told, where it has none that a car has."""
        if entity is None or self._reader is None:
            return None
        try:
            value = parse(self._reader.state(entity))
        except DarkstarError as error:
            self._tell(name, error.message)
            return None
        self._tell(name, phrase("{entity} has no value that can be read", entity=entity) if value is None else "")
        return value

    def _tell(self, name: str, problem: str) -> None:
        if problem and problem != self._problems.get(name):
            _log.warning("car, %s: %s", name, problem)
        self._problems[name] = problem

    def take(self, reading: CarReading) -> None:
        """Take a reading: from the sensors, or from whoever posts one."""
        with self._lock:
            now, monotonic = self._clock.now(), self._clock.monotonic()
            before = self._kept
            kept = self._metered(before, monotonic)
            if reading.plugged is not None and reading.plugged != kept.plugged:
                kept = kept.model_copy(update={"plugged": reading.plugged, "charged_kwh": 0.0})
            if reading.soc_percent is not None and reading.soc_percent != kept.soc_percent:
                kept = kept.model_copy(update={"soc_percent": reading.soc_percent, "soc_at": now, "since_soc_kwh": 0.0})
            if reading.power_kw is not None:
                self._power_kw, self._power_at = reading.power_kw, monotonic
                self._believed.see(reading.power_kw, monotonic)
            self._kept = kept
            doubt = self.doubt
            if reading.power_kw is not None and reading.power_kw > CHARGES_KW and not doubt:
                self._charged_at = monotonic
            self._tell("power is not believed", doubt)
            told = (kept.plugged, kept.soc_percent) != (before.plugged, before.soc_percent)
            if told or (kept != self._stored.value and monotonic >= self._next_keep):
                self._next_keep = monotonic + KEEP_SECONDS
                self._stored.keep(kept)

    def _metered(self, kept: _Kept, monotonic: float) -> _Kept:
        """Return what is known with the energy that the charger has drawn since its last reading."""
        if self._power_kw is None or self._power_at is None or self.doubt:
            return kept
        until = min(monotonic, self._power_at + LONGEST_GAP_SECONDS)
        seconds, self._metered_at = max(until - max(self._metered_at, self._power_at), 0.0), until
        drawn = self._power_kw * seconds / timedelta(hours=1).total_seconds()
        if not drawn:
            return kept
        more = {"charged_kwh": kept.charged_kwh + drawn, "since_soc_kwh": kept.since_soc_kwh + drawn}
        return kept.model_copy(update=more)

    @property
    def holds_battery(self) -> bool:
        """True while the car charges and the house battery may not feed it."""
        if self.settings.from_battery or self._charged_at is None or self.doubt:
            return False
        return self._clock.monotonic() - self._charged_at <= HOLD_SECONDS

    def held(self, command: CommandDocument) -> CommandDocument:
        """Return a command that does not discharge while the car charges, planned or not.

        Inside a slot the inverter covers whatever the house draws, the car with it.
        """
        if not (command.automatic and self.holds_battery):
            return command
        if command.import_limit_kw is not None:  # above it the battery would help out
            limit = command.import_limit_kw + self.settings.charger_kw
            command = command.model_copy(update={"import_limit_kw": limit})
        if command.discharge_kw <= 0:
            return command
        power = self._power_kw or 0.0
        if power > CHARGES_KW:
            why = phrase(
                "the car charges with {power}, and the battery may not feed it: it holds until the car is done",
                power=power_words(power),
            )
        else:
            why = phrase("the car charges with pauses, and the battery may not feed it: it holds until the car is done")
        return command.model_copy(
            update={
                "discharge_kw": 0.0,
                "default": False,
                "command": phrase("hold"),
                "sentence": why,
            }
        )

    def components(self) -> list[Component]:
        """Return the state of the car as a component of the service."""
        problems = [
            problem for problem in (*self._problems.values(), self._stored.problem, self.requests.problem) if problem
        ]
        if problems:
            return [Component(name="car", ok=False, note=joined("; ", problems))]
        note = phrase("the car charges: the battery holds") if self.holds_battery else ""
        return [Component(name="car", ok=True, note=note)]
