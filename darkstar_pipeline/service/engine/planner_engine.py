"""The planner at work: looks at what has changed, plans anew where it has, and has the answer ready at any moment.

One thread plans; requests read what it left in memory and never wait for a solver, a disk or another program. A plan is
made anew when a slot begins, when data, champion, settings or overrides change, when the clock is set, and every half
minute while something is missing.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from darkstar_pipeline.config.settings import config_path
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_sources import scenario_days, site_sources
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.champion_follower import ChampionFollower, FollowerState
from darkstar_pipeline.service.engine.input_status import InputStatus, LiveSoc, collect_inputs, inputs_signature
from darkstar_pipeline.service.engine.last_plan import commands_before
from darkstar_pipeline.service.engine.overrides import OVERRIDES_FILE, OverrideStore, asked_blocks, asked_reserves
from darkstar_pipeline.service.engine.plan_builder import (
    PlanRequest,
    build_plan,
    others_windows,
    sources_of,
    storage_input,
)
from darkstar_pipeline.service.engine.plan_documents import command_document, default_plan, is_usable
from darkstar_pipeline.service.engine.plan_store import PlanStore
from darkstar_pipeline.service.engine.planned_loads import MovableLoads, NobodysLoads
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.state.atomic_files import file_identity
from darkstar_pipeline.state.folder_names import PLANS_FOLDER
from darkstar_pipeline.whatif.blocks import PlannedBlock, plan_block
from env.time_grid import slot_of
from planner.byhand.commands import HandBlock
from planner.deadline import deadline
from planner.fault_isolation import MISTAKES
from planner.plans.fallback_chain import CHAMPION, FAILED
from planner.wording.messages import joined, phrase

RETRY_SECONDS = 30.0
STUCK_SECONDS = 180.0
"""A planner that has not looked for so long is stuck; its last plan still answers."""

PlanListener = Callable[[Context, InputStatus, FollowerState, PlanDocument], None]
"""Called with every new plan by the planning thread: must be quick and must not raise."""

_log = logging.getLogger(__name__)


@dataclass
class _Memory:
    """The state that requests read; each attribute is replaced atomically."""

    plan: PlanDocument
    last: PlanDocument | None
    looked: float = 0.0
    storage: str = ""
    configuration: str = ""
    plans: int = 0
    failures: int = 0
    seconds: float = 0.0
    listeners: list[PlanListener] = field(default_factory=list[PlanListener])


class PlannerEngine:
    """Plans a site, again and again.

    Args:
        context: the site.
        clock: source of the time.
        live: who reads the battery now; None where nobody does.
        household: the movable loads; None for those of the site without anybody who reads them.

    Attributes:
        others_until: returns until when others have the battery; None while they do not.
        others_at: returns whether they are known to have it at a moment ahead; None where they never do.
    """

    def __init__(
        self,
        context: Context,
        *,
        clock: Clock | None = None,
        live: LiveSoc | None = None,
        household: MovableLoads | None = None,
    ) -> None:
        self.context, self.clock, self.live = context, clock or Clock(), live
        self.follower = ChampionFollower()
        folder = service_folder(context.home, context.site_name)
        self.household: MovableLoads = household or NobodysLoads()
        self.others_until: Callable[[datetime], datetime | None] = lambda _: None
        self.others_at: Callable[[datetime], bool] | None = None
        self.overrides = OverrideStore(folder / OVERRIDES_FILE)
        self.store = PlanStore(folder / PLANS_FOLDER)
        self.memo = Memo()
        self._memory = self._first_memory()
        self._planning = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: object = None
        self._asked = False
        self._next_retry = 0.0
        self._config = file_identity(config_path())

    def add_listener(self, listener: PlanListener) -> None:
        """Call a listener with every plan."""
        self._memory.listeners.append(listener)

    def start(self) -> None:
        """Start planning in a thread of its own."""
        self._memory.looked = self.clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
        self._thread.start()

    def _first_memory(self) -> _Memory:
        """Return an answer for the first request: the last stored plan, or the inverter's own default."""
        now = self.clock.now()
        last = self.store.latest(now)
        first = phrase("the first plan is being made")
        plan = last or default_plan(self.context.site, now, why=first)
        return _Memory(plan, last)

    def stop(self) -> None:
        """Stop planning."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def wake(self) -> None:
        """Make the thread check now."""
        self._wake.set()

    def plan(self) -> PlanDocument:
        """Return the latest plan."""
        return self._memory.plan

    def command(self) -> CommandDocument:
        """Return the command of this moment."""
        command = command_document(
            self.context.site, self._memory.plan, self.clock.now(), automatic=self.overrides.automatic
        )
        return self.household.held(command)

    def replan(self) -> PlanDocument:
        """Make a plan at once; where one is being made, have another made after it, and return the one in force.

        Nobody waits for a plan that somebody else makes: a hundred requests would hold a hundred threads.
        """
        if not self._planning.acquire(blocking=False):
            self._asked = True
            self.wake()
            return self._memory.plan
        try:
            return self._make()
        finally:
            self._planning.release()

    def components(self) -> list[Component]:
        """Return the health of each component."""
        memory, following = self._memory, self.follower.state
        quiet = self.clock.monotonic() - memory.looked
        plan = memory.plan
        reach = plan.created_at <= self.clock.now() < plan.valid_until
        inputs = [each for each in plan.inputs if each.state in ("missing", "stale")]
        stored = joined("; ", [part for part in (self._storage_trouble(), self.overrides.manual_reason) if part])
        return [
            Component(
                name="planner",
                ok=quiet < STUCK_SECONDS and reach,
                note="" if reach else phrase("no plan reaches this moment"),
            ),
            Component(
                name="inputs",
                ok=not inputs,
                note=joined("; ", [joined(": ", [each.name, each.note]) for each in inputs]),
            ),
            Component(name="champion", ok=not following.problem, note=following.problem),
            Component(name="storage", ok=not stored, note=stored),
            Component(name="configuration", ok=not memory.configuration, note=memory.configuration),
            *self.household.components(),
        ]

    def _storage_trouble(self) -> str:
        return joined("; ", [part for part in (self._memory.storage, self.overrides.storage_problem) if part])

    @property
    def counts(self) -> tuple[int, int, float]:
        """Plans made, failures of the planning thread, seconds that the last plan took."""
        return self._memory.plans, self._memory.failures, self._memory.seconds

    def _run(self) -> None:
        """Check for changes and plan, until stopped."""
        while not self._stop.is_set():
            try:
                self.check()
            except MISTAKES:  # the thread outlives any mistake, or the home is left with an old plan
                self._memory.failures += 1
                _log.exception("planning failed")
            self._memory.looked = self.clock.monotonic()
            self._wake.wait(self.context.site_settings.service.poll_seconds)
            self._wake.clear()

    def check(self) -> bool:
        """Plan anew if something has changed; return whether it had."""
        with self._planning:
            self._reload()
            self.follower.follow(self.context)
            now = self.clock.now()
            seen = (
                slot_of(now),
                inputs_signature(self.context.lake, self.context.site_name, self.context.timezone, now),
                self.follower.state.model,
                self.overrides.changes,
                tuple(override.id for override in self.overrides.active(now)),
                self.others_until(now),
                self.context,
                self.household.key(now),
            )
            asked, self._asked = self._asked, False
            anew = asked or self.clock.stepped() or seen != self._seen
            if not anew and not self._retry():
                return False
            self._seen = seen
            self._make(retried=not anew)
        return True

    def _retry(self) -> bool:
        """Return whether something is missing that may be available again."""
        plan = self._memory.plan
        wanting = any(each.state == "missing" for each in plan.inputs) or any(
            each.outcome == FAILED for each in plan.attempts
        )
        wanting = wanting or bool(self._storage_trouble())
        return wanting and self.clock.monotonic() >= self._next_retry

    def _reload(self) -> None:
        """Load a changed configuration; keep the old one if the new one is invalid."""
        identity = file_identity(config_path())
        if identity == self._config:
            return
        self._config = identity
        try:
            fresh = open_context(self.context.site_name, home=self.context.home)
        except ConfigurationError as error:
            self._memory.configuration = f"the changed configuration is wrong, the old one holds: {error.message}"
            _log.warning("%s", self._memory.configuration)
            return
        self.context, self._memory.configuration = fresh, ""

    def _make(self, *, retried: bool = False) -> PlanDocument:
        """Collect inputs, plan, store the plan and call the listeners; the caller holds the lock.

        A plan that was tried again because something is missing, and came out as before, stays the plan that it is: a
        new one every half minute filled the disk with 132 MB a day.
        """
        began, now = self.clock.monotonic(), self.clock.now()
        context, memory = self.context, self._memory
        with deadline(context.site_settings.service.plan_seconds):
            status, plan = self._plan_or_revert(context, now)
        if plan.rung == CHAMPION:
            self.follower.confirm()
        plan = plan.model_copy(update={"seconds": self.clock.monotonic() - began})
        if retried and not self._memory.storage and _says_the_same(plan, memory.plan):
            self._next_retry = self.clock.monotonic() + RETRY_SECONDS
            return memory.plan
        plan = self._kept(plan)
        memory.plan, memory.plans, memory.seconds = plan, memory.plans + 1, plan.seconds
        if is_usable(plan, now):
            memory.last = plan
        self._next_retry = self.clock.monotonic() + RETRY_SECONDS
        for listener in memory.listeners:
            listener(context, status, self.follower.state, plan)
        return plan

    def _plan_or_revert(self, context: Context, now: datetime) -> tuple[InputStatus, PlanDocument]:
        """Plan on the present inputs; where a champion that was just loaded cannot, plan with the one before it."""
        status, plan = self._plan_on_present_inputs(context, now)
        failed = next((each.why for each in plan.attempts if (each.rung, each.outcome) == (CHAMPION, FAILED)), None)
        if failed is None or status.slow:  # it had no time to plan in, and is not to blame
            return status, plan
        if self.follower.revert(f"it was loaded and cannot plan: {failed}"):
            return self._plan_on_present_inputs(context, now)
        return status, plan

    def planned_block(
        self, block: HandBlock, standing: Sequence[HandBlock], kept: Sequence[HandBlock]
    ) -> PlannedBlock | str:
        """Return the plan with a block by hand beside that without, as they would be made now, or why there is none.

        Args:
            block: the block that is asked for.
            standing: blocks that hold already.
            kept: those of them that hold beside the block too.
        """
        with self._planning:
            context, now = self.context, self.clock.now()
            with deadline(context.site_settings.service.plan_seconds):
                status, request = self._inputs(context, now), self._request(context, now)
                if status.plan_inputs is None:
                    return status.problem
                known = replace(status.plan_inputs, before=commands_before(request.last_plan))
                theirs = [*self._others(now), *others_windows(known.task, self.others_at)]
                first, last = ([*theirs, *blocks] for blocks in (standing, kept))
                return plan_block(known, block, partial(sources_of, request), standing=first, kept=last)

    def _plan_on_present_inputs(self, context: Context, now: datetime) -> tuple[InputStatus, PlanDocument]:
        """Return the present inputs and the plan made from them."""
        status = self._inputs(context, now)
        plan = build_plan(context.site, now, status, self._request(context, now))
        task = None if status.plan_inputs is None else status.plan_inputs.task
        return status, self.household.with_loads(plan, task, self._memory.plan)

    def _inputs(self, context: Context, now: datetime) -> InputStatus:
        """Return the present inputs."""
        overrides = self.overrides.active(now)
        away = any(override.mode == "vacation" for override in overrides)
        return collect_inputs(
            context,
            now,
            live=self.live,
            last=self._memory.last,
            requests=self.household.requests(context, now, away=away),
            reserves=[*self.household.reserves(now), *asked_reserves(overrides)],
            lookback_days=scenario_days(self.follower.state.active),
            memo=self.memo,
        )

    def _request(self, context: Context, now: datetime) -> PlanRequest:
        """Return the request of a plan of now."""
        last, following = self._memory.last, self.follower.state
        return PlanRequest(
            sources=partial(
                site_sources,
                context,
                active=following.active,
                solver_seconds=context.site_settings.service.solver_seconds,
                memo=self.memo,
            ),
            model=following.model,
            last_plan=last if is_usable(last, now) else None,
            others_at=self.others_at,
            blocks=[*self._others(now), *asked_blocks(self.overrides.active(now))],
        )

    def _others(self, now: datetime) -> list[HandBlock]:
        """Return a block that leaves the battery alone while others have it; none while they do not."""
        until = self.others_until(now)
        return [] if until is None else [HandBlock(mode="hold", start=now, end=until)]

    def _kept(self, plan: PlanDocument) -> PlanDocument:
        """The plan after it was written down; where the disk does not take it, it says so."""
        try:
            self.store.keep(plan)
        except OSError as error:
            self._memory.storage = f"plans cannot be kept on disk: {error.strerror or error}"
            return plan.model_copy(update={"inputs": [*plan.inputs, storage_input(self._memory.storage)]})
        self._memory.storage = ""
        return plan


def _says_the_same(plan: PlanDocument, before: PlanDocument) -> bool:
    """Return whether a plan is the one before in all but when it was made, and how long that took."""
    made = {"id", "created_at", "seconds", "inputs", "changes"}
    inputs = [[(each.name, each.state, each.source, each.until) for each in one.inputs] for one in (plan, before)]
    return inputs[0] == inputs[1] and plan.model_dump(exclude=made) == before.model_dump(exclude=made)
