"""Calls the scripts of the movable loads: at each change of what a load is to do, seen to run, and ended by the lease.

A script shows no value; that it ran stands in its `last_triggered`. What it does to the load nobody reads back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.engine.wanted_loads import LEFT_ALONE, WantedLoad
from darkstar_pipeline.service.home_assistant.entity_values import has_run, script_problem
from darkstar_pipeline.service.home_assistant.entity_writer import EntityClient
from darkstar_pipeline.service.home_assistant.lease import ServiceCall

ATTEMPTS = 3
"""A script that does not run is called so often, and then not before the plan changes."""
CONFIRM_SECONDS = 10.0
PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class LoadScript:
    """A script that carries out what a load is to do.

    Attributes:
        entity: its id.
        default_on: whether the load may run without Darkstar.
    """

    entity: str
    default_on: bool

    def call(self, wanted: WantedLoad) -> ServiceCall:
        """Return the call that tells what the load is to do."""
        variables = {
            "on": self.default_on if wanted.state == "default" else wanted.state == "on",
            "power_kw": round(wanted.power_kw, 2),
            "until": None if wanted.until is None else wanted.until.isoformat(),
        }
        data = {"entity_id": self.entity, "variables": variables}
        return ServiceCall(domain="script", service="turn_on", data=data)


@dataclass
class LoadScripts:
    """The scripts of the loads, by the load's name.

    Attributes:
        scripts: by load.
        client: Home Assistant.
        monotonic: seconds that only rise [s].
        wait: waits for so many seconds; returns whether it is to stop.
    """

    scripts: Mapping[str, LoadScript]
    client: EntityClient
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]
    _told: dict[str, WantedLoad | None] = field(default_factory=dict[str, WantedLoad | None])
    _tried: dict[str, tuple[WantedLoad, int]] = field(default_factory=dict[str, tuple[WantedLoad, int]])

    def default_calls(self) -> list[ServiceCall]:
        """Return the calls that leave the loads as they are without Darkstar."""
        return [script.call(LEFT_ALONE) for script in self.scripts.values()]

    def lead(self, wanted: Mapping[str, WantedLoad]) -> bool:
        """Return whether a load is to do something that has to be ended some day."""
        return any(wanted[name] != LEFT_ALONE for name in self.scripts)

    def forget(self) -> None:
        """Take it that the loads are as they are without Darkstar: nothing was called, or the guard has ended it."""
        self._told.clear()
        self._tried.clear()

    def tell(self, wanted: Mapping[str, WantedLoad]) -> str:
        """Call the scripts of loads that are to do something else; return what did not run, empty where all did."""
        problems = (self._tell(name, script, wanted[name]) for name, script in self.scripts.items())
        return "; ".join(problem for problem in problems if problem)

    def _tell(self, name: str, script: LoadScript, wanted: WantedLoad) -> str:
        if self._told.get(name, LEFT_ALONE) == wanted:
            return ""
        before, attempts = self._tried.get(name, (wanted, 0))
        attempts = attempts if before == wanted else 0
        if attempts >= ATTEMPTS:
            return f"{script.entity} does not run"
        try:
            state = self.client.state(script.entity)
            if problem := script_problem(script.entity, state):
                return problem
            self._tried[name] = (wanted, attempts + 1)
            self._told[name] = None  # a call that is not seen to run may be carried out late: it is ended all the same
            call = script.call(wanted)
            self.client.call(call.domain, call.service, call.data)
            if not self._runs(script.entity, state):
                return f"{script.entity} was called and does not run"
        except DarkstarError as error:
            return f"{script.entity}: {error.message}"
        self._told[name] = wanted
        return ""

    def _runs(self, entity: str, before: Mapping[str, object] | None) -> bool:
        """Return whether a script has run since a state of it, at most after a while."""
        deadline = self.monotonic() + CONFIRM_SECONDS
        while not has_run(self.client.state(entity), before):
            if self.monotonic() > deadline or self.wait(PAUSE_SECONDS):
                return False
        return True
