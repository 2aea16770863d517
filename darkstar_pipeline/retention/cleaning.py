"""Applies retention to a state folder: all kinds, one after the other, within a time, by one process at a time."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import MLFLOW_FOLDER
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.retention.all_kinds import kinds_of
from darkstar_pipeline.retention.dagster_runs import databases
from darkstar_pipeline.retention.databases import give_back
from darkstar_pipeline.retention.kinds import Kind, size_of, sweep_all_leftovers
from darkstar_pipeline.retention.rules import Item, surplus
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.state.migrations import read_state_version, refuse_newer_state
from darkstar_pipeline.tracking.mlflow_store import DATABASE

LOCK = ".retention.lock"
REPORT_FILE = "retention.json"


@dataclass(frozen=True, kw_only=True)
class KindReport:
    """The state of a kind, and what retention removed of it.

    Attributes:
        kind: its name.
        setting: the setting that says how long it is kept.
        size: before [B].
        budget: size above which the oldest go earlier [B].
        count: number of its items.
        needed: number of those that stay whatever their age, because something needs them.
        goes: number of those that go, or went.
        frees: room that their removal frees [B]; an estimate where they lie in a database.
        problem: why it could not be done or not in full; empty where it was.
    """

    kind: str
    setting: str
    size: int
    budget: int
    count: int = 0
    needed: int = 0
    goes: int = 0
    frees: int = 0
    problem: str = ""


class LastCleaning(BaseModel):
    """The last time that retention was applied, as the state folder keeps it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: datetime
    freed: int
    problems: tuple[str, ...] = ()


def clean(
    home: Path,
    settings: Settings,
    *,
    now: datetime,
    dry_run: bool = False,
    seconds: float | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[KindReport]:
    """Remove what is past its time or above its budget.

    Repeating it completes what a kill cut off. A kind that fails is reported, and the others go on. Nothing is removed
    that is in use, that a rollback returns to, or that a person made: readings, prices, results, overrides, tokens,
    configuration, backups, and what `doctor --repair` moved aside.

    Args:
        home: the state folder.
        settings: the configuration.
        now: the present instant (UTC).
        dry_run: only say what would go.
        seconds: time after which no further batch begins [s]; None for no limit.
        monotonic: a clock for that limit [s].

    Returns:
        What was found of each kind, and what went.

    Raises:
        ConfigurationError: a newer release made the state folder.
    """
    refuse_newer_state(read_state_version(home), str(home))
    kinds = kinds_of(home, settings, now=now)
    if dry_run:
        return [_looked_at(kind, now)[0] for kind in kinds]
    if not home.is_dir():
        return []
    deadline = None if seconds is None else monotonic() + seconds
    with hold_lock(home / LOCK):
        sweep_all_leftovers(home)
        reports = [_cleaned(kind, now, lambda: deadline is not None and monotonic() > deadline) for kind in kinds]
        notes = [give_back(path) for path in (*databases(home), home / MLFLOW_FOLDER / DATABASE)]
        _keep(home, reports, [note for note in notes if note], now)
    return reports


def last_cleaning(home: Path) -> LastCleaning | None:
    """Return the last time that retention was applied; None where it never was, or nobody can say."""
    try:
        return LastCleaning.model_validate_json((home / REPORT_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def as_document(reports: Sequence[KindReport]) -> list[dict[str, object]]:
    """Return reports as plain values."""
    return [asdict(report) for report in reports]


def _looked_at(kind: Kind, now: datetime) -> tuple[KindReport, list[Item]]:
    """Return what would go of a kind."""
    size = sum(size_of(folder) for folder in kind.folders)
    report = KindReport(kind=kind.name, setting=kind.rule.setting, size=size, budget=kind.rule.budget)
    try:
        items = kind.items()
    except (DarkstarError, OSError) as error:
        return replace(report, problem=str(error)), []
    gone = surplus(items, kind.rule, now=now, size=size)
    needed, frees = sum(bool(item.needed) for item in items), sum(item.size for item in gone)
    return replace(report, count=len(items), needed=needed, goes=len(gone), frees=frees), gone


def _cleaned(kind: Kind, now: datetime, is_over: Callable[[], bool]) -> KindReport:
    """Remove what goes of a kind, a batch at a time."""
    report, gone = _looked_at(kind, now)
    done: list[Item] = []
    problem = report.problem
    for first in range(0, len(gone), kind.batch):
        if is_over():
            problem = "the time was over; the rest goes the next time"
            break
        batch = gone[first : first + kind.batch]
        try:
            kind.remove(batch)
        except (DarkstarError, OSError) as error:
            problem = str(error)
            break
        done += batch
    return replace(report, goes=len(done), frees=sum(item.size for item in done), problem=problem)


def _keep(home: Path, reports: Sequence[KindReport], notes: Sequence[str], now: datetime) -> None:
    """Note that retention was applied, and what it could not do; a full disk is no reason to fail."""
    problems = (*(f"{report.kind}: {report.problem}" for report in reports if report.problem), *notes)
    last = LastCleaning(at=now.astimezone(UTC), freed=sum(report.frees for report in reports), problems=problems)
    with suppress(OSError), atomic_write(home / REPORT_FILE) as temporary:
        temporary.write_text(last.model_dump_json() + "\n", encoding="utf-8")
