"""Parallel first uses cannot break the store, and runs have a page."""

import subprocess
import sys
from pathlib import Path

import pytest

from darkstar_pipeline.tracking.mlflow_store import run_url, tracking_uri

FIRST_USE = """
import sys
from pathlib import Path
from darkstar_pipeline.tracking.mlflow_store import open_store
print(open_store(Path(sys.argv[1]))[1]["evaluation"])
"""


@pytest.mark.slow
@pytest.mark.thorough
def test_store_survives_when_processes_use_it_first_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FIRST_USE, str(tmp_path)]
    together = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate()[0].strip() for process in together]
    assert [process.returncode for process in together] == [0, 0, 0]
    assert len(set(answers)) == 1
    assert answers[0] != "0"


def test_address_is_the_servers_when_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert run_url("1", "r") == "http://127.0.0.1:5000/#/experiments/1/runs/r"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example/")
    assert tracking_uri(tmp_path) == "https://mlflow.example/"
    assert run_url("1", "r") == "https://mlflow.example/#/experiments/1/runs/r"
