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
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.controller import POLL_SECONDS, ControlledHome, Controller
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.default_pace import DefaultPace
from darkstar_pipeline.service.control.guard import LONGEST_PAUSE_SECONDS
from darkstar_pipeline.service.control.restoration import Home, Restoration
from darkstar_pipeline.service.home_assistant.lease import Lease, read_lease, write_lease
from darkstar_pipeline.service.schemas.plans import CommandDocument
from env.time_grid import SLOT, slot_of, zone

ZONE = "Europe/Stockholm"
BEGIN = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)
"""A local midnight; the first day has 25 hours."""
FAULT_SECONDS = 120.0
GUARD_SLACK_SECONDS = 30.0
"""A guard that sees an expired lease restores within this time, wherever the inverter takes it [s]."""
LONGEST_FAULT_SECONDS = 600.0
DISCHARGE_KW = 8.0
DEFAULT = {CHARGE: 0.0, DISCHARGE: 8000.0}
_COMMANDS = ((2.5, 0.0), (5.03, 0.0), (0.0, 8.0), (0.0, 0.0), (0.0, 3.2), (0.07, 0.0))


@dataclass
class SimulatedClock(Clock):
    """A clock that goes only when it is told to."""

    seconds: float = 1000.0
    begin: datetime = BEGIN

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self.begin + timedelta(seconds=self.seconds - 1000.0)

    def monotonic(self) -> float:
        """Return the simulated seconds."""
        return self.seconds


class SimulatedGuard:
    """A guard process: what restores the default is the real guard's, clock and inverter are simulated.

    Args:
        folder: of the lease file.
        inverter: the inverter.
        clock: the simulated time.
    """

    def __init__(self, folder: Path, inverter: Home, clock: SimulatedClock) -> None:
        self._folder, self._inverter, self._clock = folder, inverter, clock
        self._restoration = self._started()
        self.writing = self.running = False
        self._next = 0.0

    def _started(self) -> Restoration:
        """Return what a guard that has just been started knows: what the files say."""
        writes, pace = DailyWrites(self._folder, self._clock.now), DefaultPace(self._folder, self._clock.monotonic)
        return Restoration(writes, pace, wait=self._wait)

    def _wait(self, seconds: float) -> None:
        self._clock.seconds += seconds

    def ensure(self) -> bool:
        """Start it where it has ended; return that it lives."""
        if not self.running:
            self._restoration, self.running = self._started(), True
        return True

    def dismiss(self, timeout: float) -> bool:
        """Return that it has ended with its lease."""
        del timeout
        self.running = False
        return True

    def tick(self) -> None:
        """Look at the lease, and at the default where it has expired."""
        lease = read_lease(self._folder) if self.running else None
        if lease is None:
            return
        if lease.released or self._clock.seconds < lease.ends:
            self._restoration.forget()
            self.running = not lease.released
        elif self._clock.seconds >= self._next:
            self._next = self._clock.seconds + LONGEST_PAUSE_SECONDS
            self._restore(lease)

    def _restore(self, lease: Lease) -> None:
        self.writing = True
        try:
            problems = self._restoration.step(self._inverter, lease.restore, goes_on=lambda: True)
        finally:
            self.writing = False
        if not problems:
            write_lease(self._folder, lease.model_copy(update={"released": True}))
            self.running = False


@dataclass
class DayCounts:
    """Counts of what happened in the simulated time.

    Attributes:
        writes: values that were written, by local day: by control and guard together.
        guard_writes: those of them that the guard wrote.
        outlived_seconds: longest time that a command stood after its lease, while the inverter took writes [s].
        renewed_unconfirmed: renewals of the lease by steps that neither read back command or default nor wrote.
        faults: how often each fault was put in.
        problems: what control said, and how often.
        commanded_seconds: time that commands stood [s].
    """

    writes: Counter[str] = field(default_factory=Counter[str])
    guard_writes: Counter[str] = field(default_factory=Counter[str])
    outlived_seconds: float = 0.0
    renewed_unconfirmed: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])
    commanded_seconds: float = 0.0

    def worst_day(self) -> str:
        """Return the local day with the most writes; empty where nothing was written."""
        return max(self.writes, key=lambda day: self.writes[day], default="")


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
        day = self.clock.now().astimezone(zone(ZONE)).date().isoformat()
        self.counts.writes[day] += 1
        self.counts.guard_writes[day] += int(self.guard.writing)
