"""Notices that somebody else writes the inverter's entities: what stood as it was read back shows another value.

Darkstar does not fight: a first change within an hour is written over once, then it stands back for a slot, two, four,
up to four hours, with the inverter at its default; and where that is changed too, the inverter is theirs.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from darkstar_pipeline.service.home_assistant.entity_values import State, has_no_value, has_value, number_of
from darkstar_pipeline.service.home_assistant.profiles import Write
from env.time_grid import SLOT

REMEMBERED_SECONDS = 3600.0
"""Changes that are further apart are not of one who insists [s]."""
OURS_SECONDS = 900.0
"""A value that we wrote so short ago may be ours that came late: no reason to leave the inverter to others [s]."""
MOST_SLOTS = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """A change that somebody else made: the entity, what it shows, and whose doing that may be."""

    entity: str
    shows: str
    by: str

    def __str__(self) -> str:
        return f"somebody else writes {self.entity}: it was changed to {self.shows}, by {self.by}"


class Strangers:
    """Remembers what stood and what was changed.

    Args:
        monotonic: seconds that only rise [s].
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._stood: dict[str, Write] = {}
        self._written: dict[str, list[tuple[float, float | str]]] = {}
        self._changes: list[float] = []
        self._stood_back = 0
        self._last = ""
        self._user: str | None = None

    def stands(self, writes: Sequence[Write], read: Callable[[str], State | None]) -> None:
        """Note that values were read back; who Darkstar is in Home Assistant is told by what it wrote itself.

        Args:
            writes: the values.
            read: returns the state of an entity as it was read last.
        """
        for write in writes:
            if write.read_back and self._written.get(write.entity) and write.entity not in self._stood:
                self._user = _context(read(write.entity)).get("user_id") or self._user
        self._stood = {write.entity: write for write in writes if write.read_back}

    def wrote(self, write: Write) -> None:
        """Note a value that is written."""
        self._written.setdefault(write.entity, []).append((self._monotonic(), write.value))
        self._written[write.entity] = self._written[write.entity][-10:]
        self._stood.pop(write.entity, None)

    def changes(self, differing: Sequence[Write], read: Callable[[str], State | None]) -> list[Change]:
        """Return what others changed of what stood and is still wanted.

        Args:
            differing: values that are wanted and do not stand.
            read: returns the state of an entity as it was read last.
        """
        found: list[Change] = []
        for write in differing:
            state = read(write.entity)
            if self._stood.get(write.entity) == write and state is not None and not has_value(state, write):
                if has_no_value(state) or not _is_one(state, write):
                    continue
                found.append(Change(write.entity, str(state.get("state")), self._who(state)))
                del self._stood[write.entity]
        if found:
            self._changes.append(self._monotonic())
            self._last = str(found[0])
            _log.warning("%s", found[0])
        return found

    def told(self, problem: str) -> tuple[str, ...]:
        """Return the last change of the past hour, where a problem does not say it already."""
        recent = bool(self._changes) and self._monotonic() - self._changes[-1] < REMEMBERED_SECONDS
        return (self._last,) if recent and self._last not in problem else ()

    def insists(self) -> bool:
        """Return whether somebody changed something more than once within an hour."""
        now = self._monotonic()
        self._changes = [at for at in self._changes if now - at < REMEMBERED_SECONDS]
        if not self._changes:
            self._stood_back = 0
        return len(self._changes) > 1

    def stand_back(self, slot_end: datetime) -> datetime:
        """Return until when nothing is commanded: the end of the slot, then of twice as many every time."""
        n_slots = min(2**self._stood_back, MOST_SLOTS)
        self._stood_back += 1
        return slot_end + (n_slots - 1) * SLOT

    def floors(self) -> list[Write]:
        """Return the person's own floors that stood."""
        return [write for write in self._stood.values() if write.floor]

    def is_ours(self, entity: str, value: float) -> bool:
        """Return whether a value may be one that we wrote and that came late."""
        now = self._monotonic()
        return any(
            isinstance(written, float | int) and abs(written - value) < 1 and now - at < OURS_SECONDS
            for at, written in self._written.get(entity, [])
        )

    def left(self, write: Write, value: float) -> None:
        """Note that an entity is left as somebody has set it, and stands so: what it shows next is theirs too."""
        self._stood[write.entity] = replace(write, value=value)

    def is_theirs(self, changes: Sequence[Change]) -> bool:
        """Return whether the values are others', and none of ours that came late."""
        now = self._monotonic()
        late = {
            (entity, str(value))
            for entity, values in self._written.items()
            for at, value in values
            if now - at < OURS_SECONDS
        }
        return bool(changes) and self.insists() and not any((each.entity, each.shows) in late for each in changes)

    def _who(self, state: State) -> str:
        """Return who changed a state, as far as Home Assistant tells it."""
        context = _context(state)
        user, parent = context.get("user_id"), context.get("parent_id")
        if user is not None and user != self._user:
            return "another user of Home Assistant"
        if parent is not None:
            return "an automation in Home Assistant"
        return "the inverter, its maker's app or an automation"


def _is_one(state: State, write: Write) -> bool:
    """Return whether a state is a value of the kind that was written."""
    return isinstance(write.value, str) or number_of(state) is not None


def _context(state: State | None) -> dict[str, str | None]:
    context = None if state is None else state.get("context")
    return dict(context) if isinstance(context, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
