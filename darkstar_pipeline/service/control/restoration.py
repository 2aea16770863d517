"""Restores the inverter's default: calls what a lease names, and reads back whether it stands.

Home Assistant answers 200 to a call and skips an entity that is unavailable, so an accepted call proves nothing; only
the state that is read back does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.home_assistant.entity_values import State, has_value, service_call, within_limits
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import Write
from darkstar_pipeline.service.logs import redacted

CONFIRM_SECONDS = 3.0
"""Time within which a pass waits for a value to be read back [s]; a slower entity is looked at in the next pass."""
PAUSE_SECONDS = 0.3
AWAY = "unavailable"


class Home(Protocol):
    """A Home Assistant whose entities can be read and set; `HomeAssistantClient` is the real one."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity; None where there is no such entity."""
        ...

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service."""
        ...


def restore_default(
    home: Home, calls: Sequence[ServiceCall], *, wait: Callable[[float], None], goes_on: Callable[[], bool]
) -> list[str]:
    """Set what is not at its default, and read it back.

    Nothing is written to an entity that has its value, is unavailable or is missing. One entity that fails leaves the
    others to be set all the same.

    Args:
        home: Home Assistant.
        calls: service calls that restore the default, in this order.
        wait: waits for so many seconds.
        goes_on: asked before every exchange; False ends the pass, because the lease was renewed meanwhile.

    Returns:
        What is not at its default, and why; empty where the default was read back whole.
    """
    problems: dict[int, str] = {}
    for number, call in enumerate(calls):
        if not goes_on():
            return ["the lease was renewed meanwhile"]
        problems[number] = _attempt(lambda call=call: _set(home, call))
    waited = 0.0
    while True:
        problems = {number: _attempt(lambda call=calls[number]: _look(home, call)) for number in problems}
        problems = {number: problem for number, problem in problems.items() if problem}
        if not problems or waited >= CONFIRM_SECONDS or not goes_on():
            return list(problems.values())
        wait(PAUSE_SECONDS)
        waited += PAUSE_SECONDS


def in_short(error: Exception) -> str:
    """Return an error as one line without secrets."""
    text = error.message if isinstance(error, DarkstarError) else f"{type(error).__name__}: {error}"
    return redacted(" ".join(text.split()))


def _attempt(step: Callable[[], str]) -> str:
    """Return the problem that a step tells or raises."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - whatever one entity does, the others are restored
        return in_short(error)


def _set(home: Home, call: ServiceCall) -> str:
    """Call the service where the entity is there and has another value; what is wrong is told by the look after it."""
    write = _write_of(call)
    if write is None:  # of a kind that this release does not write: nothing can be read back
        home.call(call.domain, call.service, call.data)
        return ""
    state = home.state(write.entity)
    if state is not None and state.get("state") != AWAY and not _stands(state, write):
        wanted = service_call(within_limits(state, write))
        home.call(wanted.domain, wanted.service, wanted.data)
    return ""


def _look(home: Home, call: ServiceCall) -> str:
    """Return why an entity is not at its default; empty where it is."""
    write = _write_of(call)
    if write is None:
        return ""
    state = home.state(write.entity)
    if state is None:
        return f"{write.entity} does not exist in Home Assistant"
    if state.get("state") == AWAY:
        return f"{write.entity} is unavailable"
    if _stands(state, write):
        return ""
    return f"{write.entity} is {state.get('state')}, its default is {within_limits(state, write).value}"


def _stands(state: State, write: Write) -> bool:
    """Return whether an entity has its default, as far as its present limits allow."""
    return has_value(state, within_limits(state, write))


def _write_of(call: ServiceCall) -> Write | None:
    """Return the value that a call gives to an entity; None for a call of another kind."""
    entity, value = call.data.get("entity_id"), call.data.get("option", call.data.get("value"))
    if not isinstance(entity, str) or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        write = Write(entity, value if isinstance(value, str) else float(value))
        known = (write.domain, write.service) == (call.domain, call.service)
    except KeyError:
        return None
    return write if known else None
