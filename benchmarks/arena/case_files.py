"""Case files, told apart by their keys: homes, requests with several batteries, or a month of a home with panels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

from benchmarks.arena import home_rows, joint_rows, solar_rows
from benchmarks.arena.shapes import SHAPE, Part, refused
from benchmarks.harness.results import Detail, Row
from darkstar_pipeline.errors import DataMissingError
from planner.errors import PlannerError

Measure = Callable[[Part], Row]


class Shape(NamedTuple):
    """A shape of cases.

    Attributes:
        keys: what every case of it has.
        measure: makes a case's row.
    """

    keys: frozenset[str]
    measure: Measure


SHAPES = {
    "quarter_hour_homes": Shape(
        frozenset({"name", "slot_hours", "battery", "load_kwh", "import_price"}), home_rows.row
    ),
    "many_batteries": Shape(frozenset({"name", "request"}), joint_rows.row),
    "solar_home_two_price": Shape(frozenset({"home", "test", "price_per_kwh"}), solar_rows.row),
}


def rows_of_file(path: Path, *, first: int | None = None) -> list[Row]:
    """Solve the cases of a file, a row each.

    Args:
        path: the file.
        first: how many of them; None for all.

    Raises:
        DataMissingError: it is not there.
        DataRefusedError: it is none of the shapes, or a value in it is wrong; says where.
    """
    measured = [(measure_of(case), case) for case in read_cases(path)]
    return [_row(measure, case) for measure, case in measured[:first]]


def _row(measure: Measure, case: Part) -> Row:
    """Measure a case; one that cannot be solved is a row that says so, and the others go on."""
    try:
        return measure(case)
    except PlannerError as error:
        name = str(case.values.get("name", case.place))
        details: dict[str, Detail] = {"case": name, "ours": None, "verified": False, "faults": str(error)}
        return Row(name, "not solved", target="solved", met=False, details=details)


def read_cases(path: Path) -> list[Part]:
    """Return the cases of a file, at least one.

    Raises:
        DataMissingError: it is not there.
        DataRefusedError: it holds no list of objects.
    """
    if not path.is_file():
        raise DataMissingError(f"{path} is not there", "name a file of cases with --cases")
    try:
        found = cast("object", json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise refused(str(path), f"is no JSON document: {error}") from error
    values = cast("list[object]", found) if isinstance(found, list) else [found]
    if not values:
        raise refused(str(path), "holds no case")
    return [Part.of(_place(path, number, value), value, path.parent) for number, value in enumerate(values, start=1)]


def measure_of(case: Part) -> Measure:
    """Return what measures a case of its shape.

    Raises:
        DataRefusedError: its keys are of no shape.
    """
    for shape in SHAPES.values():
        if shape.keys <= set(case.values):
            return shape.measure
    nearest = min(SHAPES, key=lambda name: len(SHAPES[name].keys - set(case.values)))
    missing = ", ".join(sorted(SHAPES[nearest].keys - set(case.values)))
    raise refused(case.place, f"is of no known shape; for one as in {nearest} it lacks {missing}", SHAPE)


def _place(path: Path, number: int, value: object) -> str:
    name = cast("dict[str, object]", value).get("name") if isinstance(value, dict) else None
    return f"{path}: case {number}" + (f" ({name})" if isinstance(name, str) else "")
