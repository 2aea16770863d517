"""Controls the inverter through Home Assistant: writes the command in force, confirms it, and holds it by a lease.

Off unless enabled, and a dry run at first. Only values that differ are written, powers may be ramped, a daily budget
limits the writes, and every value is read back. The inverter runs its own default whenever something is not as it
should be: no verified command, automatic mode off, a spent budget, a value that does not stay. A lease is renewed only
by values that were read back; the guard, a process of its own, restores the default when the lease expires.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from darkstar_pipeline.config.home_assistant import ControlSettings, HomeAssistantSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.attempts import ATTEMPTS
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.dead_man import DeadManTimer
from darkstar_pipeline.service.control.execution import Execution
from darkstar_pipeline.service.control.guard_process import GuardProcess
from darkstar_pipeline.service.control.hands_off import HandsOff
from darkstar_pipeline.service.control.lease_keeper import Guards, LeaseKeeper, Reach
from darkstar_pipeline.service.control.live_caps import LiveCaps
from darkstar_pipeline.service.control.own_floor import FollowedInverter
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.entity_values import State, in_words
from darkstar_pipeline.service.home_assistant.entity_writer import EntityClient, EntityWriter, Ramp
from darkstar_pipeline.service.home_assistant.lease import uptime_seconds
from darkstar_pipeline.service.home_assistant.profiles import Write, in_unit
from darkstar_pipeline.service.home_assistant.translation import MappedInverter, Translator, translator_of
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument
from darkstar_pipeline.state.secrets import secret
from planner.fault_isolation import MISTAKES
from planner.wording.messages import joined, phrase

POLL_SECONDS = 2.0
STOP_SECONDS = 10.0
STUCK_SECONDS = 60.0
"""Time beyond the longest step after which control that has completed none is stuck [s]."""
STOPPING = phrase("control stops")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ControlledHome:
    """A site as control sees it.

    Attributes:
        settings: its Home Assistant.
        discharge_kw: the battery's largest discharge power [kW].
        curtailable: whether surplus may be curtailed.
        timezone: its time zone.
        folder: state folder of its service.
        ca_file: certificate authority that is trusted beside the system's; None for none.
        caps: caps of charging inside a slot; None for none.
        live: returns a state that comes live, None where it does not; what control only reads is asked for there first.
    """

    settings: HomeAssistantSettings
    discharge_kw: float
    timezone: str
    folder: Path
    ca_file: Path | None = None
    curtailable: bool = False
    caps: LiveCaps | None = None
    live: Callable[[str], State | None] = lambda _: None


@dataclass
class ControlStatus:
    """The state of control.

    Attributes:
        enabled: whether control is enabled.
        dry_run: whether writes are only logged.
        connected: whether Home Assistant answered last time.
        last_writes: the last writes, or those that a dry run would have done, as text.
        confirmed_at: when all values were last read back as commanded; None for never.
        writes_today: values written on this local day.
        budget: most values that are written on a local day.
        problem: what is wrong; empty where nothing is.
        notes: what the inverter cannot express of what was asked; empty where nothing is.
        commanded: whether the command stands, rather than the default in its place.
    """

    enabled: bool
    dry_run: bool
    connected: bool = False
    last_writes: str = ""
    confirmed_at: datetime | None = None
    writes_today: int = 0
    budget: int = 0
    problem: str = ""
    notes: str = ""
    commanded: bool = False


class Controller:
    """Controls the inverter of a site.

    Args:
        home: the site.
        clock: the service's clock.
        command: returns the command in force.
        client: Home Assistant; None for the one of the settings.
        wait: waits for so many seconds, returns True where the controller stops; None to wait for real.
        guards: has a live guard stand on the site's folder; None for one that the service starts where none runs.
        uptime: uptime of the machine, by which the lease goes [s].

    Raises:
        ConfigurationError: control is enabled, and Home Assistant's address or token is missing, or what the inverter's
            profile needs.
    """

    def __init__(
        self,
        home: ControlledHome,
        clock: Clock,
        command: Callable[[], CommandDocument],
        *,
        client: EntityClient | None = None,
        wait: Callable[[float], bool] | None = None,
        guards: Guards | None = None,
        uptime: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._caps, self.hands_off = home.caps, HandsOff(home.settings.control.hands_off, home.timezone)
        self.settings = home.settings.control
        self._home, self._clock, self._command = home, clock, command
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._handing_back = False
        self._completed: float | None = None
        self._daily_writes = DailyWrites(
            home.folder, clock.now, timezone=home.timezone, budget=self.settings.writes_per_day
        )
        self._status = ControlStatus(
            enabled=self.settings.enabled,
            dry_run=self.settings.dry_run,
            writes_today=self._daily_writes.count(),
            budget=self.settings.writes_per_day,
        )
        self._client = (client or connect(home.settings, home.ca_file)) if self.settings.enabled else None
        plain, self._unusable = _translator(home)
        self._floors = translator = FollowedInverter(plain, home.folder)
        self._confirm_seconds = translator.settles_seconds
        self._execution = Execution(
            self.settings,
            translator,
            ramp=_ramp(self.settings, clock),
            written=self._daily_writes.count,
            monotonic=clock.monotonic,
            guard=self._guard,
            holds=lambda: self._keeper.held,
        )
        longest_step = (ATTEMPTS + 1) * self._confirm_seconds
        self._stuck_seconds = 2 * longest_step + STUCK_SECONDS  # what ends a mode is read back before the rest
        self._keeper = LeaseKeeper(
            home.folder,
            Reach(url=home.settings.url or "", token_file=home.settings.token_file, ca_file=home.ca_file),
            lease_seconds=self.settings.lease_minutes * 60,
            margin_seconds=longest_step + POLL_SECONDS,
            guards=guards or GuardProcess(home.folder),
            uptime=uptime,
        )
        self._writer = None if self._client is None else self._made_writer(self._client, wait or self._pause)
        timer = None if self.settings.dry_run else self.settings.dead_man_timer
        self._dead_man = None if self._client is None else DeadManTimer(self._client, timer, uptime)

    def _made_writer(self, client: EntityClient, wait: Callable[[float], bool]) -> EntityWriter:
        return EntityWriter(
            client,
            confirm_seconds=self._confirm_seconds,
            monotonic=self._clock.monotonic,
            wait=wait,
            on_write=self._written,
        )

    def start(self) -> None:
        """Start controlling in a thread of its own, where control is enabled."""
        if self._client is not None:
            if untested := unconfirmed(self.settings):
                _log.warning("%s", untested)
            self._completed = self._clock.monotonic()
            self._thread = threading.Thread(target=self._run, name="control", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop controlling, and restore the inverter's default; where a step hangs, that is left to the guard."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=STOP_SECONDS)
        if self._keeper.held and self._writer is not None:
            hangs = self._thread is not None and self._thread.is_alive()
            problem = "control hangs" if hangs else self._handed_back(self._writer)
            if problem:
                _log.warning("restoring the default is left to the guard: %s", problem)
                self._leave_to_guard()
        if self._client is not None:
            self._client.close()

    def _handed_back(self, writer: EntityWriter) -> str:
        """Restore the default and release the lease once it stands; return why it does not, empty where it does."""
        self._handing_back = True
        try:
            outcome = self._execution.restore(writer, "", at_the_end=True)
            if not outcome.confirmed:
                return outcome.problem
            self._release(writer)
        except (HomeAssistantError, OSError) as error:
            return str(error)
        return ""

    def _rehearse(self, writer: EntityWriter, command: CommandDocument, now: datetime) -> None:
        """Look at what would be written, and say whether the entities would take it; write nothing."""
        rehearsal = self._execution.rehearse(writer, command, now)
        self._status.last_writes, self._status.connected = in_words(rehearsal.target), True
        self._status.problem, self._status.notes = rehearsal.problem, joined("; ", rehearsal.notes)

    def _hold(self, writer: EntityWriter, *, over: bool) -> None:
        """Renew the lease, or release it where nothing of ours runs and nothing will before midnight."""
        if over:
            self._release(writer)
        else:
            self._keeper.renew(writer.calls(self._execution.default()))
            self._follow()

    def _release(self, writer: EntityWriter) -> None:
        """Release the lease, once the default stands."""
        if self._dead_man is not None:
            self._dead_man.cancel()
        if not self._keeper.release(writer.calls(self._execution.default()), STOP_SECONDS):
            _log.warning("the guard does not end")

    def _leave_to_guard(self) -> None:
        """End the lease now, so that the guard need not wait for its end."""
        try:
            self._keeper.give_up()
        except OSError as error:
            _log.warning("the lease runs out by itself: %s", error)

    def _pause(self, seconds: float) -> bool:
        """Wait; return whether the controller stops, which ends everything but handing back."""
        if not self._handing_back:
            return self._stop.wait(seconds)
        time.sleep(seconds)
        return False

    def status(self) -> ControlStatus:
        """Return the state of control."""
        return self._status

    def components(self) -> list[Component]:
        """Return the state of control as a component of the service; empty where it is off and nothing is amiss."""
        if not self._status.enabled:
            return [Component(name="control", ok=True, note=self._unusable)] if self._unusable else []
        status, quiet = self._status, self._quiet_seconds()
        problem = status.problem
        if self.stuck:
            problem = f"control has not looked at the inverter for {quiet:.0f} s"
        note = problem or ("dry run: " if status.dry_run else "") + status.last_writes
        notes = joined("; ", [part for part in (note, status.notes, unconfirmed(self.settings)) if part])
        timer = [] if self._dead_man is None else self._dead_man.components()
        return [Component(name="control", ok=not problem, note=notes, age_seconds=round(quiet, 1)), *timer]

    def _quiet_seconds(self) -> float:
        """Return the time since the last completed step, whatever came of it [s]."""
        return 0.0 if self._completed is None else max(self._clock.monotonic() - self._completed, 0.0)

    @property
    def stuck(self) -> bool:
        """Return whether control has not completed a step for longer than a step can last."""
        return self._quiet_seconds() > self._stuck_seconds

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except HomeAssistantError as error:
                self._status.connected, self._status.problem = False, error.message
            except MISTAKES as error:  # whatever fails, the lease expires and the default returns
                self._status.problem = f"{type(error).__name__}: {error}"
                _log.exception("control failed")
            self._completed = self._clock.monotonic()
            self._stop.wait(POLL_SECONDS)

    def step(self) -> None:
        """Carry out the command in force, once.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        if self._writer is None:
            return
        command, now = self._adjusted(self._command(), self._writer), self._clock.now()
        if self.settings.dry_run:
            self._rehearse(self._writer, command, now)
            return
        outcome = self._execution.step(self._writer, command, now, hands_off=self.hands_off.until(now) is not None)
        if outcome.confirmed and self._keeper.held:
            self._hold(self._writer, over=outcome.over)
        self._status.connected, self._status.writes_today = True, self._daily_writes.count()
        self._status.problem = outcome.problem or self.hands_off.problem
        notes = (*outcome.notes, "" if self._caps is None else self._caps.note, self._floors.note())
        self._status.notes = joined("; ", [note for note in notes if note])
        self._status.commanded = outcome.commanded
        if outcome.confirmed and not outcome.problem:
            self._status.confirmed_at = now

    def _adjusted(self, command: CommandDocument, writer: EntityWriter) -> CommandDocument:
        """Return the command with what the live readings cap of it; see whether others have the battery now."""

        def read(entity: str) -> State | None:
            live = self._home.live(entity)
            return writer.read(entity) if live is None else live

        self.hands_off.look(read)
        return command if self._caps is None else self._caps.limited(command, self._clock.now(), read)

    def _guard(self, writer: EntityWriter) -> str:
        """Return why no live guard watches what is written now; a new lease needs the limits of the entities."""
        if self._stop.is_set() and not self._handing_back:
            return STOPPING
        default = self._execution.default()
        if not self._keeper.held:
            for write in default:
                writer.read(write.entity)
        unguarded = self._keeper.guard(writer.calls(default))
        if not unguarded:
            self._follow()
        return unguarded

    def _follow(self) -> None:
        """Have the dead man's switch in Home Assistant end with the lease."""
        if self._dead_man is not None:
            self._dead_man.follow(self._keeper.lease)

    def _written(self, write: Write) -> None:
        """Count a value that was written."""
        self._daily_writes.add()
        self._status.writes_today, self._status.last_writes = self._daily_writes.count(), in_words([write])
        _log.info("wrote %s", in_words([write]))


