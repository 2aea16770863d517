"""Plans the fleet anew every slot, in a process of its own: a round that is killed leaves the plans as they are."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.planning.fleet.rounds import plan_fleet
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.background_jobs import FAILED, RUNNING, BackgroundJobs
from darkstar_pipeline.service.schemas.health import Component
from env.time_grid import slot_of
from planner.wording.counts import counted


class PlanningRounds:
    """The rounds of a service, one at a time.

    Args:
        home: the state folder.
        clock: the service's clock.
    """

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home, self._clock = home, clock
        self._jobs = BackgroundJobs("the fleet is being planned")
        self._job = ""
        self._planned_slot: datetime | None = None

    def check(self) -> None:
        """Begin a round where a slot has begun since the last one, and none is under way."""
        slot = slot_of(self._clock.now())
        running = self._jobs.find(self._job)
        if slot != self._planned_slot and (running is None or running.state != RUNNING):
            self._job = self._jobs.start(planned_round, self._home, self._clock.now())
            self._planned_slot = slot

    def stop(self) -> None:
        """End the round that is under way."""
        self._jobs.cancel(self._job)

    def status(self) -> Component:
        """Return how the last round went."""
        state = self._jobs.find(self._job)
        if state is None:
            return Component(name="planning", ok=True, note="no round has begun yet")
        if state.state == FAILED:
            return Component(name="planning", ok=False, note=f"the last round failed: {state.error}")
        if state.document is None:
            return Component(name="planning", ok=True, note=f"a round is under way, {state.progress:.0%} done")
        errors = list(state.document["errors"].values())
        note = f"{counted(state.document['planned'], 'home')} planned"
        return Component(name="planning", ok=not errors, note="; ".join([note, *errors[:1]]))


def planned_round(home: Path, at: datetime, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Plan every home, by the settings as they are now; run in a process of its own."""
    settings = load_settings()
    with on_engine(lambda: settings.engine):
        return plan_fleet(settings, home, at, progress=progress).document
