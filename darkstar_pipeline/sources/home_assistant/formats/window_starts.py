"""Gives the first state of each window of history the instant that it is of.

Home Assistant begins a window with the state from before it and stamps that with the window's start. Of a level that is
right; a counter's value is older than its stamp, so that the first slot of every window would get energy from before
it: 30 % too much where a counter reports every five minutes. The window before usually has that state with its time,
and those before it, by which a reader can tell a counter's usual step from one after lost readings.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

State = Mapping[str, Any]
KEPT = 12
"""States before a window that are read with it."""
_STAMPS = ("last_updated", "last_changed")


class WindowStarts:
    """Remembers each counter's states of the last window."""

    def __init__(self) -> None:
        self._seen: dict[str, list[State]] = {}

    def placed(self, lists: Sequence[list[State]], since: datetime) -> list[list[State]]:
        """Return the states of a window, each counter's first one at its own time, or left out where none knows it.

        Args:
            lists: states of each entity, ascending, as Home Assistant answers; none of them empty.
            since: start of the window.
        """
        placed = [self._of_counter(states, since) if _counts(states[0]) else list(states) for states in lists]
        self._seen = {str(states[0].get("entity_id")): states for states in placed if _counts(states[0])}
        return placed

    @staticmethod
    def has_news(lists: Sequence[Sequence[State]], since: datetime) -> bool:
        """Return whether any state was recorded in a window: its first ones are of before it, whatever their stamps."""
        return any(instant > since for states in lists for each in states if (instant := _instant(each)) is not None)

    def _of_counter(self, states: list[State], since: datetime) -> list[State]:
        first, rest = states[0], states[1:]
        if _instant(first) != since:
            return states
        before = [each for each in self._seen.get(str(first.get("entity_id")), []) if (_instant(each) or since) < since]
        if before and before[-1].get("state") == first.get("state"):
            return [*before[-KEPT:], *rest]
        # A counter that has stood still since then has no later state, and its value is right at any time.
        return rest or states


def _counts(state: State) -> bool:
    """Return whether an entity counts energy."""
    attributes: Mapping[str, Any] = state.get("attributes") or {}
    return str(attributes.get("unit_of_measurement", "")).endswith("Wh")


def _instant(state: State) -> datetime | None:
    """Return when a state was reported; None where it does not say."""
    stamp = next((state[name] for name in _STAMPS if isinstance(state.get(name), str)), None)
    try:
        return None if stamp is None else datetime.fromisoformat(stamp)
    except ValueError:
        return None
