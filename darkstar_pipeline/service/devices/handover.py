"""Hands the schedule of the movable loads over to Home Assistant: switches, setpoints and scripts.

Only what differs is written, and read back. A lease of its own, in a folder of its own, has the guard restore what the
loads are without Darkstar when the service dies. What a person changes meanwhile stays until the plan changes.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from darkstar_pipeline.config.household.control import DeviceControl
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.lease_keeper import LeaseKeeper
from darkstar_pipeline.service.devices.load_scripts import LoadScript, LoadScripts
from darkstar_pipeline.service.devices.load_writes import LoadClient, load_write
from darkstar_pipeline.service.engine.wanted_loads import LEFT_ALONE, WantedLoad
from darkstar_pipeline.service.home_assistant.entity_writer import EntityClient, EntityWriter, Look
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import SWITCHES, Write
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component
from planner.wording.messages import joined

POLL_SECONDS = 2.0
CONFIRM_SECONDS = 10.0
LEASE_SECONDS = 300.0
STOP_SECONDS = 10.0
ATTEMPTS = 3
"""A value that is not read back is written so often, and then not before the plan changes."""
WRITES_PER_DAY = 200
_log = logging.getLogger(__name__)


@dataclass
class _Tried:
    """The attempts at a load's entity since the plan wanted its value."""

    value: float | str
    attempts: int = 0
    confirmed: bool = False


@dataclass(frozen=True)
class HandedLoad:
    """A load that is handed over.

    Attributes:
        name: of the load.
        control: what it is handed over to.
        wanted: returns what it is to do now.
    """

    name: str
    control: DeviceControl
    wanted: Callable[[], WantedLoad]


