"""Writers of one state folder: imports, the feed, a backfill, backups, a retrain's steps, retention.

Each is a loop in a process that is killed at any moment. What it was told is done it writes down, before it goes on.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.homes.made_bundle import save_made_bundle
from darkstar_pipeline.backfill import run_backfill
from darkstar_pipeline.backups.archive import make_backup
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import attach_evidence, register_model
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.retention.cleaning import clean
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.home_feed import HomeFeed
from planner.artifacts.atomic_files import atomic_file

SITE, SOC = "home", "sensor.soc"
FIRST, LAST = date(2026, 1, 10), date(2026, 1, 11)
START = datetime(2026, 1, 9, 23, tzinfo=UTC)  # local midnight in Stockholm
SLOT = timedelta(minutes=15)
SLOTS = 192
NOW = START + SLOTS * SLOT
IMPORTERS = 2
LEAST_LOAD, LOAD_STEP, SOC_STEP = 0.2, 0.0005, 0.01
"""Turn `n` of an import writes so much [kWh], and of the feed [%], and n steps more: a value tells its turn."""
EVIDENCE = {"promote": True, "reasons": ["cheaper"]}
RETENTION: dict[str, object] = {"versions": 3, "budget_mib": {"dagster": 1, "mlflow": 1, "models": 1, "other": 1}}
"""So small that every cleaning has something to remove, whatever its age."""


class _HandClock(Clock):
    """A clock that stands at the end of the days."""

    def now(self) -> datetime:
        """Return that moment."""
        return NOW


class _Recorder:
    """A Home Assistant that has recorded one state of charge for all of the days."""

    def __init__(self, percent: float) -> None:
        self._percent = percent

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return no state: only history is asked for."""
        del entity

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return a state at every slot."""
        del entities, until
        moments = [START + number * SLOT for number in range(SLOTS + 1)]
        return [
            [
                {
                    "entity_id": SOC,
                    "state": f"{self._percent:.2f}",
                    "last_changed": moment.isoformat(),
                    "attributes": {"unit_of_measurement": "%"},
                }
                for moment in moments
                if moment >= since
            ]
        ]


class Acknowledgements:
    """Numbers of turns that were told to be done, in a file that outlives whoever wrote it.

    Args:
        folder: folder of the files.
        name: whose they are.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._begun, self._done = folder / f"{name}.begun", folder / f"{name}.done"

    def begin(self) -> int:
        """Note that a turn begins, and return its number; no number is used twice."""
        turn = _last(self._begun) + 1
        _append(self._begun, turn)
        return turn

    def end(self, turn: int) -> None:
        """Note that a turn was told to be done."""
        _append(self._done, turn)

    @property
    def last(self) -> int:
        """The last turn that was told to be done; 0 where none was."""
        return _last(self._done)


def _append(path: Path, turn: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{turn}\n".encode())
    finally:
        os.close(descriptor)


def _last(path: Path) -> int:
    return int(path.read_text().split()[-1]) if path.exists() else 0


def context_of(folder: Path) -> Context:
    """Return the context of the site that all write to."""
    sites = {
        SITE: {"policies": ["idle", "self_consumption"], "home_assistant": {"sensors": {"soc": SOC}}},
    }
    settings = Settings.model_validate({"sites": sites, "retention": RETENTION})
    return open_context(SITE, settings=settings, home=folder / "state")


def slots_of(importer: int) -> list[datetime]:
    """Return the slots that one of the importers writes: hours between those of the other, on the same days."""
    return [START + slot * SLOT for slot in range(SLOTS) if slot // 4 % IMPORTERS == importer]


def prepare(folder: Path) -> None:
    """Import prices and a first reading of every slot."""
    context, everything = context_of(folder), [START + slot * SLOT for slot in range(SLOTS)]
    _import(context, folder / "prices.parquet", PRICES, {"slot_start": everything, "price": [0.5] * SLOTS})
    for importer in range(IMPORTERS):
        import_turn(context, folder, importer, Acknowledgements(folder, f"import_{importer}"))


def import_turn(context: Context, folder: Path, importer: int, acks: Acknowledgements) -> None:
    """Import one file."""
    turn, slots = acks.begin(), slots_of(importer)
    rows = {"slot_start": slots, "load_kwh": [LEAST_LOAD + turn * LOAD_STEP] * len(slots), "pv_kwh": [0.0] * len(slots)}
    _import(context, folder / f"import_{importer}.parquet", OBSERVATIONS, rows)
    acks.end(turn)


def _import(context: Context, file: Path, kind: Any, rows: Mapping[str, list[Any]]) -> None:  # noqa: ANN401
    pl.DataFrame(rows).write_parquet(file)
    import_tidy_file(kind, ImportTarget.of(context), file, now=NOW)


def _feed(context: Context, folder: Path) -> None:
    acks = Acknowledgements(folder, "feed")
    turn = acks.begin()
    feed = HomeFeed(context, clock=_HandClock(), client=_Recorder(turn * SOC_STEP))
    if feed.sync():
        acks.end(turn)


def _backfill(context: Context, folder: Path) -> None:
    acks = Acknowledgements(folder, "backfill")
    turn = acks.begin()
    run_backfill(context, FIRST, LAST)
    acks.end(turn)


def _backup(context: Context, folder: Path) -> None:
    acks = Acknowledgements(folder, "backup")
    turn, before = acks.begin(), [Acknowledgements(folder, f"import_{each}").last for each in range(IMPORTERS)]
    make_backup(context.home, folder / "backup.tar.gz", now=datetime.now(UTC))
    with atomic_file(folder / "backup.json") as temporary:
        temporary.write_text(json.dumps(before))
    acks.end(turn)


def _retrain(context: Context, folder: Path) -> None:
    acks = Acknowledgements(folder, "retrain")
    turn = acks.begin()
    place = folder / f"bundle_{turn}"
    save_made_bundle(context, place, turn, 200_000)
    version = register_model(context, place, TrainingRun(train=(FIRST, LAST)))
    attach_evidence(context, "antares-home", version, EVIDENCE)
    promote(context, version, actor="retrain", reason="cheaper", evidence=EVIDENCE)
    acks.end(turn)
    Acknowledgements(folder, "promoted").end(version)


def _clean(context: Context, folder: Path) -> None:
    acks = Acknowledgements(folder, "clean")
    turn = acks.begin()
    clean(context.home, context.settings, now=datetime.now(UTC))
    acks.end(turn)


TASKS: dict[str, Callable[[Context, Path], None]] = {
    "import_0": lambda context, folder: import_turn(context, folder, 0, Acknowledgements(folder, "import_0")),
    "import_1": lambda context, folder: import_turn(context, folder, 1, Acknowledgements(folder, "import_1")),
    "feed": _feed,
    "backfill": _backfill,
    "backup": _backup,
    "retrain": _retrain,
    "clean": _clean,
}


def repeat(name: str, folder: Path, times: int | None = None) -> None:
    """Do a task again and again until the process is killed, or so many times; an error is written down and ends it."""
    done = 0
    try:
        context = context_of(folder)
        while times is None or done < times:
            TASKS[name](context, folder)
            done += 1
    except Exception as error:  # any of them is a finding
        with (folder / "errors.txt").open("a") as errors:
            errors.write(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:500]}\n")
        raise
