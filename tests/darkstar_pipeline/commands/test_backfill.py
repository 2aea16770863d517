import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.builders.command_line import PROGRAM, Darkstar, environment, move_into
from tests.builders.tracking import with_empty_store
from tests.builders.waiting import until

pytestmark = pytest.mark.usefixtures("in_sample")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(("--from", "2024-03-06", "--to", "2024-03-04"), 2, "is after --to", id="ends before it starts"),
        pytest.param(("--from", "2019-03-04", "--to", "2019-03-05"), 2, "before the first day", id="before the home"),
        pytest.param(("--from", "2024-05-06", "--to", "2024-05-07"), 3, "imported", id="nothing imported"),
        pytest.param(("--from", "2024-03-04", "--to", "2100-01-01"), 3, "after tomorrow", id="in the future"),
        pytest.param(("--from", "2024-03-04", "--to", "2024-03-04", "--select", "x"), 2, "x", id="no such asset"),
    ],
)
def test_backfill_ends_with_its_code_when_it_cannot(
    darkstar: Darkstar, words: tuple[str, ...], code: int, message: str
) -> None:
    done = darkstar("backfill", *words, "--json")
    assert done.code == code
    assert message in done.error["message"]
    assert done.error["hint"]


@pytest.fixture
def own_sample(lived_in: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lived-in working directory, to be changed."""
    beside = shutil.ignore_patterns("*-wal", "*-shm")  # come and go where another worker looks into Dagster's databases
    copy = Path(shutil.copytree(lived_in, tmp_path / "copy", ignore=beside))
    with_empty_store(tmp_path_factory, copy / "state")
    return copy


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")  # MLflow's
def test_backfill_tells_what_it_did_when_days_are_there(
    own_sample: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_into(own_sample, monkeypatch)
    done = darkstar("backfill", "--from", "2024-03-04", "--to", "2024-03-05", "--json")
    assert (done.code, done.err) == (0, "")
    report = done.document
    assert set(report) == {"days", "assets", "rows", "left_out", "run_id", "seconds"}
    assert (report["days"], report["assets"][-1]) == (2, "evaluation_report")
    assert [row["day"] for row in report["left_out"]] == ["2024-03-05"]
    answer = darkstar("backfill", "--from", "2024-03-04", "--to", "2024-03-05", "--select", "spot_prices")
    assert answer.out.startswith("2 days, 1 assets, 192 rows in ")


@pytest.mark.slow
@pytest.mark.thorough
def test_backfill_ends_in_one_line_when_interrupted(own_sample: Path) -> None:
    words = ("backfill", "--from", "2023-10-23", "--to", "2024-05-05")
    begun = own_sample / "state" / "lake" / "slot_observations" / "site=sample" / "day=2023-10-23"
    with subprocess.Popen(
        [PROGRAM, *words],
        cwd=own_sample,
        env=environment(own_sample),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(begun.exists, "the first day is written", 120)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert "error: interrupted" in err
    assert "Traceback" not in err
