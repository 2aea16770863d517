"""A benchmark's rows, the scope that it runs in, and the table or document of its rows.

A benchmark is a module with a function `run(scope: Scope) -> list[Row]`. It runs on the homes of its scope: the
measured ones beside the checkout (`../shared/data`), or those that come with the project.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from rich.table import Column, Table

from benchmarks.homes.bench_homes import BenchHomes

Value = TypeVar("Value")
DETAILS_SHOWN = ("published", "difference", "verified", "unknown_future")  # the document has all of them
WIDEST_FIGURE, WIDEST_OF_A_CASE = 42, 12  # columns of a terminal of 80
Detail = float | int | str | bool | None
Applies = Literal["always", "whole", "measured"]
"""When a target applies: in every run, in the whole form, or in the whole form on the measured homes."""


@dataclass(frozen=True)
class Row:
    """One figure of a benchmark.

    Attributes:
        figure: its name, the same in every run.
        value: the measured value.
        unit: unit of the value; empty for a share or a count.
        target: the target in words such as `>= 0.99`; None without one.
        met: whether the value meets the target; None without one.
        applies: when the target applies; where it does not, the row goes out without it.
        details: further columns of the document by name; none in most benchmarks.
    """

    figure: str
    value: float | int | str
    unit: str = ""
    target: str | None = None
    met: bool | None = None
    applies: Applies = "always"
    details: Mapping[str, Detail] = field(default_factory=dict[str, Detail])


@dataclass(frozen=True)
class Scope:
    """Size of a benchmark's run, and its homes.

    Attributes:
        homes: the homes and prices.
        short: run the short form: the same work on less data, within two minutes on two cores.
        outside: run the form `--outside` of a benchmark that has one.
        cases: file of cases for a benchmark that takes one; None for its own.
        fleet_homes: number of homes of a fleet's benchmark; None for its own.
        charged_share: share of them that pay for power.
    """

    homes: BenchHomes
    short: bool = False
    outside: bool = False
    cases: Path | None = None
    fleet_homes: int | None = None
    charged_share: float = 0.0

    def of(self, whole: Value, short: Value) -> Value:
        """Return the one of two values that belongs to the form that runs."""
        return short if self.short else whole

    def aimed(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows without the targets that do not apply in this scope."""
        applying = {"always", *(() if self.short else ("whole",))}
        if self.homes.measured and not self.short:
            applying.add("measured")
        return [row if row.applies in applying else replace(row, target=None, met=None) for row in rows]


def document(name: str, rows: Sequence[Row], scope: Scope, *, on_homes: bool = True) -> Mapping[str, object]:
    """Return the document of `--json`: `{benchmark, date, cores, data, homes, short, rows}`."""
    keys = ("figure", "value", "unit", "target", "met")
    return {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "data": _data(scope, on_homes=on_homes),
        "homes": _homes(scope) if on_homes else "none: everything is drawn from seeds",
        "short": scope.short,
        "rows": [{key: getattr(row, key) for key in keys} | dict(row.details) for row in rows],
    }


def _homes(scope: Scope) -> str:
    return scope.homes.description if scope.cases is None else f"the cases of {scope.cases}"


def _data(scope: Scope, *, on_homes: bool) -> str:
    if not on_homes:
        return "seeds"
    return "measured" if scope.homes.measured else "shipped"


def table(name: str, rows: Sequence[Row], scope: Scope, *, on_homes: bool = True) -> Table:
    """Return the rows as a table for a person."""
    homes = _homes(scope) if on_homes else "drawn from seeds"
    title = f"{name}{' (short form, figures say little)' if scope.short else ''}: {homes}"
    further = [key for key in DETAILS_SHOWN if any(key in row.details for row in rows)]
    widest = WIDEST_OF_A_CASE if further else WIDEST_FIGURE
    width = min(max((len(row.figure) for row in rows), default=0), widest)
    figure, value = Column("figure", min_width=width, overflow="fold"), Column("value", overflow="fold")
    if further:  # cases: what was published takes the place of the target
        table = Table(figure, value, *(key.replace("_", " ") for key in further), "met", title=title)
    else:
        table = Table(figure, value, "unit", "target", "met", title=title)
    for row in rows:
        middle = [_shown(row.details.get(key)) for key in further] or [row.unit, row.target or ""]
        table.add_row(row.figure, _shown(row.value), *middle, _shown(row.met))
    return table


def _shown(value: Detail) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return {None: "", True: "yes", False: "NO"}[value] if value is None or isinstance(value, bool) else str(value)
