"""Steers the inverter through Home Assistant: the command in force, written, confirmed, and held by a lease.

Off unless enabled, and dry first. Only what differs is written; a budget of writes a day spares the inverter's memory;
powers may be ramped; every value is read back. Where anything is not as it should be, the inverter is left by itself:
no verified command, a person who took over, a spent budget, a value that does not stay. Each confirmed look at Home
Assistant renews the lease; the watchdog, a process of its own, ends what is no longer renewed.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import service_folder
from darkstar_pipeline.service.home_assistant.client import TOKEN_VARIABLE, HomeAssistantClient, HomeAssistantError
from darkstar_pipeline.service.home_assistant.lease import Call, Lease, boot_id, running_seconds, write_lease
from darkstar_pipeline.service.home_assistant.profiles import Write, command_writes, default_writes, in_unit
from darkstar_pipeline.service.schemas import CommandDocument, Component
from darkstar_pipeline.service.secrets import secret
from darkstar_pipeline.state.atomic_files import atomic_write
from env.time_grid import zone

LOOK_SECONDS = 2.0
CONFIRM_PAUSE_SECONDS = 0.3
STOP_SECONDS = 10.0
BUDGET_FILE = "writes.json"
CLOSE = 0.51
"""Numbers nearer than this share of a step are the same: entities round to their own."""
_log = logging.getLogger(__name__)
State = Mapping[str, Any]


class _Spent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str = ""
    writes: int = 0


@dataclass
class ControlStatus:
    """How control stands.

    Attributes:
        enabled: whether commands reach the inverter at all.
        dry_run: whether nothing is written.
        connected: whether Home Assistant answered last time.
        told: what was written last, or would have been, in words.
        confirmed_at: when all values were last read back as told; None for never.
        writes_today: values written on this local day.
        budget: most of them.
        problem: what is wrong; empty where nothing is.
    """

    enabled: bool
    dry_run: bool
    connected: bool = False
    told: str = ""
    confirmed_at: datetime | None = None
    writes_today: int = 0
    budget: int = 0
    problem: str = ""


@dataclass
class _Ramp:
    """Values on their way."""

    next_step: float = 0.0
    values: dict[str, float] = field(default_factory=dict[str, float])


class Controller:
    """Steers the inverter of a site.

    Args:
        context: the site.
        clock: what time it is.
        supplier: the command in force.

    Raises:
        ConfigurationError: control is enabled, and Home Assistant's address or token is missing.
    """

    def __init__(self, context: Context, clock: Clock, supplier: Callable[[], CommandDocument]) -> None:
        self._context, self._clock, self._supplier = context, clock, supplier
        self.settings = context.site_settings.home_assistant.control
        self._folder = service_folder(context)
        self._client = _client_of(context) if self.settings.enabled else None
        self._spent = _read_spent(self._folder)
        self._ramp = _Ramp()
        self._seen: dict[str, State] = {}
        self._held_off: datetime | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = ControlStatus(
            enabled=self.settings.enabled, dry_run=self.settings.dry_run, budget=self.settings.writes_per_day
        )

    def start(self) -> None:
        """Begin to steer, where that is enabled."""
        if self._client is not None:
            self._thread = threading.Thread(target=self._run, name="control", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Leave the inverter to itself, and steer no more."""
        self._stop.set()
        if self._client is None:
            return
        if self._thread is not None:
            self._thread.join(timeout=STOP_SECONDS)
        if self._watchdog is not None:
            self._hand_back(self._client, self._watchdog)
        self._client.close()

    def _hand_back(self, client: HomeAssistantClient, watchdog: "subprocess.Popen[bytes]") -> None:
        """Restore the default and release the lease; where that cannot be, the watchdog does it."""
        try:
            self._write(client, self._default())
            self._renew(released=True)
        except (HomeAssistantError, OSError) as error:
            _log.warning("the default is left to the watchdog: %s", error)
            return
        try:
            watchdog.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _log.warning("the watchdog does not end")

    def status(self) -> ControlStatus:
        """How control stands."""
        return self._status

    def components(self) -> list[Component]:
        """The same among the parts of the service; nothing where control is off."""
        if not self._status.enabled:
            return []
        note = self._status.problem or ("dry run: " if self._status.dry_run else "") + self._status.told
        return [Component(name="control", ok=not self._status.problem, note=note)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except HomeAssistantError as error:
                self._status.connected, self._status.problem = False, error.message
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the lease ends and the default returns
                self._status.problem = f"{type(error).__name__}: {error}"
                _log.exception("control failed")
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Bring about the command in force, once.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        if self._client is None:
            return
        command, now = self._supplier(), self._clock.now()
        target, problem = self._target(command, now)
        if self.settings.dry_run:
            self._status.told = _told(target)
            self._status.problem, self._status.connected = problem, True
            return
        self._guard(self._client)
        if not self._brought_about(self._client, target):
            self._held_off = command.expires_at
            problem = "the inverter does not take what it is told; it is left by itself until the next slot"
            self._write(self._client, self._default())
        self._renew()
        self._status.connected, self._status.problem = True, problem
        if not problem:
            self._status.confirmed_at = now

    def _target(self, command: CommandDocument, now: datetime) -> tuple[list[Write], str]:
        """What the entities are to be, and what is wrong where that is the default against the plan's will."""
        if not command.automatic:
            return self._default(), ""
        if not command.slot_start <= now < command.expires_at:
            return self._default(), "the command in force has expired"
        if self._held_off is not None and now < self._held_off:
            return (
                self._default(),
                "the inverter did not take what it was told; it is left by itself until the next slot",
            )
        wanted = command_writes(command, self.settings, self._context.site.battery.discharge_kw)
        if self._writes_left() <= len(self._default()) and wanted != self._default():
            return self._default(), "the day's budget of writes is spent; the inverter is left by itself until midnight"
        return wanted, ""

    def _default(self) -> list[Write]:
        return default_writes(self.settings, self._context.site.battery.discharge_kw)

    def _brought_about(self, client: HomeAssistantClient, target: Sequence[Write]) -> bool:
        """Write what differs, twice at most, and see that it stays."""
        step = self._ramped(client, target)
        return any(self._write(client, step) for _ in range(2))

    def _ramped(self, client: HomeAssistantClient, target: Sequence[Write]) -> list[Write]:
        """The target, or the next step on the way to it."""
        most = self.settings.ramp_kw_per_step
        if most is None:
            return list(target)
        reach, seconds, found = in_unit(most, self.settings.mapping), self._clock.monotonic(), list[Write]()
        step_now = seconds >= self._ramp.next_step
        for write in target:
            here = _number(client.state(write.entity)) if isinstance(write.value, float) else None
            if here is None or isinstance(write.value, str) or abs(write.value - here) <= reach:
                found.append(write)
                continue
            toward = here + reach if write.value > here else here - reach
            found.append(Write(write.entity, round(toward if step_now else here, 3)))
        if step_now:
            self._ramp.next_step = seconds + self.settings.ramp_step_seconds
        return found

    def _write(self, client: HomeAssistantClient, writes: Sequence[Write]) -> bool:
        """Write what differs; whether all was read back in time."""
        waiting: list[Write] = []
        for write in writes:
            state = self._look_at(client, write.entity)
            if state is None or not _stands(state, _within(state, write)):
                allowed = write if state is None else _within(state, write)
                client.call(allowed.domain, allowed.service, allowed.data)
                self._count(allowed)
                waiting.append(allowed)
        deadline = self._clock.monotonic() + self.settings.confirm_seconds
        while waiting:
            waiting = [write for write in waiting if not _stands(client.state(write.entity), write)]
            if waiting and (self._clock.monotonic() > deadline or self._stop.wait(CONFIRM_PAUSE_SECONDS)):
                return False
        return True

    def _look_at(self, client: HomeAssistantClient, entity: str) -> State | None:
        """The state of an entity, remembered for what it allows."""
        state = client.state(entity)
        if state is not None:
            self._seen[entity] = state
        return state

    def _count(self, write: Write) -> None:
        """One more write of the day."""
        spent = self._today()
        self._spent = spent.model_copy(update={"writes": spent.writes + 1})
        self._status.writes_today, self._status.told = self._spent.writes, _told([write])
        _log.info("wrote %s", _told([write]))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._folder / BUDGET_FILE) as temporary:
                temporary.write_text(self._spent.model_dump_json(), encoding="utf-8")
        except OSError:
            _log.warning("the count of writes cannot be kept", exc_info=True)

    def _today(self) -> _Spent:
        day = self._clock.now().astimezone(zone(self._context.timezone)).date().isoformat()
        return self._spent if self._spent.day == day else _Spent(day=day)

    def _writes_left(self) -> int:
        return self.settings.writes_per_day - self._today().writes

    def _renew(self, *, released: bool = False) -> None:
        """Home Assistant answered, and all stands as told: what was told may hold a while longer."""
        home = self._context.site_settings.home_assistant
        lease = Lease(
            url=home.url or "",
            token_file=None if home.token_file is None else str(home.token_file),
            restore=[_as_call(self._seen.get(each.entity), each) for each in self._default()],
            boot=boot_id(),
            ends=running_seconds() + self.settings.lease_minutes * 60,
            released=released,
        )
        write_lease(self._folder, lease)

    def _guard(self, client: HomeAssistantClient) -> None:
        """Have a watchdog before anything is written."""
        if self._watchdog is not None and self._watchdog.poll() is None:
            return
        for write in self._default():
            self._look_at(client, write.entity)
        self._renew()
        command = [sys.executable, "-m", "darkstar_pipeline.service.home_assistant.watchdog", str(self._folder)]
        log = (self._folder / "watchdog.log").open("ab")
        with log:
            self._watchdog = subprocess.Popen(  # noqa: S603 - our own words, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=dict(os.environ),
                start_new_session=True,
                cwd=Path.cwd(),
            )


