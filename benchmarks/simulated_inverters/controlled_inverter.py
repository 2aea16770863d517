"""A simulated inverter under control, in simulated time: controller, lease and the guard's rules are the real ones."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.fault_injection.accelerated_days import SimulatedClock, SimulatedGuard
from benchmarks.simulated_inverters.simulated_inverter import BATTERY_KW, Description, SimulatedInverter
from darkstar_pipeline.config.home_assistant import ControlSettings, HomeAssistantSettings
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.inverters.catalogue import built_in
from darkstar_pipeline.inverters.matching import find_inverter
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.schemas.plans import CommandDocument
from env.time_grid import SLOT, slot_of

ZONE = "Europe/Stockholm"
STEP_SECONDS = 10.0
"""Control looks every two seconds; here more rarely, which changes nothing but the time that a scenario takes [s]."""


@dataclass(frozen=True)
class Powers:
    """A command's powers [kW], and whether surplus is to be curtailed."""

    charge: float = 0.0
    discharge: float = 0.0
    export: float = 0.0
    throttled: bool = False


DEFAULT = Powers(discharge=BATTERY_KW)


@dataclass
class ControlledInverter:
    """An inverter of a family, found in its own registry as `darkstar init` finds it, and controlled.

    Attributes:
        folder: state folder of the service.
        description: of the family.
        budget: `writes_per_day`.
        told: everything that control said.
    """

    folder: Path
    description: Description
    budget: int = 96
    powers: Powers = DEFAULT
    alive: bool = True
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    told: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        """Find the inverter and take control of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.inverter = SimulatedInverter(self.description, self.clock.monotonic)
        match = find_inverter(list(built_in().values()), self.inverter.registry(), self.inverter.states())
        if match is None or match.missing:
            message = f"no profile fits: {match}"
            raise LookupError(message)
        self._profile, self._entities = match.profile, match.entities
        control = ControlSettings.model_validate(
            {
                "enabled": True,
                "dry_run": False,
                "profile": "inverter",
                "inverter": {**match.settings, "rated_kw": self.description.rated_kw},
                "writes_per_day": self.budget,
            }
        )
        self._home = ControlledHome(
            settings=HomeAssistantSettings(url="http://127.0.0.1:9", control=control),
            discharge_kw=BATTERY_KW,
            curtailable=True,
            timezone=ZONE,
            folder=self.folder,
        )
        self.guard = SimulatedGuard(self.folder, self.inverter, self.clock)
        self.controller = self._controller()
        self.start = dict(self.inverter.values)

    def _controller(self) -> Controller:
        return Controller(
            self._home,
            self.clock,
            self._command,
            client=self.inverter,
            wait=self._wait,
            guards=self.guard,
            uptime=self.clock.monotonic,
        )

    def restart(self) -> None:
        """Start the service again after it was killed."""
        self.controller, self.alive = self._controller(), True

    def run(self, minutes: float) -> None:
        """Let so many minutes go by."""
        end = self.clock.seconds + 60 * minutes
        while self.clock.seconds < end:
            if self.alive:
                self._step()
            self._wait(STEP_SECONDS)

    def says(self, *words: str) -> bool:
        """Return whether control has said some words, in one sentence."""
        return any(all(word in text for word in words) for text in self.told)

    def settings_unlike_before(self) -> list[str]:
        """Return the entities that a person would find changed, but for powers that mean nothing by themselves."""
        parked = {self._entities[role] for role in self._profile.parked if role in self._entities}
        return [
            name for name, value in self.start.items() if self.inverter.values[name] != value and name not in parked
        ]

    def entity_to_take_over(self) -> tuple[str, float | str]:
        """Return an entity of the running command that is not at its start, and its value there."""
        changed = [name for name in self._entities.values() if self.inverter.values[name] != self.start[name]]
        shown = [name for name in changed if self.description.entities[name].shows_always is None]
        settable = [name for name in shown if not name.startswith("sensor.")]
        return (settable or shown)[-1], self.start[(settable or shown)[-1]]

    def _step(self) -> None:
        try:
            self.controller.step()
        except HomeAssistantError as error:
            self._tell(error.message)
        status = self.controller.status()
        self._tell(status.problem)
        self._tell(status.notes)

    def _tell(self, text: str) -> None:
        if text and text not in self.told:
            self.told.append(text)

    def _wait(self, seconds: float) -> bool:
        self.clock.seconds += seconds
        self.guard.tick()
        return False

    def _command(self) -> CommandDocument:
        return command_of(self.powers, self.clock.now())


def command_of(powers: Powers, now: datetime) -> CommandDocument:
    """Return a verified command of the slot of a moment."""
    start = slot_of(now)
    plain: dict[str, Any] = {"plan_id": "p", "rung": "value", "why": "", "command": "", "sentence": ""}
    return CommandDocument(
        **plain,
        automatic=True,
        overridden=False,
        slot_start=start,
        expires_at=start + SLOT,
        charge_kw=powers.charge,
        discharge_kw=powers.discharge,
        export_kw=powers.export,
        default=powers in (DEFAULT, Powers(discharge=BATTERY_KW, throttled=True)),
        throttled=powers.throttled,
    )