def unconfirmed(settings: ControlSettings) -> str:
    """Return that an inverter's profile is not known to work on the home's own inverter; empty where it is."""
    if settings.profile != "inverter" or settings.inverter.confirmed:
        return ""
    untested = f"the profile {settings.inverter.family} is untested on hardware until you confirm it"
    return f"{untested}: watch it at work, then set home_assistant.control.inverter.confirmed"


def _translator(home: ControlledHome) -> tuple[Translator, str]:
    """Return what translates commands, and why control could not be turned on; empty where it could, or is on.

    Raises:
        ConfigurationError: control is enabled, and what the inverter's profile needs is missing.
    """
    control = home.settings.control
    try:
        return translator_of(control, home.discharge_kw, throttles=home.curtailable), ""
    except ConfigurationError as error:
        if control.enabled:
            raise
        why = f"control is off, and cannot be turned on: {error.message}; {error.hint}"
        _log.warning("%s", why)
        return MappedInverter(control, home.discharge_kw), why


def _ramp(settings: ControlSettings, clock: Clock) -> Ramp:
    step = None if settings.ramp_kw_per_step is None else in_unit(settings.ramp_kw_per_step, settings.mapping)
    return Ramp(step, settings.ramp_step_seconds, clock.monotonic)


def connect(settings: HomeAssistantSettings, ca_file: Path | None = None) -> HomeAssistantClient:
    """Return a client of the Home Assistant in the settings.

    Raises:
        ConfigurationError: its address or token is missing, or the certificate authority cannot be read.
    """
    token = secret(TOKEN_VARIABLE, settings.token_file)
    if settings.url is None or token is None:
        missing = "home_assistant.url" if settings.url is None else "the token of Home Assistant"
        raise ConfigurationError(
            f"control is enabled, and {missing} is missing",
            f"set home_assistant.url, and {TOKEN_VARIABLE} or home_assistant.token_file",
        )
    return HomeAssistantClient(settings.url, token, ca_file=ca_file)