def _client_of(context: Context) -> HomeAssistantClient:
    """Whom to ask.

    Raises:
        ConfigurationError: address or token is missing.
    """
    home = context.site_settings.home_assistant
    token = secret(TOKEN_VARIABLE, home.token_file)
    if home.url is None or token is None:
        missing = "home_assistant.url" if home.url is None else "the token of Home Assistant"
        raise ConfigurationError(
            f"control is enabled, and {missing} is missing",
            f"set home_assistant.url, and {TOKEN_VARIABLE} or home_assistant.token_file",
        )
    return HomeAssistantClient(home.url, token)


def _read_spent(folder: Path) -> _Spent:
    try:
        return _Spent.model_validate_json((folder / BUDGET_FILE).read_bytes())
    except (OSError, ValidationError):
        return _Spent()


def _number(state: State | None) -> float | None:
    """A state as a number; None where it is none."""
    try:
        return None if state is None else float(state["state"])
    except (TypeError, KeyError, ValueError):
        return None


def _as_call(state: State | None, write: Write) -> Call:
    """A write as the service that does it."""
    allowed = write if state is None else _within(state, write)
    return Call(domain=allowed.domain, service=allowed.service, data=allowed.data)


def _within(state: State, write: Write) -> Write:
    """The write as the entity's own `min` and `max` allow it."""
    if isinstance(write.value, str):
        return write
    limits = state.get("attributes", {})
    low, high = float(limits.get("min", float("-inf"))), float(limits.get("max", float("inf")))
    return Write(write.entity, min(max(write.value, low), high))


def _stands(state: State | None, write: Write) -> bool:
    """Whether an entity is as it was told."""
    if state is None:
        return False
    if isinstance(write.value, str):
        return state.get("state") == write.value
    here, step = _number(state), float(state.get("attributes", {}).get("step", 1.0))
    return here is not None and abs(here - write.value) <= CLOSE * step


def _told(writes: Sequence[Write]) -> str:
    """Writes in words."""
    return ", ".join(f"{write.entity} = {write.value}" for write in writes)
