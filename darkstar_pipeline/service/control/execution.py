"""Carries out one command: looks, writes what differs within the day's budget, confirms it, else the default.

The rules of a write:

- What stands is not written.
- A command is written at most twice without being read back, and at most four times a slot; then it is given up until
  the next slot, and the inverter gets its default.
- A command is written only while the day's budget leaves room for the default after it, and for repeating that.
- The default is written once when it is needed and then looked at; again only where it is seen not to stand, after
  pauses that double from a minute to an hour, and never from what is kept for the guard, which goes on from there.
- Where the budget has no room for a command, nothing of ours is left to guard once the default stands: the lease is
  released, and what others write after that is theirs.
- Who changes again what stood is left alone (`strangers`): nothing is commanded for a while, and where the default is
  changed too, the inverter is theirs until then.
- Nothing is written to an entity that has no value, whose unit is not the one of the mapping, or that lacks the option.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from darkstar_pipeline.config.home_assistant import ControlSettings
from darkstar_pipeline.service.control.attempts import CommandAttempts, DefaultRepeats, guards_writes, kept_writes
from darkstar_pipeline.service.control.own_floor import FollowedInverter
from darkstar_pipeline.service.control.strangers import Change, Strangers
from darkstar_pipeline.service.home_assistant.entity_values import has_value, number_of
from darkstar_pipeline.service.home_assistant.entity_writer import EntityWriter, Look, Ramp
from darkstar_pipeline.service.home_assistant.profiles import Write
from darkstar_pipeline.service.home_assistant.translation import Translated
from darkstar_pipeline.service.schemas.plans import CommandDocument
from planner.wording.messages import joined, phrase

UNREADABLE_SECONDS = 30.0
"""An entity that has been without a value for so long has its command replaced by the default until the next slot."""
HANDS_OFF = phrase("hands off: others have the battery now, and nothing is written")
NOT_TAKEN = phrase("the inverter did not take the command; it runs its own default until the next slot")
_LATE = phrase("the command has expired; the inverter runs its own default")
_SPENT = phrase("the day's budget of writes is spent; the inverter runs its default until midnight")
_GUARDS = phrase(
    "the writes that control may do today are spent; the others are the guard's, which restores the default"
)
_NEITHER = phrase(
    "the inverter takes neither the command nor its default; its lease runs out, and the guard goes on trying"
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of carrying out a command.

    Attributes:
        confirmed: whether what was to stand was read back: the command, or the default in its place.
        commanded: whether it is the command.
        problem: what is wrong; empty where nothing is.
        notes: what the inverter cannot express of what was asked.
        over: whether nothing of ours runs, and nothing will before midnight.
    """

    confirmed: bool
    commanded: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()
    over: bool = False


@dataclass(frozen=True)
class Rehearsal:
    """Findings of a dry run.

    Attributes:
        target: values that would be written.
        problem: why they, or the default after them, could not be; empty where they could.
        notes: what the inverter cannot express of them.
    """

    target: tuple[Write, ...]
    problem: str
    notes: tuple[str, ...]


