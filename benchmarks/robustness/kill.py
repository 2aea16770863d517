"""A backfill that is killed at a random moment and run again gives the same lake, row for row.

An undisturbed run sets the time and the reference. Then, ten times: the same imported home, a backfill killed
(SIGKILL, its whole process group) at a random moment, another run to the end, and every table compared. The short form
has one kill and a week.
"""

import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import FIRST_DAY
from benchmarks.homes.fresh_home import FreshHome, fresh_home, import_everything
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import TABLES

AREA = "SE4"
DAYS, SHORT_DAYS = 60, 7
KILLS, SHORT_KILLS = 10, 1
SEED = 7


def run(scope: Scope) -> list[Row]:
    """Kill and repeat, in the home with refused days."""
    rng = random.Random(SEED)  # noqa: S311 - moments to kill at, not secrets
    different, struck, kills = 0, 0, scope.of(KILLS, SHORT_KILLS)
    last = FIRST_DAY + timedelta(days=scope.of(DAYS, SHORT_DAYS) - 1)
    backfill = ("backfill", "--from", str(FIRST_DAY), "--to", str(last))
    with (
        fresh_home(scope.homes, (scope.homes.gaps, AREA)) as imported,
        TemporaryDirectory(prefix="darkstar-kill-") as name,
    ):
        import_everything(imported, AREA)
        undisturbed = imported.copy_to(Path(name) / "undisturbed")
        seconds = undisturbed.run(*backfill).seconds
        reference = _tables(undisturbed)
        for i in range(kills):
            home = imported.copy_to(Path(name) / f"kill-{i}")
            struck += _kill_after(home, backfill, rng.uniform(0.02, 0.98) * seconds)
            home.run(*backfill)
            different += _differs(reference, _tables(home))
    return [
        Row("kills", kills, ""),
        Row("kills_that_struck_a_running_backfill", struck, ""),
        Row("lakes_that_differ", different, "", target="0", met=different == 0),
        Row("rows_compared", sum(table.height for table in reference.values()), "rows"),
    ]


def _kill_after(home: FreshHome, command: tuple[str, ...], seconds: float) -> bool:
    """Start a command, kill its process group after a time, and return whether it was still running then."""
    process = home.start(*command)
    time.sleep(seconds)
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return running


def _tables(home: FreshHome) -> dict[str, pl.DataFrame]:
    lake = Lake(home.state / "lake")
    return {name: lake.read(table, "bench") for name, table in TABLES.items()}


def _differs(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return any(not frame.equals(other[name], null_equal=True) for name, frame in one.items())
