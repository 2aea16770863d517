"""Manual overrides: automatic mode on or off, and commands that replace the plan for a time.

Stored in one small file, replaced atomically. If it cannot be written, overrides still hold until the service ends.
"""

import logging
import secrets
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.errors import ConfigurationError, DarkstarError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.service.schemas.overrides import RESERVE, Mode, Override, OverrideRequest, SetByHand
from darkstar_pipeline.state.atomic_files import atomic_write, file_identity
from darkstar_pipeline.state.file_lock import hold_lock_if_possible
from planner.artifacts.atomic_files import make_folder
from planner.byhand.commands import BATTERY_MODES, HandBlock
from planner.wording.messages import phrase

OVERRIDES_FILE = "wishes.json"  # in the service's folder; the name of version 0.1
FURTHEST = timedelta(days=31)
MAX_OVERRIDES = 50
_log = logging.getLogger(__name__)
_MOMENT = phrase("give a moment in the future, within {days} days", days=FURTHEST.days)


class OverrideError(DarkstarError):
    """An override that cannot be accepted: its end has passed, or is too far ahead."""

    code = "wrong_moment"


class OverlapError(DarkstarError):
    """A block that asks for something else at the time of another one."""

    code = "overlap"


class StaleError(DarkstarError):
    """A price that was worked out before others changed what is set by hand."""

    code = "stale"


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
    aside: str = Field(default="", exclude_if=lambda name: not name)
    """Name of the damaged file that this one took the place of, until somebody sets automatic mode."""


class OverrideStore:
    """The overrides of a site; thread-safe. Another process (the command line) may change the file, too.

    Args:
        path: file in which they are stored.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        self.changes = 0
        self._unread, self._unwritten = "", ""
        self._damaged: Path | None = None
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
    def storage_problem(self) -> str:
        """Return the problem of the file; empty for none."""
        return "; ".join(part for part in (self._unread, self._unwritten) if part)

    @property
    def automatic(self) -> bool:
        """Return whether automatic mode is on."""
        return self._kept.automatic

    @property
    def manual_reason(self) -> str:
        """Return the reason for which nothing is steered after a damaged file was put aside; empty for none."""
        aside = self._kept.aside
        if not aside or self._unread:  # `storage_problem` says it as long as the file is there
            return ""
        return phrase(
            "{file} could not be read and was put aside as {aside}: nothing is steered until you set automatic mode",
            file=str(self.path),
            aside=aside,
        )

    def set_by_hand(self, now: datetime) -> SetByHand:
        """Return automatic mode and what has not ended, those to come included."""
        kept = self._kept
        everything = SetByHand(automatic=kept.automatic, overrides={each.id: each.until for each in kept.overrides})
        return everything.left(now)

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

    def add_block(self, block: Override, now: datetime, against: SetByHand, replaces: Collection[str] = ()) -> None:
        """Add a block with a begin of its own.

        Args:
            block: the block.
            now: the moment.
            against: what was set by hand when it was priced.
            replaces: ids of those whose place it takes: of all that it overlaps.

        Raises:
            StaleError: something else is set by now, so that its price is another, and others may be in the way.
            OverrideError: there are too many.
        """
        with self._exclusive():
            if against.left(now) != self.set_by_hand(now):
                message = phrase("what is set by hand has changed since the block was priced")
                raise StaleError(message, phrase("preview the block again"))
            self._add(block, [each for each in self.active(now) if each.id not in replaces])

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
            if automatic != self._kept.automatic or self._kept.aside:
                self._keep(self._kept.model_copy(update={"automatic": automatic, "aside": ""}))

    @contextmanager
    def _exclusive(self) -> Generator[None]:
        """Read and write as one, beside other threads and processes; where no file can be locked, beside threads."""
        with self._lock, hold_lock_if_possible(self.path.with_suffix(".lock")):
            yield

    def _keep(self, kept: _Kept) -> None:
        """Store the overrides; the caller holds the lock."""
        self._value = kept
        self.changes += 1
        try:
            make_folder(self.path.parent)
            self._put_aside()
            with atomic_write(self.path) as temporary:
                temporary.write_text(kept.model_dump_json(indent=1), encoding="utf-8")
            self._unwritten = ""
        except (OSError, ConfigurationError) as error:
            self._unwritten = f"overrides cannot be kept on disk: {error}"
        self._identity = file_identity(self.path)

    def _put_aside(self) -> None:
        """Copy a damaged file before it is written over: were it moved, a crash would leave automatic mode on.

        Raises:
            OSError: it cannot be copied, and is not to be written over.
        """
        if self._damaged is None:
            return
        with self._damaged.open("xb") as copy:
            copy.write(self.path.read_bytes())
        _log.warning("%s is damaged: it was put aside as %s, and a new one begins", self.path, self._damaged.name)
        self._damaged, self._unread = None, ""

    def _read(self) -> _Kept:
        """Return the stored overrides; a damaged file means manual, so that nobody's override is lost."""
        self._damaged, self._unread, self._unwritten = None, "", ""
        try:
            return _Kept.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValidationError) as error:
            self._unread = f"{self.path} cannot be read, so nothing is steered until you say so: {error}"
            self._damaged = _free_name(self.path)
            return _Kept(automatic=False, aside=self._damaged.name)


def _free_name(path: Path) -> Path:
    """Return a name that nothing has yet, for a damaged file."""
    endings = chain([""], (f".{number}" for number in count(2)))
    names = (path.with_name(f"{path.name}.damaged{ending}") for ending in endings)
    return next(name for name in names if not name.exists())
