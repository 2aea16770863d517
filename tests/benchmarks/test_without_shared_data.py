"""Benchmarks in a copy of the checkout with nothing beside it, as a stranger has it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("assets", "benchmarks", "darkstar_pipeline", "env", "jobs", "planner")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("stranger") / "darkstar"
    for package in PACKAGES:
        shutil.copytree(root / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        pytest.param(
            "captured_share",
            {"captured_share_value_mean", "captured_share_mpc_mean", "breaches_value", "test_days"},
            marks=pytest.mark.thorough,  # replays MPC
        ),
        ("price_repair", {"recall", "recall_clear", "true_positive_altered", "faulty_slots"}),
    ],
)
def test_homes_that_ship_are_used_when_nothing_lies_beside_the_checkout(
    checkout: Path, name: str, figures: set[str]
) -> None:
    finished = run(checkout, name, "--short", "--json")
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout)
    assert (answer["benchmark"], answer["data"], answer["short"]) == (name, "shipped", True)
    assert "homes that ship" in answer["homes"]
    assert figures <= {row["figure"] for row in answer["rows"]}
    assert all(row["met"] in (True, None) for row in answer["rows"])


def test_the_remedy_is_given_when_measured_homes_are_chosen_and_absent(checkout: Path) -> None:
    finished = run(checkout, "captured_share", "--short", "--data", "measured")
    assert finished.returncode == 3
    assert len(finished.stderr.splitlines()) == 1
    assert "--data shipped" in finished.stderr
