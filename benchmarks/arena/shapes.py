"""Checked reading of case files: a value by its place, and the wrong one refused with place and remedy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from darkstar_pipeline.errors import DataRefusedError
from env.types import Energy

HUGE = 1e9  # no price, power or energy of a home is
SHAPE = "see 'The arena' in benchmarks/README.md for the shapes of case files"


def refused(place: str, what: str, remedy: str = SHAPE) -> DataRefusedError:
    """Return the error for a wrong value: where it stands, what is wrong, what to do."""
    return DataRefusedError(f"{place}: {what}", remedy)


@dataclass(frozen=True)
class Part:
    """One object of a case file.

    Attributes:
        place: where it stands, such as `cases.json: case 3 (winter): battery`.
        values: its members by key.
        folder: folder of the file, which other files are named from.
    """

    place: str
    values: Mapping[str, object]
    folder: Path = Path()

    @classmethod
    def of(cls, place: str, value: object, folder: Path = Path()) -> "Part":
        """Return an object of the file.

        Raises:
            DataRefusedError: it is none.
        """
        if not isinstance(value, dict):
            raise refused(place, f"expected an object with keys, got {_kind(value)}")
        return cls(place, cast("dict[str, object]", value), folder)

    def has(self, key: str) -> bool:
        """Return whether there is a value that is not null."""
        return self.values.get(key) is not None

    def get(self, key: str) -> object:
        """Return a value that must be there.

        Raises:
            DataRefusedError: it is not.
        """
        if key not in self.values:
            raise refused(self.place, f"the key {key} is missing")
        return self.values[key]

    def part(self, key: str) -> "Part":
        """Return an object inside this one."""
        return Part.of(f"{self.place}: {key}", self.get(key))

    def parts(self, key: str) -> list["Part"]:
        """Return a list of objects, of at least one.

        Raises:
            DataRefusedError: it is no such list.
        """
        values = self.get(key)
        if not isinstance(values, list) or not values:
            raise refused(f"{self.place}: {key}", f"expected a list of objects, got {_kind(values)}")
        found = cast("list[object]", values)
        return [Part.of(f"{self.place}: {key} {number}", value) for number, value in enumerate(found, start=1)]

    def number(self, key: str, *, least: float = -math.inf, most: float = math.inf) -> float:
        """Return a finite number within bounds.

        Raises:
            DataRefusedError: it is none.
        """
        return _number(f"{self.place}: {key}", self.get(key), least, most)

    def maybe(self, key: str, *, least: float = -math.inf, most: float = math.inf) -> float | None:
        """Return a number, or None where it is null or missing."""
        return self.number(key, least=least, most=most) if self.has(key) else None

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a true or false, or the default where it is missing.

        Raises:
            DataRefusedError: it is neither.
        """
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise refused(f"{self.place}: {key}", f"expected true or false, got {value!r}")
        return value

    def text(self, key: str) -> str:
        """Return a text.

        Raises:
            DataRefusedError: it is none.
        """
        value = self.get(key)
        if not isinstance(value, str):
            raise refused(f"{self.place}: {key}", f"expected a text, got {_kind(value)}")
        return value

    def series(self, key: str, *, least: float = -math.inf, length: int | None = None) -> Energy:
        """Return a list of finite numbers as an array.

        Args:
            key: its name.
            least: bound of every number.
            length: how many there must be; None for any number above 0.

        Raises:
            DataRefusedError: it is no list of that length, or one of its numbers is wrong.
        """
        return _series(f"{self.place}: {key}", self.get(key), least, length)

    def rows(self, key: str, *, length: int) -> list[Energy]:
        """Return a list of series, none where it is null or missing."""
        values = self.values.get(key) or []
        if not isinstance(values, list):
            raise refused(f"{self.place}: {key}", f"expected a list of series, got {_kind(values)}")
        found = cast("list[object]", values)
        return [
            _series(f"{self.place}: {key} {number}", each, 0.0, length) for number, each in enumerate(found, start=1)
        ]


def _series(place: str, values: object, least: float, length: int | None) -> Energy:
    if not isinstance(values, list) or not values:
        raise refused(place, f"expected a list of numbers, got {_kind(values)}")
    found = cast("list[object]", values)
    if length is not None and len(found) != length:
        raise refused(place, f"has {len(found)} values where the first series has {length}", "give one a slot")
    return np.array([_number(f"{place}, slot {slot}", value, least) for slot, value in enumerate(found)])


def _number(place: str, value: object, least: float, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < HUGE:
        what = f"expected a finite number, got {value!r:.40}"
        raise refused(place, what, "write a number, in the units of the shape")
    if not least <= value <= most:
        bounds = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise refused(place, f"must be {bounds}, got {value:g}", "correct the value")
    return float(value)


def _kind(value: object) -> str:
    words = {type(None): "null", dict: "an object", list: "an empty list", str: "a text", bool: "true or false"}
    return words.get(type(value), "a number")
