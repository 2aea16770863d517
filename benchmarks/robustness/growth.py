"""Growth of the state folder over a simulated year, before retention and after it.

Every day adds what a day of use leaves (`homes.simulated_state`), every Monday what a retrain leaves. Retention is
applied every fourteenth day. The short form has ten weeks and times that are a fifth.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.simulated_state import SimulatedState, noon
from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.retention.cleaning import clean
from darkstar_pipeline.retention.kinds import size_of

DAYS, SHORT_DAYS = 365, 70
CLEAN_EVERY = 14
SHORT_RETENTION: dict[str, object] = {
    "plans_days": 9,
    "dagster_days": 20,
    "runs_days": 20,
    "versions": 3,
    "versions_days": 18,
    "checkpoints_days": 6,
    "quarantine_days": 20,
    "pictures_days": 20,
    "log_mib": 5,
}
YEAR_RETENTION: dict[str, object] = {"quarantine_days": 150, "pictures_days": 150}
"""So that a year is long enough to see them go."""
MB = 1e6
MOST_MADE, MOST_GROWTH = 60.0, 0.5
"""Limits of what a day makes, and of what is left of it in the last quarter, lake aside [MB a day]."""


@dataclass
class Growth:
    """Sizes over simulated days.

    Attributes:
        made: bytes that were added.
        sizes: size after each cleaning, the lake aside [B].
        peak: largest size before a cleaning, the lake aside [B].
        longest_seconds: of the cleanings.
        problems: what a cleaning could not do.
        lost: lake's days and versions in use or rolled back to that are gone.
    """

    made: int = 0
    sizes: list[int] = field(default_factory=list[int])
    peak: int = 0
    longest_seconds: float = 0.0
    problems: list[str] = field(default_factory=list[str])
    lost: int = 0


def simulate(folder: Path, days: int, retention: dict[str, object], *, clean_every: int = CLEAN_EVERY) -> Growth:
    """Let days go by in a state folder.

    Args:
        folder: an empty folder to work in.
        days: number of days.
        retention: settings of retention.
        clean_every: days between two cleanings.
    """
    state, growth = SimulatedState(folder / "state", retention), Growth()
    for day in range(days):
        before = size_of(state.home)
        state.add_day(noon(day))
        growth.made += size_of(state.home) - before
        if day % clean_every == clean_every - 1:
            _clean(state, day, growth)
    context = state.context()
    growth.lost = state.lost_days()
    pointer = read_pointer(RegisteredModel.of(context).folder)
    there = RegisteredModel.of(context).versions()
    if pointer is not None:
        growth.lost += sum(ref.version not in there for ref in (pointer, *pointer.previous))
    return growth


def _clean(state: SimulatedState, day: int, growth: Growth) -> None:
    """Apply retention, and note sizes and time."""
    lake = state.home / LAKE_FOLDER
    growth.peak = max(growth.peak, size_of(state.home) - size_of(lake))
    begun = time.perf_counter()
    reports = clean(state.home, state.context().settings, now=noon(day))
    growth.longest_seconds = max(growth.longest_seconds, time.perf_counter() - begun)
    growth.problems += [f"{report.kind}: {report.problem}" for report in reports if report.problem]
    growth.sizes.append(size_of(state.home) - size_of(lake))


def run(scope: Scope) -> list[Row]:
    """Let the year go by."""
    days = scope.of(DAYS, SHORT_DAYS)
    with TemporaryDirectory(prefix="darkstar-growth-") as name:
        growth = simulate(Path(name), days, scope.of(YEAR_RETENTION, SHORT_RETENTION))
    quarter = max(1, len(growth.sizes) // 4)
    grown = (max(growth.sizes[-quarter:]) - max(growth.sizes[-2 * quarter : -quarter])) / (quarter * CLEAN_EVERY)
    made = growth.made / days
    return [
        Row("simulated_days", days, "days"),
        Row("made_a_day", made / MB, "MB", f"<= {MOST_MADE:g}", made <= MOST_MADE * MB),
        Row("peak_size_without_lake", growth.peak / MB, "MB"),
        Row("size_at_the_end_without_lake", growth.sizes[-1] / MB, "MB"),
        Row("growth_in_the_last_quarter", grown / MB, "MB/day", f"<= {MOST_GROWTH:g}", grown <= MOST_GROWTH * MB),
        Row("longest_cleaning", growth.longest_seconds, "s"),
        Row("cleanings_with_a_problem", len(growth.problems), "", "0", not growth.problems),
        Row("needed_and_lost", growth.lost, "", "0", growth.lost == 0),
    ]
