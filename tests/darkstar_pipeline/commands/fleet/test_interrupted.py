"""A fleet's backfill that is stopped leaves whole objects and no process, and can be repeated."""

import signal
import subprocess
from pathlib import Path

import polars as pl
import psutil
import pytest
import yaml

from darkstar_pipeline.sample.fleet.areas import fleet_section
from tests.builders.command_line import PROGRAM, environment, run_darkstar
from tests.builders.waiting import until

HOMES, BUCKETS, DAYS = 12, 4, 4
RANGE = ("--from", "2026-03-26", "--to", "2026-03-29")


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_backfill_leaves_whole_objects_and_no_process(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    fleet = {**fleet_section(HOMES), "buckets": BUCKETS, "lake": str(tmp_path / "lake")}
    (tmp_path / "darkstar.yaml").write_text(yaml.safe_dump({"engine": {"workers": 2}, "fleet": fleet}))
    made = run_darkstar(
        tmp_path, "fleet", "sample", "--homes", str(HOMES), "--days", str(DAYS), "--first-day", RANGE[1]
    )
    assert made.code == 0, made.err
    results = tmp_path / "lake" / "policy_daily_results"
    command = [PROGRAM, "fleet", "backfill", *RANGE]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=pipe, stderr=pipe, text=True
    ) as process:
        until(lambda: any(results.rglob("*.parquet")), "the first results", 240.0)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        out, err = process.communicate(timeout=120.0)
    assert (process.returncode, out) == (code, "")
    assert err == "error: interrupted (it can be repeated)\n"
    _, left = psutil.wait_procs(workers, timeout=30.0)
    assert not left
    assert all(pl.read_parquet(path).width for path in (tmp_path / "lake").rglob("part.parquet"))
    again = run_darkstar(tmp_path, "fleet", "backfill", *RANGE, "--json")
    assert again.document["home_days"] == HOMES * DAYS