class Handover:
    """Carries the schedule of the loads out through Home Assistant.

    Args:
        loads: those that are handed over.
        client: Home Assistant.
        keeper: of the lease in `LOADS_FOLDER`.
        clock: the service's clock.
        folder: of the lease.
        timezone: whose days the writes are counted by.
        wait: waits for so many seconds; returns whether it is to stop.
    """

    def __init__(
        self,
        loads: tuple[HandedLoad, ...],
        client: EntityClient,
        keeper: LeaseKeeper,
        clock: Clock,
        *,
        folder: Path,
        timezone: str,
        wait: Callable[[float], bool],
    ) -> None:
        self._loads, self._client, self._keeper, self._clock = loads, LoadClient(client), keeper, clock
        self._writes = DailyWrites(folder, clock.now, timezone=timezone, budget=WRITES_PER_DAY)
        self._writer = EntityWriter(
            self._client,
            confirm_seconds=CONFIRM_SECONDS,
            monotonic=clock.monotonic,
            wait=wait,
            on_write=self._written,
        )
        scripts = {load.name: load.control for load in loads}
        self._scripts = LoadScripts(
            {name: LoadScript(each.script, each.default_on) for name, each in scripts.items() if each.script},
            self._client,
            clock.monotonic,
            wait,
        )
        self._periodic = PeriodicCheck(self.check, name="handover", first_seconds=POLL_SECONDS, seconds=POLL_SECONDS)
        self._tried: dict[str, _Tried] = {}
        self._problem = ""
        self._notes: dict[str, str] = {}

    def start(self) -> None:
        """Have the guard end what an earlier run left behind, and start handing over in a thread of its own."""
        self._keeper.give_up()
        self._periodic.start()

    def stop(self) -> None:
        """Stop, and leave the loads as they are without Darkstar; where that fails, the guard does it."""
        self._periodic.stop(STOP_SECONDS)
        self._loads = tuple(replace(load, wanted=lambda: LEFT_ALONE) for load in self._loads)
        self.check()
        if self._keeper.held:
            _log.warning("restoring the loads' default is left to the guard: %s", self._problem)
            self._keeper.give_up()
        self._client.close()

    def components(self) -> list[Component]:
        """Return the state of the handover as a component of the service."""
        notes = joined("; ", [part for part in (self._problem, *self._notes.values()) if part])
        return [Component(name="handover", ok=not self._problem, note=notes)]

    def check(self) -> None:
        """Carry out what the plan wants now, once."""
        try:
            self._problem = self._step()
        except (DarkstarError, OSError) as error:
            self._problem = error.message if isinstance(error, DarkstarError) else str(error)

    def _step(self) -> str:
        """Return what is wrong after a step; empty where nothing is.

        Raises:
            DarkstarError: Home Assistant does not answer.
            OSError: the disk does not take the lease.
        """
        wanted = {load.name: load.wanted() for load in self._loads}
        target, default = self._writes_of(wanted), self._writes_of(dict.fromkeys(wanted, LEFT_ALONE))
        leads = target != default or self._scripts.lead(wanted)
        if not self._keeper.held:  # the guard has restored the default, which nobody else did
            self._tried.clear()
            self._scripts.forget()
            if not leads:
                return ""
        within, look, away = self._looked(target)
        if target and not within and not self._scripts.scripts:
            return away
        if leads and (unguarded := self._keeper.guard(self._restore(default))):
            return unguarded
        parts = (self._carried_out(within, look), away, self._scripts.tell(wanted))
        problem = joined("; ", [part for part in parts if part])
        if leads:
            self._keeper.renew(self._restore(default))
        elif not problem:
            self._keeper.release(self._restore(default), STOP_SECONDS)
        return problem

    def _restore(self, default: list[Write]) -> list[ServiceCall]:
        """Return the calls that leave the loads as they are without Darkstar.

        Switches come last: the guard has what stands behind one wait for it, and one load is not the others'.
        """
        switches_last = sorted(default, key=lambda write: write.domain in SWITCHES)
        return [*self._scripts.default_calls(), *self._writer.calls(switches_last)]

    def _looked(self, target: list[Write]) -> tuple[list[Write], Look, str]:
        """Return what can be written now, what of it differs, and why the rest cannot: one load is not the others'."""
        looks = [(write, self._writer.look([write])) for write in target]
        within = [write for write, look in looks if not (look.refused or look.unreadable)]
        differing = tuple(each for write, look in looks if write in within for each in look.differing)
        away = "; ".join(text for _, look in looks if (text := look.refused or look.unreadable))
        return within, Look(differing, "", "", ()), away

    def _writes_of(self, wanted: Mapping[str, WantedLoad]) -> list[Write]:
        writes = (load_write(load.control, wanted[load.name].state) for load in self._loads)
        return [write for write in writes if write is not None]

    def _carried_out(self, target: list[Write], look: Look) -> str:
        """Write what differs and may be written, and read it back; return what is not as the plan wants it."""
        for write in target:
            tried = self._tried.get(write.entity)
            if tried is None or tried.value != write.value:
                self._tried[write.entity] = _Tried(write.value)
        differing = {write.entity for write in look.differing}
        due = tuple(write for write in look.differing if self._may_write(write))
        if due and self._writes.left() < len(due):
            return f"the {WRITES_PER_DAY} writes of a day are spent; the loads stay as they are until midnight"
        if due:
            for write in due:
                self._tried[write.entity].attempts += 1
            self._writer.write(replace(look, differing=due))
            settled = self._writer.settled([write for write in target if write in due])
            differing -= {write.entity for write in due} - {write.entity for write in settled.differing}
        for write in target:
            if write.entity not in differing:
                self._tried[write.entity].confirmed = True
                self._notes.pop(write.entity, None)
        return "; ".join(text for entity in sorted(differing) if (text := self._not_taken(entity)))

    def _may_write(self, write: Write) -> bool:
        tried = self._tried[write.entity]
        return not tried.confirmed and tried.attempts < ATTEMPTS

    def _not_taken(self, entity: str) -> str:
        """Return why an entity does not have its value; empty, and a note, where a person has changed it."""
        tried = self._tried[entity]
        if tried.confirmed:
            self._notes[entity] = f"somebody else has changed {entity}: it is left until the plan changes"
            return ""
        return f"{entity} does not take {tried.value}"

    def _written(self, write: Write) -> None:
        self._writes.add()
        _log.info("wrote %s = %s", write.entity, write.value)
