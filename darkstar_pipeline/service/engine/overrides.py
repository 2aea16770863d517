"""Manual overrides: automatic mode on or off, and commands that replace the plan for a time.

Stored in one small file, replaced atomically. If it cannot be written, overrides still hold until the service ends.
"""

import secrets
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.errors import ConfigurationError, DarkstarError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.service.schemas.overrides import RESERVE, Mode, Override, OverrideRequest
from darkstar_pipeline.state.atomic_files import atomic_write, file_identity
from darkstar_pipeline.state.file_lock import hold_lock
from planner.artifacts.atomic_files import make_folder
from planner.byhand.commands import BATTERY_MODES, HandBlock
from planner.wording.messages import phrase

OVERRIDES_FILE = "wishes.json"  # in the service's folder; the name of version 0.1
FURTHEST = timedelta(days=31)
MAX_OVERRIDES = 50
_MOMENT = phrase("give a moment in the future, within {days} days", days=FURTHEST.days)


class OverrideError(DarkstarError):
    """An override that cannot be accepted: its end has passed, or is too far ahead."""

    code = "wrong_moment"


class OverlapError(DarkstarError):
    """A block that asks for something else at the time of another one."""

    code = "overlap"


def asked_reserves(overrides: Sequence[Override]) -> list[TimedReserve]:
    """Return the reserves for outages that people ask for."""
    return [
        TimedReserve(percent=each.reserve_percent, cause=phrase("asked for by hand"), until=each.until)
        for each in overrides
        if each.mode == RESERVE and each.reserve_percent is not None
    ]


def asked_blocks(overrides: Sequence[Override]) -> list[HandBlock]:
    """Return the blocks that set the battery's command, the first wins."""
    return [
        HandBlock(
            mode=each.mode,
            start=each.begins,
            end=each.until,
            power_kw=each.power_kw,
            target_percent=each.target_percent,
        )
        for each in overrides
        if each.mode not in ("vacation", "reserve")
    ]


def check_end(until: datetime, now: datetime) -> None:
    """Refuse an end that has passed, or that lies more than a month ahead.

    Raises:
        OverrideError: it does.
    """
    check_not_ended(until, now)
    if until > now + FURTHEST:
        message = phrase("until {until} is more than {days} days ahead", until=until.isoformat(), days=FURTHEST.days)
        raise OverrideError(message, _MOMENT)


def check_not_ended(until: datetime, now: datetime) -> None:
    """Refuse an end that has passed.

    Raises:
        OverrideError: it has.
    """
    if until <= now:
        message = phrase("until {until} has passed; it is {now}", until=until.isoformat(), now=now.isoformat())
        raise OverrideError(message, _MOMENT)


def overlapping(overrides: Sequence[Override], mode: Mode, start: datetime, until: datetime) -> list[Override]:
    """Return the overrides that ask the same battery or load for something else at the same time."""
    alike = BATTERY_MODES if mode in BATTERY_MODES else (mode,)
    return [each for each in overrides if each.mode in alike and each.begins < until and start < each.until]


def overlap_error(found: Sequence[Override]) -> OverlapError:
    """Return the error that names the blocks that are in the way."""
    names = ", ".join(
        f"{each.mode} {each.id} ({each.begins.isoformat()} to {each.until.isoformat()})" for each in found
    )
    hint = phrase("remove these, choose another time, or say that it replaces them")
    return OverlapError(phrase("it overlaps {names}", names=names), hint)


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: bool = True
    overrides: tuple[Override, ...] = Field(default=())


class OverrideStore:
    """The overrides of a site; thread-safe. Another process (the command line) may change the file, too.

    Args:
        path: file in which they are stored.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        self.storage_problem = ""
        self.changes = 0
        self._identity = file_identity(path)
        self._value = self._read()

    @property
    def _kept(self) -> _Kept:
        """The overrides and the mode that are kept, read anew where another process has replaced the file."""
        with self._lock:
            identity = file_identity(self.path)
            if identity != self._identity:
                self._identity, self._value = identity, self._read()
                self.changes += 1
            return self._value

    @property
    def automatic(self) -> bool:
        """Return whether automatic mode is on."""
        return self._kept.automatic

    def active(self, now: datetime) -> list[Override]:
        """Return the overrides that have not ended, those to come included, the latest first."""
        return [override for override in self._kept.overrides if override.until > now]

    def add(self, request: OverrideRequest, now: datetime) -> Override:
        """Add an override that begins at once; it takes precedence over those before it.

        Raises:
            OverrideError: its end has passed, or lies more than a month ahead; or there are too many.
        """
        check_end(request.until, now)
        until = request.until.astimezone(UTC)
        override = Override(
            id=secrets.token_hex(4), since=now, **request.model_copy(update={"until": until}).model_dump()
        )
        with self._exclusive():
            others = [other for other in self.active(now) if other.start is not None or other.mode != request.mode]
            self._add(override, others)
        return override

    def add_block(self, block: Override, now: datetime, replaces: Collection[str] = ()) -> None:
        """Add a block with a begin of its own.

        Args:
            block: the block.
            now: the moment.
            replaces: ids of those whose place it takes.

        Raises:
            OverlapError: it overlaps others than these.
            OverrideError: there are too many.
        """
        with self._exclusive():
            active = self.active(now)
            found = overlapping(active, block.mode, block.begins, block.until)
            if others := [each for each in found if each.id not in replaces]:
                raise overlap_error(others)
            names = {each.id for each in found}
            others = [each for each in active if each.id not in names]
            self._add(block, others)

    def _add(self, override: Override, others: Sequence[Override]) -> None:
        if len(others) >= MAX_OVERRIDES:
            message = phrase("there are {n} blocks and overrides already", n=MAX_OVERRIDES)
            raise OverrideError(message, phrase("remove some of them"))
        self._keep(self._kept.model_copy(update={"overrides": (override, *others)}))

    def end(self, name: str) -> bool:
        """End an override; return whether there was one of that id."""
        with self._exclusive():
            left = tuple(override for override in self._kept.overrides if override.id != name)
            if len(left) == len(self._kept.overrides):
                return False
            self._keep(self._kept.model_copy(update={"overrides": left}))
        return True

    def set_automatic(self, *, automatic: bool) -> None:
        """Turn automatic mode on or off; off, the inverter runs its own default."""
        with self._exclusive():
            if automatic != self._kept.automatic:
                self._keep(self._kept.model_copy(update={"automatic": automatic}))

    @contextmanager
    def _exclusive(self) -> Generator[None]:
        """Read and write as one, beside other threads and processes; where no file can be locked, beside threads."""
        with self._lock, ExitStack() as stack:
            with suppress(OSError, NotImplementedError, ConfigurationError):
                stack.enter_context(hold_lock(self.path.with_suffix(".lock")))
            yield

    def _keep(self, kept: _Kept) -> None:
        """Store the overrides; the caller holds the lock."""
        self._value = kept
        self.changes += 1
        try:
            make_folder(self.path.parent)
            with atomic_write(self.path) as temporary:
                temporary.write_text(kept.model_dump_json(indent=1), encoding="utf-8")
            self.storage_problem = ""
        except (OSError, ConfigurationError) as error:
            self.storage_problem = f"overrides cannot be kept on disk: {error}"
        self._identity = file_identity(self.path)

    def _read(self) -> _Kept:
        """Return the stored overrides; a damaged file means manual, so that nobody's override is lost."""
        try:
            kept = _Kept.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValidationError) as error:
            self.storage_problem = f"{self.path} cannot be read, so nothing is steered until you say so: {error}"
            return _Kept(automatic=False)
        self.storage_problem = ""
        return kept
