"""Two imports, a feed, a backfill, backups, a retrain's steps and retention at once, killed at random moments.

In every round each of them runs in a loop until it is killed (SIGKILL). Then every slot that an import or the feed said
it had taken is looked for, in the lake and in the last backup that was said to be done; so is the version that was
promoted. In the end each runs once undisturbed.
"""

import json
import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.fault_injection.writer_tasks import (
    FIRST,
    IMPORTERS,
    LAST,
    LEAST_LOAD,
    LOAD_STEP,
    SITE,
    SLOTS,
    SOC_STEP,
    TASKS,
    Acknowledgements,
    context_of,
    prepare,
    repeat,
    slots_of,
)
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.backups.restore import restore_backup
from darkstar_pipeline.context import LAKE_FOLDER
from darkstar_pipeline.doctor.lake_rows import wrong_rows
from darkstar_pipeline.models.champion_pointer import load_champion
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, MODEL_PROMOTIONS

ROUNDS, SHORT_ROUNDS = 50, 3
SEED = 20_261_129
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 8.0
"""Time after which one of them is killed [s]."""


def run(scope: Scope) -> list[Row]:
    """Let the rounds go by."""
    with TemporaryDirectory(prefix="darkstar-writers-") as name:
        return rows_of(Path(name), scope.of(ROUNDS, SHORT_ROUNDS))


def rows_of(folder: Path, rounds: int, *, longest_seconds: float = LONGEST_SECONDS) -> list[Row]:
    """Let rounds go by in an empty folder, and count what was lost."""
    draw, lost = random.Random(SEED), Counter[str]()  # noqa: S311 - moments to kill at, not secrets
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["benchmarks.fault_injection.writer_tasks"])
    prepare(folder)
    kills = 0
    for _ in range(rounds):
        running = {name: spawn.Process(target=repeat, args=(name, folder)) for name in TASKS}
        kills += _killed(running, draw, longest_seconds)
        lost += _lost(folder)
    last = {name: spawn.Process(target=repeat, args=(name, folder, 1)) for name in TASKS}
    for process in last.values():
        process.start()
    for process in last.values():
        process.join()
    lost += _lost(folder)
    failed = sum(process.exitcode != 0 for process in last.values())
    errors = (folder / "errors.txt").read_text().splitlines() if (folder / "errors.txt").exists() else []
    return [
        Row("rounds", rounds),
        Row("kills", kills),
        *(Row(f"done_{name}", Acknowledgements(folder, name).last) for name in TASKS),
        *(Row(f"lost_{what}", lost[what], "", "0", lost[what] == 0) for what in _LOOKED_FOR),
        Row("failures_beside_others", len(errors), "", "0", not errors),
        Row("failures_undisturbed", failed, "", "0", failed == 0),
        *(Row(f"error_{number}", error) for number, error in enumerate(errors[:3])),
    ]


def _killed(running: Mapping[str, BaseProcess], draw: random.Random, longest_seconds: float) -> int:
    """Start all, kill each at a moment of its own; return how many were running then."""
    ends = sorted((draw.uniform(SHORTEST_SECONDS, longest_seconds), name) for name in running)
    begun = time.monotonic()
    for process in running.values():
        process.start()
    kills = 0
    for end, name in ends:
        time.sleep(max(0.0, begun + end - time.monotonic()))
        kills += running[name].is_alive()
        running[name].kill()
    for process in running.values():
        process.join()
    return kills


_LOOKED_FOR = ("slots", "feed_slots", "backup_slots", "promotions", "days_with_wrong_rows")


def _lost(folder: Path) -> Counter[str]:
    """Count what was said to be done and is not there."""
    context = context_of(folder)
    stored = context.lake.read(METER_READINGS, SITE, FIRST, LAST)
    turns = [Acknowledgements(folder, f"import_{each}").last for each in range(IMPORTERS)]
    feed = Acknowledgements(folder, "feed").last
    soc = stored.filter(pl.col("soc_end_percent") >= (feed - 0.5) * SOC_STEP).height
    lost = Counter(slots=_missing(stored, turns), feed_slots=max(0, SLOTS - soc) if feed else 0)
    lost["backup_slots"] = _missing_in_backup(folder)
    lost["days_with_wrong_rows"] = sum(1 for _ in wrong_rows(context.home / LAKE_FOLDER))
    promoted = Acknowledgements(folder, "promoted").last
    if promoted:
        champion = load_champion(context)
        moved = context.lake.read(MODEL_PROMOTIONS, SITE)["version"].to_list()
        lost["promotions"] = int(champion is None or champion.pointer.version < promoted) + int(promoted not in moved)
    return lost


def _missing(stored: pl.DataFrame, turns: list[int]) -> int:
    """Return how many slots hold less than the last turn that was told to be done."""
    missing = 0
    for importer, turn in enumerate(turns):
        wanted = pl.col("load_kwh") >= LEAST_LOAD + (turn - 0.5) * LOAD_STEP
        own = stored.filter(pl.col("slot_start").is_in(pl.Series(slots_of(importer)).implode()) & wanted)
        missing += len(slots_of(importer)) - own.height
    return missing


def _missing_in_backup(folder: Path) -> int:
    """Restore the last backup beside the state folder, and return how many slots of before it lacks."""
    archive, before = folder / "backup.tar.gz", folder / "backup.json"
    if not before.exists():
        return 0
    place = folder / "restored" / "state"
    shutil.rmtree(place.parent, ignore_errors=True)
    place.parent.mkdir()
    restore_backup(archive, place, configuration=place.parent / "darkstar.yaml", now=datetime.now(UTC))
    stored = Lake(place / LAKE_FOLDER).read(METER_READINGS, SITE, FIRST, LAST)
    return _missing(stored, json.loads(before.read_text()))