class Execution:
    """Carries out commands through a writer, one step at a time.

    Args:
        settings: of control.
        translator: turns commands into writes.
        ramp: limits the change of powers.
        written: returns how many values were written on this local day.
        monotonic: seconds that only rise [s].
        guard: returns why nothing may be written, empty where a guard guards it; starts one where none does.
        holds: returns whether a lease is held.
    """

    def __init__(
        self,
        settings: ControlSettings,
        translator: FollowedInverter,
        *,
        ramp: Ramp,
        written: Callable[[], int],
        monotonic: Callable[[], float],
        guard: Callable[[EntityWriter], str],
        holds: Callable[[], bool],
    ) -> None:
        self._settings, self._translator, self._ramp = settings, translator, ramp
        self._written, self._monotonic = written, monotonic
        self._guard, self._holds = guard, holds
        self._attempts, self._repeats = CommandAttempts(), DefaultRepeats()
        self._strangers = Strangers(monotonic)
        self._held_off_until: datetime | None = None
        self._held_off_why = ""
        self._unreadable_since: float | None = None
        self._theirs = ""

    def default(self) -> list[Write]:
        """Return the writes that make the inverter run its own default."""
        return self._translator.default()

    def target(self, command: CommandDocument, now: datetime) -> Translated:
        """Return the values that the entities are to have, and what is wrong where the default replaces the command."""
        if not command.automatic:
            return Translated(tuple(self.default()))
        if not command.slot_start <= now < command.expires_at:
            return Translated(tuple(self.default()), impossible=_LATE)
        if self._held_off_until is not None and now < self._held_off_until:
            return Translated(tuple(self.default()), impossible=self._held_off_why)
        return self._translator.command(command)

    def step(
        self, writer: EntityWriter, command: CommandDocument, now: datetime, *, hands_off: bool = False
    ) -> Outcome:
        """Carry out a command at a moment.

        Args:
            writer: writes the entities.
            command: in force.
            now: the moment.
            hands_off: whether others have the battery: the default is restored once, then nothing is written.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        if hands_off:
            return self._left_to_others(writer)
        self._follow_floors(writer)
        target = self.target(command, now)
        outcome = self._carried_out(writer, command, target)
        told = (*target.notes, *outcome.notes, *self._strangers.told(outcome.problem))
        return replace(outcome, notes=tuple(dict.fromkeys(told)))

    def _follow_floors(self, writer: EntityWriter) -> None:
        """Take over a floor that somebody has set while it was left alone, where none of ours may have come late."""
        for write in self._strangers.floors():
            state = writer.read(write.entity)
            percent = number_of(state)
            if percent is None or has_value(state, write) or self._strangers.is_ours(write.entity, percent):
                continue
            if 0 <= percent <= 100:  # noqa: PLR2004 - percent
                self._strangers.left(write, percent)
                self._translator.adopt(write, percent)

    def _carried_out(self, writer: EntityWriter, command: CommandDocument, target: Translated) -> Outcome:
        """Carry out a command, or let the default take its place."""
        if target.impossible or not command.automatic:
            return self.restore(writer, target.impossible)
        if list(target.writes) == self.default():
            return self.restore(writer, "", commanded=True)
        writes = self._ramp.next_step(target.writes, writer.read)
        look = writer.look(writes)
        if look.refused:
            return self.restore(writer, f"{look.refused}; the inverter runs its own default", look.notes)
        if look.unreadable:
            return self._without_value(writer, command, look)
        self._unreadable_since = None
        changes = self._strangers.changes(look.differing, writer.last)
        if changes and self._strangers.insists():
            self._stand_back(command, changes)
            return self.restore(writer, self._held_off_why, look.notes)
        return self._commanded(writer, command, writes, look)

    def _left_to_others(self, writer: EntityWriter) -> Outcome:
        """Restore the default once; when it stands the lease is released, and nothing is written any more.

        Where no lease is held nothing of ours runs, and what stands is others': also after a start in their time.
        """
        if self._holds():
            outcome = self.restore(writer, "")
            if not outcome.confirmed:
                return outcome
        return Outcome(confirmed=True, notes=(HANDS_OFF,), over=True)

    def rehearse(self, writer: EntityWriter, command: CommandDocument, now: datetime) -> Rehearsal:
        """Look at the entities of a command and of the default as if they were to be written; write nothing.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        target = self.target(command, now)
        looks = (writer.look(target.writes), writer.look(self.default()))
        told = [target.impossible, *(text for look in looks for text in (look.refused, look.unreadable))]
        notes = dict.fromkeys((*target.notes, *(note for look in looks for note in look.notes)))
        return Rehearsal(target.writes, joined("; ", dict.fromkeys(text for text in told if text)), tuple(notes))

    def _commanded(self, writer: EntityWriter, command: CommandDocument, writes: list[Write], look: Look) -> Outcome:
        """Write a command until it stands, as often as it may be written."""
        slot, key = command.slot_start, tuple(writes)
        while not look.stands:
            if not self._attempts.left(slot, key):
                self._hold_off(command, NOT_TAKEN)
                return self.restore(writer, NOT_TAKEN, look.notes)
            if not self._affordable(look):
                return self.restore(writer, _SPENT, look.notes)
            if unguarded := self._guard(writer):
                return Outcome(confirmed=False, problem=unguarded, notes=look.notes)
            self._attempts.add(slot, key)
            self._repeats.need()
            self._write(writer, look)
            look = writer.settled(writes)
            if look.refused or look.unreadable:
                return Outcome(confirmed=False, problem=look.refused or look.unreadable, notes=look.notes)
        self._attempts.confirm(slot, key)
        self._strangers.stands(writer.allowed(writes), writer.last)
        if unguarded := self._guard(writer):
            return Outcome(confirmed=False, problem=unguarded, notes=look.notes)
        return Outcome(confirmed=True, commanded=True, notes=look.notes)

    def restore(
        self,
        writer: EntityWriter,
        problem: str,
        notes: tuple[str, ...] = (),
        *,
        commanded: bool = False,
        at_the_end: bool = False,
    ) -> Outcome:
        """Make the inverter run its own default.

        Args:
            writer: writes the entities.
            problem: why the default replaces the command; empty where nothing is wrong.
            notes: what the inverter cannot express of the command.
            commanded: whether the default is the command.
            at_the_end: whether control stops, and what differs is written once more, from the guard's part too.

        Raises:
            HomeAssistantError: Home Assistant does not answer.
        """
        look = writer.look(self.default())
        changes = self._strangers.changes(look.differing, writer.last)
        if self._is_theirs(changes) and not at_the_end:
            why = f"{self._theirs}; it is theirs until Darkstar commands again"
            return Outcome(confirmed=True, problem=why, notes=notes, over=True)
        due = look
        if not at_the_end:
            due = replace(look, differing=self._repeats.due(self._monotonic(), look.differing))
        kept = 0 if at_the_end else guards_writes(self._settings.writes_per_day, len(self.default()))
        has_room = self._has_room(len(due.differing), kept)
        if due.differing and has_room:
            if unguarded := self._guard(writer):
                return Outcome(confirmed=False, problem=unguarded, notes=notes)
            self._repeats.add(self._monotonic(), due.differing)
            self._write(writer, due)
            look = writer.settled(self.default())
        over = look.stands and not self._room_for_a_command()
        takes = (look.stands and not over) or self._holds()  # what does not stand takes no new lease
        if takes and (unguarded := self._guard(writer)):
            return Outcome(confirmed=False, problem=unguarded, notes=notes)
        notes = tuple(dict.fromkeys((*notes, *look.notes)))
        if look.stands:
            self._strangers.stands(writer.allowed(self.default()), writer.last)
            self._repeats.confirm(self._monotonic())
            return Outcome(confirmed=True, commanded=commanded, problem=problem, notes=notes, over=over)
        parts = (_NEITHER if has_room else _GUARDS, look.refused, look.unreadable)
        why = joined("; ", [part for part in parts if part])
        return Outcome(confirmed=False, problem=why, notes=notes)

    def _without_value(self, writer: EntityWriter, command: CommandDocument, look: Look) -> Outcome:
        """Wait for an entity without a value; after a while let the others have their default until the next slot."""
        now = self._monotonic()
        if self._unreadable_since is None:
            self._unreadable_since = now
        if now - self._unreadable_since < UNREADABLE_SECONDS:
            return Outcome(confirmed=False, problem=look.unreadable, notes=look.notes)
        self._unreadable_since = None
        self._hold_off(command, f"{look.unreadable}; the inverter runs its own default until the next slot")
        return self.restore(writer, self._held_off_why, look.notes)

    def _write(self, writer: EntityWriter, look: Look) -> None:
        """Write what differs, and remember that it is ours."""
        self._theirs = ""
        for write in look.differing:
            self._strangers.wrote(write)
        writer.write(look)

    def _stand_back(self, command: CommandDocument, changes: Sequence[Change]) -> None:
        """Command nothing for a while, since somebody else insists."""
        until = self._strangers.stand_back(command.expires_at)
        minutes = (until - command.slot_start).total_seconds() / 60
        self._hold_off(command, f"{changes[0]}; Darkstar stands back for up to {minutes:.0f} min")
        self._held_off_until = until

    def _is_theirs(self, changes: Sequence[Change]) -> bool:
        """Return whether the default was changed by somebody who insists, now or before; then it is left as it is."""
        if self._strangers.is_theirs(changes):
            self._theirs = str(changes[0])
        return bool(self._theirs)

    def _hold_off(self, command: CommandDocument, why: str) -> None:
        self._held_off_until, self._held_off_why = command.expires_at, why

    def _affordable(self, look: Look) -> bool:
        return self._has_room(len(look.differing), self._kept())

    def _room_for_a_command(self) -> bool:
        return self._has_room(1, self._kept())

    def _kept(self) -> int:
        return kept_writes(self._settings.writes_per_day, len(self.default()))

    def _has_room(self, n_writes: int, kept: int) -> bool:
        """Return whether the day's budget has room for some writes, and for others to keep."""
        return self._written() + n_writes + kept <= self._settings.writes_per_day
