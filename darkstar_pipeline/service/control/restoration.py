"""Restores the inverter's default: calls what a lease names, and reads back whether it stands.

Home Assistant answers 200 to a call and skips an entity that is unavailable, so an accepted call proves nothing; only
the state that is read back does. A pass always looks, and writes only where the pace and the day's budget allow it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.default_pace import DefaultPace, Reserve
from darkstar_pipeline.service.home_assistant.entity_values import (
    State,
    has_no_value,
    has_value,
    in_shown_unit,
    number_of,
    refusal,
    script_problem,
    service_call,
    set_temperature_of,
    triggered_at,
    unit_of,
    within_limits,
)
from darkstar_pipeline.service.home_assistant.lease import ServiceCall
from darkstar_pipeline.service.home_assistant.profiles import SWITCHES, Action, Write
from darkstar_pipeline.service.logs import redacted

CONFIRM_SECONDS = 3.0
"""Time within which a pass waits for a value to be read back [s]; a slower entity is looked at in the next pass."""
PAUSE_SECONDS = 0.3
AWAY = "unavailable"
TOLERANCE_DEGREES = 0.51
"""Thermostats have steps of a half or a whole degree, and may round to a half of that [K]."""
SPENT = "the day's budget of writes is spent: one value an hour is written until midnight"
RENEWED = "the lease was renewed meanwhile"
MODES = (*SWITCHES, "select", "input_select")
_SWITCHED = {"turn_on": "on", "turn_off": "off"}


class Home(Protocol):
    """A Home Assistant whose entities can be read and set; `HomeAssistantClient` is the real one."""

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity; None where there is no such entity."""
        ...

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service."""
        ...


@dataclass(frozen=True)
class _Seen:
    """Result of a look at the entity of a call.

    Attributes:
        problem: why it is not at its default; empty where it is.
        call: the call that would set it, within its present limits; None where nothing can be set now.
        text: its state and unit, or why there is none.
        readable: whether its state is one that an entity of its kind can have; NaN and unknown are none.
    """

    problem: str
    call: ServiceCall | None
    text: str
    readable: bool = False


class Restoration:
    """Restores defaults, one pass after the other.

    Args:
        writes: counts the writes of the day.
        pace: of writing what is not taken.
        wait: waits for so many seconds.
    """

    def __init__(self, writes: DailyWrites, pace: DefaultPace, *, wait: Callable[[float], None]) -> None:
        self._writes, self._pace, self._wait = writes, pace, wait
        self._texts: dict[int, str] = {}
        self._changed = False
        self._written: list[int] = []
        self._blind: set[int] = set()
        self._refused: set[int] = set()
        self._triggered: dict[int, str] = {}

    def forget(self) -> None:
        """Take the next need for a new one: the default stands, or a lease is held again."""
        self._pace.over()
        self._texts.clear()
        self._changed = False
        self._written.clear()
        self._blind.clear()
        self._refused.clear()
        self._triggered.clear()

    def step(self, home: Home, calls: Sequence[ServiceCall], *, goes_on: Callable[[], bool]) -> list[str]:
        """Look at the entities, set what is not at its default where that is due, and read it back.

        Nothing is written to an entity that has its value, is unavailable or is missing. One entity that fails leaves
        the others to be set all the same.

        Args:
            home: Home Assistant.
            calls: service calls that restore the default, in this order.
            goes_on: asked before every exchange that writes; False ends the pass, because the lease was renewed.

        Returns:
            What is not at its default, and why; empty where the default was read back whole.
        """
        seen = self._look(home, calls)
        self._changed = self._changed or self._has_changed(seen)
        differing = [number for number, each in seen.items() if each.call is not None]
        ready = self._ready(differing, seen, calls)
        waited = self._waited(ready, differing, calls)
        if ready and (waited or self._due(len(calls))):
            first = waited or self._first(ready)
            if not self._set(home, seen, first, goes_on):
                return [RENEWED]
            seen = self._settled(home, calls, goes_on)
            left = [number for number in differing if seen[number].call is not None]
            rest = [number for number in self._ready(left, seen, calls) if number not in first]
            if rest and not any(seen[number].problem for number in first):  # it takes writes again
                if not self._set(home, seen, rest, goes_on):
                    return [RENEWED]
                seen = self._settled(home, calls, goes_on)
        self._texts = {number: each.text for number, each in seen.items()}
        problems = [each.problem for each in seen.values() if each.problem]
        if not problems:
            self.forget()
        elif self._writes.left() == 0:
            problems.append(SPENT)
        return problems

    def _due(self, n_default: int) -> bool:
        reserve = Reserve(self._writes.left(), n_default, self._writes.seconds_left())
        return self._pace.due(reserve, changed=self._changed)

    def _has_changed(self, seen: Mapping[int, _Seen]) -> bool:
        """Return whether an entity that is to be set shows another value than it did, or has one again."""
        return any(
            each.call is not None and each.readable and self._texts.get(number, each.text) != each.text
            for number, each in seen.items()
        )

    def _ready(self, differing: Sequence[int], seen: Mapping[int, _Seen], calls: Sequence[ServiceCall]) -> list[int]:
        """Return what may be set now: what stands behind a mode waits until that is at its default.

        A limit that is raised again while a charge still runs would have it charge at full power. A mode that Home
        Assistant refuses, such as an option that is gone, is not waited for; one that cannot be seen is: unavailable,
        renamed, in another unit.
        """
        unseen = [number for number, each in seen.items() if each.problem and each.call is None]
        waited = sorted({*differing, *unseen} - self._refused)
        modes = [number for number in waited if _is_mode(calls[number])]
        return [number for number in differing if number in modes or not modes or number < modes[0]]

    def _waited(self, ready: Sequence[int], differing: Sequence[int], calls: Sequence[ServiceCall]) -> list[int]:
        """Return what has waited for a mode that we have set and that stands now, within what is left of the budget."""
        ended = [number for number in self._written if number not in differing and _is_mode(calls[number])]
        waited = [number for number in ready if number not in self._written and any(mode < number for mode in ended)]
        return waited[: self._writes.left()]

    def _first(self, ready: Sequence[int]) -> list[int]:
        """Return what is set first: all, or to see whether the inverter takes anything, what was not set for longest.

        At most what is left of the day's budget, and one in any case.
        """
        if self._changed or not self._pace.begun:
            return list(ready[: max(self._writes.left(), 1)])
        return [min(ready, key=lambda number: self._written.index(number) if number in self._written else -1)]

    def _set(self, home: Home, seen: Mapping[int, _Seen], numbers: Sequence[int], goes_on: Callable[[], bool]) -> bool:
        """Set entities; return whether the lease is still the same. What is wrong is told by the look after it."""
        self._pace.add(changed=self._changed)
        self._changed = False
        for number in numbers:
            if not goes_on():
                return False
            call = seen[number].call
            if call is not None:
                self._writes.add()
                self._triggered[number] = seen[number].text
                self._written = [*(each for each in self._written if each != number), number]
                failed = _attempt(lambda call=call: home.call(call.domain, call.service, call.data)).problem
                self._blind |= set() if failed else {number}
                self._refused = self._refused | {number} if failed else self._refused - {number}
        return True

    def _settled(self, home: Home, calls: Sequence[ServiceCall], goes_on: Callable[[], bool]) -> dict[int, _Seen]:
        """Look until the default stands, at most for a while; return the last look."""
        waited = 0.0
        while True:
            seen = self._look(home, calls)
            if not any(each.problem for each in seen.values()) or waited >= CONFIRM_SECONDS or not goes_on():
                return seen
            self._wait(PAUSE_SECONDS)
            waited += PAUSE_SECONDS

    def _look(self, home: Home, calls: Sequence[ServiceCall]) -> dict[int, _Seen]:
        return {number: self._seen(home, number, call) for number, call in enumerate(calls)}

    def _seen(self, home: Home, number: int, call: ServiceCall) -> _Seen:
        write = _write_of(call)
        if write is not None:
            return _attempt(lambda: _look_at(home, write))
        if call.domain == "script":
            return _attempt(lambda: self._script(home, number, call))
        if call.service == "set_temperature":
            return _attempt(lambda: _thermostat(home, call))
        if number in self._blind:  # of a kind that this release does not write: nothing can be read back
            return _Seen("", None, "")
        return _Seen(f"{call.domain}.{call.service} has not been called yet", call, "")

    def _script(self, home: Home, number: int, call: ServiceCall) -> _Seen:
        """Look whether a script has run since it was called."""
        entity = str(call.data.get("entity_id"))
        state = home.state(entity)
        if problem := script_problem(entity, state):
            return _Seen(problem, None, "")
        triggered = triggered_at(state)
        if number in self._blind and triggered != self._triggered.get(number):
            return _Seen("", None, triggered)
        return _Seen(f"{entity} has not run yet", call, triggered)


def in_short(error: Exception) -> str:
    """Return an error as one line without secrets."""
    text = error.message if isinstance(error, DarkstarError) else f"{type(error).__name__}: {error}"
    return redacted(" ".join(text.split()))


def _attempt(step: Callable[[], _Seen | None]) -> _Seen:
    """Return what a step saw, or the problem that it raises."""
    try:
        return step() or _Seen("", None, "")
    except Exception as error:  # noqa: BLE001 - whatever one entity does, the others are restored
        return _Seen(in_short(error), None, in_short(error))


def _look_at(home: Home, write: Write) -> _Seen:
    """Look at an entity."""
    state = home.state(write.entity)
    if state is None:
        return _Seen(f"{write.entity} does not exist in Home Assistant", None, "")
    text = str(state.get("state"))
    if text == AWAY:
        return _Seen(f"{write.entity} is unavailable", None, text)
    write = in_shown_unit(state, write)
    if why := refusal(state, write) if write.unit else "":
        return _Seen(why, None, text)
    if _stands(state, write):
        return _Seen("", None, text)
    wanted = within_limits(state, write)
    shown = f"{text} {unit_of(state)}"
    readable = not has_no_value(state) and (isinstance(write.value, str) or number_of(state) is not None)
    return _Seen(f"{write.entity} is {text}, its default is {wanted.value}", service_call(wanted), shown, readable)


def _thermostat(home: Home, call: ServiceCall) -> _Seen:
    """Look at a thermostat, which shows the temperature that it is set to as an attribute."""
    entity, wanted = str(call.data.get("entity_id")), number_of({"state": call.data.get("temperature")})
    state = home.state(entity)
    if state is None or str(state.get("state")) == AWAY:
        return _Seen(f"{entity} {'does not exist in Home Assistant' if state is None else 'is unavailable'}", None, "")
    shown = set_temperature_of(state)
    if shown is not None and wanted is not None and abs(shown - wanted) <= TOLERANCE_DEGREES:
        return _Seen("", None, str(shown))
    return _Seen(f"{entity} is set to {shown}, its default is {wanted}", call, str(shown), shown is not None)


def _stands(state: State, write: Write) -> bool:
    """Return whether an entity has its default, as far as its present limits allow."""
    return has_value(state, within_limits(state, write))


def _is_mode(call: ServiceCall) -> bool:
    """Return whether a call sets a mode: an option, a switch, or what a service forces."""
    return call.ends or call.reads is not None or call.domain in MODES


def _write_of(call: ServiceCall) -> Write | None:
    """Return the value that a call gives to an entity; None for a call of another kind."""
    if call.reads is not None and call.shows is not None:
        return Write(call.reads, call.shows, action=Action(call.domain, call.service, tuple(call.data.items())))
    entity, value = call.data.get("entity_id"), call.data.get("option", call.data.get("value"))
    if call.domain in SWITCHES:
        value = _SWITCHED.get(call.service)
    if not isinstance(entity, str) or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        write = Write(entity, value if isinstance(value, str) else float(value), call.unit or "")
        known = (write.domain, write.service) == (call.domain, call.service)
    except KeyError:
        return None
    return write if known else None
