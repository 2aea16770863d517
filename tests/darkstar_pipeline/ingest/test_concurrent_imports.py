"""Several processes write to one table at once, some are killed, and no slot is lost that one said it had taken."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.models.run_tables import add_row
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, MODEL_PROMOTIONS

START = datetime(2026, 1, 9, 23, tzinfo=UTC)  # local midnight in Stockholm
SLOT = timedelta(minutes=15)
WRITER = """
import sys, time
from datetime import timedelta
from pathlib import Path
import polars as pl
from tests.builders.tidy_files import NOW, OBSERVATIONS, Place, import_tidy_file, readings
from tests.darkstar_pipeline.ingest.test_concurrent_imports import START, SLOT, slots_of
folder, name, number, writers, rounds, days = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:7])
from darkstar_pipeline.warehouse.lake import Lake
place = Place(Lake(folder / "lake"), folder / "quarantine", folder)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(rounds):
    taken = slots_of(number, writers, turn, rounds, days)
    rows = pl.DataFrame({"slot_start": taken, "load_kwh": [number + 0.25] * len(taken), "pv_kwh": [0.0] * len(taken)})
    file = folder / f"{name}-{turn}.parquet"
    rows.write_parquet(file)
    report = import_tidy_file(OBSERVATIONS, place.target(), file, now=NOW)
    assert report.slots_new + report.slots_changed + report.slots_unchanged == len(taken)
    print(turn, flush=True)
"""
ADDER = """
import sys
from datetime import timedelta
from pathlib import Path
from tests.darkstar_pipeline.ingest.test_concurrent_imports import promotion
from darkstar_pipeline.models.run_tables import add_row
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import MODEL_PROMOTIONS
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    assert add_row(Lake(Path(sys.argv[1])), MODEL_PROMOTIONS, promotion(f"{sys.argv[2]}-{turn}"))
"""


def slots_of(number: int, writers: int, turn: int, rounds: int, days: int) -> list[datetime]:
    """The slots that a writer imports in a round: hours between those of the others, on the same days."""
    return [
        START + SLOT * slot for slot in range(96 * days) if slot // 4 % (writers * rounds) == number + writers * turn
    ]


def promotion(name: str) -> dict[str, object]:
    words = dict.fromkeys(("action", "who", "why", "evidence"), "")
    numbers = {"version": 1, "previous": None, "forced": False}
    at = {"moved_at": START, "local_day": START.date()}
    return {"site": "home", "model": "antares-home", "move_id": name, **words, **numbers, **at}


def started(script: str, *words: object) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def go(processes: "list[subprocess.Popen[str]]") -> None:
    """Have all of them begin at once."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def stored(folder: Path) -> dict[datetime, float]:
    rows = Lake(folder / "lake").read(METER_READINGS, "home")
    return dict(rows.select("slot_start", "load_kwh").iter_rows())


@pytest.mark.thorough
def test_imports_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    writers, rounds, days = 3, 4, 6
    processes = [started(WRITER, tmp_path, f"w{n}", n, writers, rounds, days) for n in range(writers)]
    go(processes)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = stored(tmp_path)
    assert len(found) == 96 * days
    for number in range(writers):
        for turn in range(rounds):
            assert {found[slot] for slot in slots_of(number, writers, turn, rounds, days)} == {number + 0.25}


def test_rows_added_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    processes = [started(ADDER, tmp_path, name) for name in "ab"]
    go(processes)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert Lake(tmp_path).read(MODEL_PROMOTIONS, "home").height == 40
    assert not add_row(Lake(tmp_path), MODEL_PROMOTIONS, promotion("a-0"))


def killed_rounds(folder: Path, n_rounds: int, seed: int) -> None:
    """Kill one of three writers in each round; what any of them said it had taken is there afterwards."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    writers, rounds, days = 3, 8, 6
    for number in range(n_rounds):
        place = folder / str(number)
        place.mkdir()
        processes = [started(WRITER, place, f"w{n}", n, writers, rounds, days) for n in range(writers)]
        go(processes)
        time.sleep(draw.uniform(0.0, 0.5))  # at any moment: nothing to wait for
        processes[victim := draw.randrange(writers)].kill()
        said = [process.communicate(timeout=60)[0].split() for process in processes]
        codes = [process.returncode for process in processes]
        assert all(code == 0 for n, code in enumerate(codes) if n != victim), json.dumps(codes)
        found = stored(place)
        for writer, turns in enumerate(said):
            for turn in map(int, turns):
                missing = [slot for slot in slots_of(writer, writers, turn, rounds, days) if slot not in found]
                assert not missing, f"round {number}: writer {writer} lost {len(missing)} slots of turn {turn}"


@pytest.mark.thorough
def test_no_slot_is_lost_when_a_writer_is_killed(tmp_path: Path) -> None:
    killed_rounds(tmp_path, 1, seed=1)


@pytest.mark.thorough
def test_no_slot_is_lost_when_writers_are_killed_again_and_again(tmp_path: Path) -> None:
    killed_rounds(tmp_path, 5, seed=2)  # `python -m benchmarks writers` does fifty


def test_doubled_and_foreign_rows_of_a_merge_are_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    row = pl.DataFrame([promotion("a")], schema=MODEL_PROMOTIONS.schema)
    from darkstar_pipeline.warehouse.lake import SchemaMismatchError

    for wrong in (pl.concat([row, row]), row.with_columns(site=pl.lit("other"))):
        with pytest.raises(SchemaMismatchError):
            lake.merge_days(MODEL_PROMOTIONS, "home", (START.date(), START.date()), lambda _, wrong=wrong: wrong)
    assert lake.days(MODEL_PROMOTIONS, "home") == []
