"""The rule of what goes: what is past its time, and the oldest of a kind that is above its budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Item:
    """A part of a kind of state that goes as a whole.

    Attributes:
        name: unique within its kind.
        at: when it was made or last changed (UTC).
        size: room that its removal frees [B]; an estimate where it lies in a database.
        needed: why it stays whatever its age; empty where it may go.
    """

    name: str
    at: datetime
    size: int
    needed: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule of how much of a kind is kept.

    Attributes:
        setting: the setting that says so.
        days: age from which on an item goes [days].
        at_least: number of the newest items that stay whatever their age: a clock that is years ahead leaves them.
        budget: size of the kind above which its oldest items go earlier [B].
    """

    setting: str
    days: int
    at_least: int
    budget: int


def surplus(items: Sequence[Item], rule: Rule, *, now: datetime, size: int) -> list[Item]:
    """Return the items that go, the oldest first.

    Args:
        items: all items of the kind.
        rule: how much is kept.
        now: the present instant (UTC).
        size: size of the kind with all that belongs to it [B].
    """
    oldest_first = sorted(items, key=lambda item: (item.at, item.name))
    removable = [item for item in oldest_first[: max(0, len(items) - rule.at_least)] if not item.needed]
    limit, left, gone = now - timedelta(days=rule.days), size, list[Item]()
    for item in removable:
        if item.at >= limit and left <= rule.budget:
            break
        gone.append(item)
        left -= item.size
    return gone
