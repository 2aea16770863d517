"""Names that are parts of one whole: two tariffs of a meter, three phases, two strings, inverters or batteries.

Parts have the same name but for one kind of word: a number after such a word as `tariff` or `phase`, or one of a set of
opposite words (`day` and `night`). A single name says nothing of that, except a tariff's, which is never the whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from darkstar_pipeline.sources.home_assistant.sensor_names import words

_COUNTED = {
    "tariff": "tarif tariff tarief t rate delivered returned electricity ht nt",
    "phase": "l phase fas faza phases em channel",
    "string": "pv string mppt strang ppv",
    "unit": "inverter battery batteries batteri batterie akku b i m meter unit roof array panel "
    "wechselrichter vaxelriktare",
}
_OPPOSITE = {
    "tariff": "peak offpeak shoulder low high normal day night dag natt nacht laag hoog dal piek ht nt hp hc "
    "tag normaal",
    "phase": "a b c r s t",
    "string": "east west south north ost sud syd vast norr osten westen suden",
}
_LETTERS = ["a", "b", "c", "r", "s", "t"]
_MOST = 9


@dataclass(frozen=True)
class Whole:
    """A set of names that are parts of one whole.

    Attributes:
        parts: the names, in the order in which they were given.
        kind: tariff, phase, string or unit.
    """

    parts: tuple[str, ...]
    kind: str


def wholes_of(names: Sequence[str]) -> list[Whole]:
    """Return the sets of two or more names that are parts of one whole."""
    sets: dict[tuple[str, ...], list[str]] = {}
    kinds: dict[tuple[str, ...], str] = {}
    for name in names:
        pattern, kind = _pattern(name)
        if kind:
            sets.setdefault(pattern, []).append(name)
            kinds[pattern] = kind
    return [Whole(tuple(parts), kinds[pattern]) for pattern, parts in sets.items() if len(parts) > 1]


def one_tariff(name: str) -> str | None:
    """Return the tariff that a name counts alone, such as `tariff 1`; None if it says none."""
    found = re.search(r"_(tarif|tariff|tarief|delivered|returned|t)_([1-4])_", _joined(name))
    return f"tariff {found[2]}" if found else None


def _joined(name: str) -> str:
    return words(name.split(".", 1)[-1]).replace("_off_peak_", "_offpeak_")


def _pattern(name: str) -> tuple[tuple[str, ...], str]:
    """The words of a name with those that tell parts apart replaced, and the kind of part; empty if there is none."""
    parts = _joined(name).strip("_").split("_")
    kind = ""
    result: list[str] = []
    for position, word in enumerate(parts):
        own = _kind_of(word, parts[position - 1] if position else "", last=position == len(parts) - 1)
        result.append(f"<{own}>" if own else word)
        kind = own or kind
    return tuple(result), kind


def _kind_of(word: str, before: str, *, last: bool) -> str:
    """The kind of part that a word tells apart; empty if none."""
    if word.isdigit():
        if int(word) > _MOST:
            return ""
        counted = next((kind for kind, marks in _COUNTED.items() if before in marks.split()), "")
        return counted or ("unit" if last else "")
    if word in _LETTERS and not last:
        return "phase" if before in _COUNTED["phase"].split() else ""
    return next((kind for kind, choices in _OPPOSITE.items() if word in choices.split()), "")
