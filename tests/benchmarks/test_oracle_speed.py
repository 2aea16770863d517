import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks import oracle_speed
from benchmarks.oracle_speed import Solved, cost_of, emhass_rows, our_solver, worst_violation
from benchmarks.peers import emhass_environment
from benchmarks.peers.emhass_environment import (
    FOLDER,
    PACKAGE,
    EmhassDay,
    EmhassMissingError,
    environment,
    solve_with_emhass,
)
from planner.optimizer.slot_arrays import needed_arrays
from planner.value.protocol import Protocol
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY, days_of_slots, home

INSTALLED = (FOLDER / "installed.txt").exists()
AUTUMN = (date(2025, 10, 25), date(2025, 10, 26))  # 96 and 100 slots
SPRING = (date(2026, 3, 29), date(2026, 3, 30))  # 92 and 96
PAPER_DAY = (np.array([1.0, 3.0]), np.array([0.5, 2.0]), np.array([0.5, 0.5]), np.array([0.0, 0.2]))
# One kWh charged gives 0.9 stored, and takes 0.72 back out.
PAPER_ANSWER = EmhassDay(0.1, 0.1, np.array([1.5, -0.42]), np.array([-1.0, 0.72]))


def arrays(span):
    slots = days_of_slots(*span, seed=3)
    return [needed_arrays(day) for day in slots.partition_by("local_day", maintain_order=True)]


def test_cost_is_recomputed_by_hand_when_flows_are_returned():
    expected = 1.5 * 1.0 - 0.42 * 2.0 + 0.1 * 1.72
    assert cost_of(PAPER_DAY, PAPER_ANSWER, PAPER_BATTERY) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("grid", "battery", "start", "missed"),
    [
        ([1.5, -0.42], [-1.0, 0.72], 5.0, 0.0),
        ([1.6, -0.42], [-1.0, 0.72], 5.0, 0.1),
        ([1.7, -0.42], [-1.2, 0.72], 5.0, 0.2),
        ([1.5, -0.22], [-1.0, 0.52], 5.0, 0.25),
        ([1.5, -0.42], [-1.0, 0.72], 8.5, 0.4),
        ([-0.22, 1.3], [0.72, -1.0], 1.5, 0.4),
    ],
    ids=["none", "balance", "power", "end", "full", "empty"],
)
def test_violation_is_found_when_returned_flows_miss_a_limit(grid, battery, start, missed):
    answer = replace(PAPER_ANSWER, grid_kwh=np.array(grid), battery_kwh=np.array(battery))
    found = worst_violation(PAPER_DAY, answer, PAPER_BATTERY, Protocol(start_soc_kwh=start))
    assert found == pytest.approx(missed, abs=1e-12)


@pytest.mark.parametrize("returning", [True, False])
def test_our_solver_answers_as_anew_when_days_follow_each_other(returning):
    site, protocol = home(), Protocol(start_soc_kwh=17.1)
    solve = our_solver(site, protocol, returning=returning)
    for day in arrays(AUTUMN) + arrays(SPRING):
        assert solve(day) == our_solver(site, protocol, returning=returning)(day)


def test_returning_costs_more_when_the_settlement_is_nothing():
    site, protocol = home(), Protocol(start_soc_kwh=17.1, settlement_value=0.0)
    for day in arrays(SPRING):
        free = our_solver(site, protocol, returning=False)(day)
        assert our_solver(site, protocol, returning=True)(day) > free + 1


def test_differences_are_shares_of_the_other_or_of_one_when_costs_are_small():
    ours = Solved(np.array([10.1, 0.1]), np.array([0.5, 1.5]), 2.0)
    theirs = Solved(np.array([10.0, 0.0]), np.array([1.0, 1.0]), 2.0)
    assert ours.worst_difference(theirs) == pytest.approx(0.1)
    assert ours.days_per_second == 1.0


@pytest.mark.thorough
@pytest.mark.slow
def test_the_figure_is_missing_with_its_reason_when_emhass_cannot_be_installed(tmp_path, monkeypatch):
    folder = tmp_path / "emhass"
    monkeypatch.setattr(emhass_environment, "PACKAGE", "no-such-package-of-darkstar @ file:///nowhere/x.whl")
    monkeypatch.setattr(oracle_speed, "environment", lambda: environment(folder))
    solved = Solved(np.ones(1), np.ones(1), 1.0)
    rows = emhass_rows([], home(), Protocol(start_soc_kwh=17.1), solved)
    assert [row.figure for row in rows] == ["ratio_to_emhass"]
    assert rows[0].met is False
    assert "was not installed" in str(rows[0].value)
    assert "nowhere" in str(rows[0].value)
    assert not (folder / "installed.txt").exists()


def test_environment_is_kept_when_it_holds_the_pinned_version(tmp_path):
    folder = tmp_path / "emhass"
    folder.mkdir()
    (folder / "installed.txt").write_text(PACKAGE)
    (folder / "kept").touch()
    assert environment(folder) == folder / "bin" / "python"
    assert (folder / "kept").exists()


def test_failure_of_the_script_is_reported_when_its_python_lacks_emhass(monkeypatch):
    """Our own Python stands for one without EMHASS."""
    monkeypatch.setenv("PYTHONPATH", "")
    with pytest.raises(EmhassMissingError, match=r"EMHASS did not solve the days.*emhass"):
        solve_with_emhass(Path(sys.executable), arrays(SPRING), DEFAULT_BATTERY, soc_kwh=17.1)


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="EMHASS is not installed; `python -m benchmarks oracle_speed` installs it")
def test_emhass_and_ours_cost_the_same_when_a_day_returns_to_its_start():
    days, site, protocol = arrays(AUTUMN) + arrays(SPRING), home(), Protocol(start_soc_kwh=17.1)
    answers = solve_with_emhass(environment(), days, site.battery, soc_kwh=17.1, relative_gap=1e-9)
    solve = our_solver(site, protocol, returning=True)
    for day, answer in zip(days, answers, strict=True):
        assert len(answer.grid_kwh) == len(day[0])
        assert cost_of(day, answer, site.battery) == pytest.approx(solve(day), rel=1e-6)
        assert worst_violation(day, answer, site.battery, protocol) < 1e-6
