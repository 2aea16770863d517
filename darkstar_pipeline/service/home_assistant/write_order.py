"""The order of an inverter's writes: what ends a mode comes first, and is seen to stand before a power may rise.

Between two modes an inverter has, for a second or for its integration's lag, some of the values of one and some of the
other: a charge that still runs would take the whole power of the limit that the next command raises, and a power that
is to be sold would first be charged. So a mode that is on is ended before other values are written, and one forced mode
follows another only by way of the default's. A mode that begins keeps its place in the profile: behind its powers.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from darkstar_pipeline.service.home_assistant.profiles import Write

Shown = Callable[[str], str | None]
"""Returns what an entity shows; None where that is not known."""


def in_safe_order(writes: Sequence[Write], shown: Shown) -> list[Write]:
    """Return writes that differ, those that end a mode first.

    Args:
        writes: in the order of the profile.
        shown: returns what an entity shows now.

    >>> mode = Write("select.mode", "sell", rest="self_use")
    >>> [write.value for write in in_safe_order([Write("number.power", 4000.0), mode], lambda _: "charge")]
    ['self_use', 4000.0, 'sell']
    """
    ending = [write for write in writes if write.ends]
    rest = [write for write in writes if not write.ends]
    if len(rest) > 1:  # alone, a mode follows another at once: no other value is written between
        ending += [
            replace(write, value=write.rest, ends=True)
            for write in rest
            if write.rest is not None and _is_on(write, shown(write.entity))
        ]
    return [*ending, *rest]


def _is_on(write: Write, shows: str | None) -> bool:
    """Return whether an entity that gets a mode has another one than that and the default's."""
    return shows is not None and shows not in (write.rest, write.value)


def first_part(writes: Sequence[Write]) -> tuple[Sequence[Write], Sequence[Write]]:
    """Return the writes that have to stand before the others, and the others."""
    n_first = next((number for number, write in enumerate(writes) if not write.ends), len(writes))
    return writes[:n_first], writes[n_first:]
