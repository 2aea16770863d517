"""Says whether the plan steers the battery: one answer for the page, the API, health, metrics and the command line."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.controller import Controller
from darkstar_pipeline.service.control.lease_keeper import EXPIRED, OUTSTANDING
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.service.schemas.steering import Steering, SteeringState
from planner.wording.messages import phrase

OFF_WORDS = phrase("Control is off: the plan is shown, and nothing is written to the inverter.")
_WORDS: dict[SteeringState, str] = {
    "steering": phrase("The plan steers the battery."),
    "default": phrase("The inverter runs its own default."),
    "waiting": phrase("Control is on; no command has been read back from the inverter yet."),
    "dry_run": phrase("Dry run: commands are logged, and nothing is written to the inverter."),
    "off": OFF_WORDS,
    "manual": phrase("Automatic mode is off: the inverter runs its own default."),
    "trial": phrase("A trial at another time: nothing is read, published or written outside."),
    "hands_off": phrase("Hands off: others have the battery for now, and nothing is written."),
    "no_plan": phrase("There is no plan with prices for this moment: the inverter runs its own default."),
}


@dataclass
class SteeringStatus:
    """The present answer, and since when it has been the same.

    Attributes:
        control: of the inverter; None where there is none.
        trial: whether the service runs at another time.
        automatic: returns whether automatic mode is on.
        plan: returns the latest plan.
        clock: the service's clock.
    """

    control: Controller | None
    trial: bool
    automatic: Callable[[], bool]
    plan: Callable[[], PlanDocument]
    clock: Clock
    _last: Steering | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> Steering:
        """Return whether the plan steers the battery at this moment."""
        state, words = self._state()
        with self._lock:
            if self._last is None or (self._last.state, self._last.words) != (state, words):
                same = self._last is not None and self._last.state == state
                since = self._last.since if same and self._last is not None else self.clock.now()
                self._last = Steering(state=state, steers=state == "steering", words=words, since=since)
            return self._last

    def _state(self) -> tuple[SteeringState, str]:
        state, problem = self._state_and_problem()
        if state == "released":
            return state, phrase("The guard ends the command: {problem}.", problem=problem)
        if state == "fault":
            return state, phrase("The plan does not steer the battery: {problem}.", problem=problem)
        return state, _WORDS[state]

    def _state_and_problem(self) -> tuple[SteeringState, str]:
        if self.trial or self.control is None or not self.control.settings.enabled:
            return ("trial" if self.trial else "off"), ""
        if self.control.status().dry_run:
            return "dry_run", ""
        return self._state_of_control(self.control)

    def _state_of_control(self, control: Controller) -> tuple[SteeringState, str]:
        """Return the state where control is on, and the problem where there is one."""
        status = control.status()
        if control.stuck or status.problem:
            problem = phrase("control hangs") if control.stuck else status.problem
            return ("released" if problem in (EXPIRED, OUTSTANDING) else "fault"), problem
        if control.hands_off.until(self.clock.now()) is not None:
            return "hands_off", ""
        if not self.automatic():
            return "manual", ""
        if not _has_prices(self.plan(), self.clock):
            return "no_plan", ""
        at_work: SteeringState = "steering" if status.commanded else "default"
        return ("waiting" if status.confirmed_at is None else at_work), ""


def _has_prices(plan: PlanDocument, clock: Clock) -> bool:
    """Return whether a verified plan with prices covers this moment."""
    covers = plan.verified and plan.created_at <= clock.now() < plan.valid_until
    return covers and plan.cost is not None
