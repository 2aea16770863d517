"""Days of control in simulated time, with faults drawn at random: is a command ever left, is the budget ever exceeded?

Controller, lease file and rules are the real ones; clock, inverter and guard process are simulated.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.fault_injection.faulty_inverter import (
    CHARGE,
    DISCHARGE,
    INVERTER_FAULTS,
    FaultyInverter,
    InverterFault,
)
from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.controller import POLL_SECONDS, ControlledHome, Controller
from darkstar_pipeline.service.home_assistant.client import HomeAssistantError
from darkstar_pipeline.service.home_assistant.lease import Lease, read_lease, write_lease
from darkstar_pipeline.service.schemas.plans import CommandDocument
from env.time_grid import SLOT, slot_of, zone

ZONE = "Europe/Stockholm"
BEGIN = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)
"""A local midnight; the first day has 25 hours."""
FAULT_SECONDS = 120.0
GUARD_SLACK_SECONDS = 30.0
"""A guard that sees an expired lease restores within this time, wherever the inverter takes it [s]."""
GUARD_PAUSE_SECONDS = 10.0
LONGEST_FAULT_SECONDS = 600.0
DISCHARGE_KW = 8.0
DEFAULT = {CHARGE: 0.0, DISCHARGE: 8000.0}
_COMMANDS = ((2.5, 0.0), (5.03, 0.0), (0.0, 8.0), (0.0, 0.0), (0.0, 3.2), (0.07, 0.0))


@dataclass
class SimulatedClock(Clock):
    """A clock that goes only when it is told to."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        """Return the simulated moment."""
        return BEGIN + timedelta(seconds=self.seconds - 1000.0)

    def monotonic(self) -> float:
        """Return the simulated seconds."""
        return self.seconds


@dataclass
class SimulatedGuard:
    """A guard process: restores the default when the lease expires, and looks before it says so."""

    folder: Path
    inverter: FaultyInverter
    clock: SimulatedClock
    writes: int = 0
    writing: bool = False
    running: bool = False
    _next: float = 0.0

    def ensure(self) -> bool:
        """Start it where it has ended; return that it lives."""
        self.running = True
        return True

    def dismiss(self, timeout: float) -> bool:
        """Return that it has ended with its lease."""
        del timeout
        self.running = False
        return True

    def tick(self) -> None:
        """Look at the lease, and restore the default where it has expired."""
        lease = read_lease(self.folder) if self.running else None
        if lease is None:
            return
        if lease.released:
            self.running = False
        elif self.clock.seconds >= max(lease.ends, self._next):
            self._next = self.clock.seconds + GUARD_PAUSE_SECONDS
            self._restore(lease)

    def _restore(self, lease: Lease) -> None:
        self.writing = True
        try:
            for call in lease.restore:
                self.inverter.call(call.domain, call.service, call.data)
        except HomeAssistantError:
            return
        finally:
            self.writing = False
        if self.inverter.values == DEFAULT:
            write_lease(self.folder, lease.model_copy(update={"released": True}))
            self.running = False


@dataclass
class DayCounts:
    """Counts of what happened in the simulated time.

    Attributes:
        writes: values that control wrote, by local day.
        guard_writes: values that the guard wrote.
        outlived_seconds: longest time that a command stood after its lease, while the inverter took writes [s].
        renewed_unconfirmed: renewals of the lease by steps that neither read back command or default nor wrote.
        faults: how often each fault was put in.
        problems: what control said, and how often.
        commanded_seconds: time that commands stood [s].
    """

    writes: Counter[str] = field(default_factory=Counter[str])
    guard_writes: int = 0
    outlived_seconds: float = 0.0
    renewed_unconfirmed: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])
    commanded_seconds: float = 0.0


class AcceleratedHome:
    """A home under control in simulated time.

    Args:
        folder: state folder of the service.
        seed: of the faults and commands.
        faults: faults to draw from.
        budget: `writes_per_day`.

    Attributes:
        draws: whether faults are drawn; False: the inverter's fault is set by hand.
    """

    def __init__(
        self, folder: Path, *, seed: int, faults: Sequence[InverterFault] = INVERTER_FAULTS, budget: int = 96
    ) -> None:
        self.clock, self.random = SimulatedClock(), random.Random(seed)  # noqa: S311 - no secret
        self.counts, self._faults, self.draws = DayCounts(), faults, True
        self.inverter = FaultyInverter(seconds=self.clock.monotonic, written=self._written)
        self.guard = SimulatedGuard(folder, self.inverter, self.clock)
        folder.mkdir(parents=True, exist_ok=True)
        control = ControlSettings(
            enabled=True,
            dry_run=False,
            writes_per_day=budget,
            mapping=ControlMapping(charge=CHARGE, discharge=DISCHARGE),
        )
        self._home = ControlledHome(
            settings=HomeAssistantSettings(url="http://127.0.0.1:9", control=control),
            discharge_kw=DISCHARGE_KW,
            timezone=ZONE,
            folder=folder,
        )
        self.controller = self._controller()
        self._commands: dict[datetime, tuple[float, float]] = {}
        self._automatic, self._hangs_until, self._fault_until, self._next_fault = True, 0.0, 0.0, 0.0
        self._stray_since: float | None = None

    def run(self, hours: float) -> DayCounts:
        """Let so many hours go by; return what happened in all."""
        end = self.clock.seconds + hours * 3600
        while self.clock.seconds < end:
            if self.draws:
                self._draw_fault()
            if self.clock.seconds >= self._hangs_until:
                self._step()
            self._go(POLL_SECONDS)
        return self.counts

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

    def _step(self) -> None:
        before, n_writes = read_lease(self._home.folder), self.counts.writes.total()
        confirmed = True
        try:
            self.controller.step()
        except HomeAssistantError as error:
            self.counts.problems[error.message] += 1
            confirmed = False
        status, after = self.controller.status(), read_lease(self._home.folder)
        self.counts.problems[status.problem] += 1
        confirmed = confirmed and "neither" not in status.problem and "lease" not in status.problem
        if status.commanded and confirmed:
            self.counts.commanded_seconds += POLL_SECONDS
        confirmed = confirmed or self.counts.writes.total() > n_writes  # a lease is taken before the first write
        renewed = before is not None and after is not None and not before.released and after.ends > before.ends
        self.counts.renewed_unconfirmed += int(renewed and not confirmed)

    def _draw_fault(self) -> None:
        """End a fault that is over, and put the next in every two minutes."""
        if self.clock.seconds >= self._fault_until:
            self.inverter.fault, self._automatic = None, True
        if self.clock.seconds < self._next_fault:
            return
        self._next_fault = self.clock.seconds + FAULT_SECONDS
        self._fault_until = self.clock.seconds + self.random.choice((20.0, 100.0, LONGEST_FAULT_SECONDS))
        names = (*self._faults, "service hangs", "service killed", "somebody else writes", "automatic off")
        name = self.random.choice(names)
        self.counts.faults[name] += 1
        if name == "service hangs":
            self._hangs_until = self._fault_until
        elif name == "service killed":
            self._hangs_until, self.controller = self.clock.seconds + self.random.uniform(5, 600), self._controller()
        elif name == "somebody else writes":
            self.inverter.values[self.random.choice((CHARGE, DISCHARGE))] = self.random.uniform(0, 9000)
        elif name == "automatic off":
            self._automatic = False
        else:
            self.inverter.fault = next(each for each in INVERTER_FAULTS if each == name)

    def _command(self) -> CommandDocument:
        start = slot_of(self.clock.now())
        charge, discharge = self._commands.setdefault(start, self.random.choice(_COMMANDS))
        return CommandDocument(
            plan_id="p",
            rung="value",
            why="",
            automatic=self._automatic,
            overridden=False,
            slot_start=start,
            expires_at=start + SLOT,
            charge_kw=charge,
            discharge_kw=discharge,
            export_kw=0.0,
            command="",
            sentence="",
            default=not self._automatic,
        )

    def _wait(self, seconds: float) -> bool:
        self._go(seconds)
        return False

    def _go(self, seconds: float) -> None:
        """Let time go by, with the guard at work."""
        self.clock.seconds += seconds
        self.guard.tick()
        self._watch()

    def _watch(self) -> None:
        """Measure for how long a command has outlived its lease while the inverter would take the default."""
        lease = read_lease(self._home.folder)
        led = self.inverter.values != DEFAULT and lease is not None and not lease.released
        if not led or lease is None or self.inverter.fault is not None or self.clock.seconds < lease.ends:
            self._stray_since = None
            return
        if self._stray_since is None:
            self._stray_since = self.clock.seconds
        self.counts.outlived_seconds = max(self.counts.outlived_seconds, self.clock.seconds - self._stray_since)

    def _written(self, entity: str, value: float) -> None:
        del entity, value
        if self.guard.writing:
            self.counts.guard_writes += 1
        else:
            self.counts.writes[self.clock.now().astimezone(zone(ZONE)).date().isoformat()] += 1
