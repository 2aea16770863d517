"""Packages below their floor are named."""

import pytest

from scripts.coverage_floors import FLOORS, FileCoverage, below_floor, package_coverage


@pytest.mark.parametrize(
    ("package", "missing", "expected"),
    [
        pytest.param("env", 50, [], id="at the floor"),
        pytest.param("env", 51, ["env: 94.9 % is below 95 %"], id="below the floor of env"),
        pytest.param("darkstar_pipeline", 101, ["darkstar_pipeline: 89.9 % is below 90 %"], id="below the shell's"),
    ],
)
def test_packages_are_named_when_they_are_below_their_floor(package: str, missing: int, expected: list[str]) -> None:
    assert below_floor(dict.fromkeys(FLOORS, (1000, 0)) | {package: (1000, missing)}) == expected


def test_package_is_below_its_floor_when_nothing_of_it_was_measured() -> None:
    assert below_floor(dict.fromkeys(FLOORS, (1000, 0)) | {"jobs": (0, 0)}) == ["jobs: 0.0 % is below 90 %"]


def test_lines_are_added_up_by_package() -> None:
    files: dict[str, FileCoverage] = {
        "env/types.py": {"executed_lines": [1, 2, 3], "missing_lines": [4]},
        "env/gym/states.py": {"executed_lines": [7], "missing_lines": []},
        "jobs/schedules.py": {"executed_lines": [], "missing_lines": [1, 2]},
    }
    totals = package_coverage(files)
    assert (totals["env"], totals["jobs"], totals["planner"]) == ((5, 1), (2, 2), (0, 0))
