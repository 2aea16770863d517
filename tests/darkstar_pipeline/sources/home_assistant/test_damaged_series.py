"""Random homes, true readings, damaged: a day is true to 1 %, or slots are missing, or it is refused with the reason.

Homes, damages and what nobody can tell from the truth are those of `python -m benchmarks readings`, which draws 20 000.
"""

from pathlib import Path

import pytest

from benchmarks.robustness.readings import outcome_of


def silent(seeds: range, folder: Path) -> list[str]:
    """Outcomes read whole, graded good and wrong though it can be told, or refused though nothing happened to them."""
    outcomes = [outcome_of(seed, folder) for seed in seeds]
    wrong = [outcome for outcome in outcomes if outcome.silent and not outcome.untellable]
    return [
        str(outcome) for outcome in (*wrong, *(each for each in outcomes if each.refused and each.damage == "none"))
    ]


def test_no_day_is_silently_wrong_whatever_happened_to_its_readings(tmp_path: Path):
    assert silent(range(40), tmp_path) == []


@pytest.mark.thorough
def test_hardly_a_day_is_silently_wrong_in_a_thousand_homes(tmp_path: Path):
    assert len(silent(range(100_000, 101_000), tmp_path)) <= 5  # those left are in benchmarks/RESULTS.md
