"""Random sites against a second solver: what `python -m benchmarks random_sites` does ten thousand times, in small.

Also that the check finds every way to spoil an optimum.
"""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.second_statement import Horizon, exact_cost, relaxed_cost, stated
from benchmarks.robustness import random_sites
from benchmarks.robustness.random_sites import (
    INFEASIBLE,
    UNDECIDED,
    VERIFIED,
    check_case,
    check_seed,
    draw_case,
    violation,
)
from env.site import Limits
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.oracle import OptimalSchedule, solve_optimal_schedule
from tests.builders.homes import PAPER_BATTERY, home, horizons, sites, start_soc
from tests.builders.independent_oracle import independent_cost

# PuLP below 4 (our range) announces that 4 takes its bundled CBC from elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:PULP_CBC_CMD is deprecated:DeprecationWarning")
GOOD = {VERIFIED, INFEASIBLE}
# 0.9 kWh stored by the first slot's kWh; 0.72 of them delivered in the second. Wear 0.1 each way.
PAPER = Horizon(np.array([1.0, 3.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0]), np.zeros(2), start_soc_kwh=1.0)
PAPER_COST = 1.0 + 0.28 * 3.0 + 0.1 * 1.72
TAKEN = ("import_price", "export_price", "load_kwh", "pv_kwh")


def solved(horizon: Horizon, site) -> OptimalSchedule:
    return solve_optimal_schedule(
        pl.DataFrame({name: getattr(horizon, name) for name in TAKEN}),
        site,
        start_soc_kwh=horizon.start_soc_kwh,
        settlement_value=horizon.settlement_value,
        return_soc_kwh=horizon.return_soc_kwh,
    )


def test_second_statement_gives_the_cost_on_paper_when_two_slots_are_solved():
    statement = stated(PAPER, home(PAPER_BATTERY))
    assert relaxed_cost(statement) == pytest.approx(PAPER_COST, abs=1e-8)
    assert exact_cost(statement, seconds=20) == pytest.approx(PAPER_COST, abs=1e-8)


@pytest.mark.slow
@settings(max_examples=25)
@given(day=horizons(most_slots=6), site=sites(), share=st.floats(0, 1))
def test_second_statement_agrees_with_the_third_when_prices_are_odd(day, site, share):
    """The cases' own statement (CVXPY) breaks a fuse at a price; here it is no limit."""
    site = home(site.battery, Limits(export_kw=site.limits.export_kw, curtailable=site.limits.curtailable))
    start = start_soc(site, share)
    horizon = Horizon(day.import_price, day.export_price, day.load_kwh, day.pv_kwh, start_soc_kwh=start)
    third = independent_cost(day, site, start_soc_kwh=start, solver="HIGHS", binaries=True)
    assert exact_cost(stated(horizon, site), seconds=20) == pytest.approx(third, abs=1e-6)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), n_slots=st.integers(1, 8))
@settings(max_examples=100)
def test_site_has_a_verified_optimum_or_a_named_infeasibility_when_drawn_at_random(seed, n_slots):
    verdict = check_case(seed, *draw_case(seed, n_slots=n_slots))
    assert verdict.verdict in GOOD, verdict
    assert verdict.seconds < 10


@pytest.mark.slow
@pytest.mark.parametrize("n_slots", [92, 96, 100])
@pytest.mark.parametrize("seed", [3, 11, 21, 33])
def test_site_has_a_verified_optimum_or_a_named_infeasibility_when_days_are_whole(seed, n_slots):
    verdict = check_case(seed, *draw_case(seed, n_slots=n_slots))
    assert verdict.verdict in GOOD, verdict
    assert verdict.seconds < 10


@pytest.mark.parametrize(
    ("column", "violated"),
    [
        ("import_kwh", "balance"),
        ("charge_kwh", "balance"),
        ("soc_end_kwh", "storage"),
        ("curtailed_kwh", "curtailment"),
    ],
)
def test_violation_is_found_when_a_column_is_spoilt(column, violated):
    site = home(PAPER_BATTERY)
    answer = solved(PAPER, site)
    assert violation(answer, PAPER, site) == ""
    spoilt = answer.slots.with_columns(pl.col(column) + 1e-5)
    assert violation(OptimalSchedule(spoilt, answer.cost), PAPER, site) != ""
    if column == "curtailed_kwh":  # balanced again, and still curtailing what is not there
        spoilt = spoilt.with_columns(pl.col("import_kwh") + 1e-5)
    assert violated in violation(OptimalSchedule(spoilt, answer.cost), PAPER, site)


def more_expensive(*given, **named):
    answer = solve_optimal_schedule(*given, **named)
    return OptimalSchedule(answer.slots, answer.cost + 1e-4)


def infeasible(*_given, **_named):
    raise NoFeasibleScheduleError("no reason at all")


def broken(*_given, **_named):
    raise SolverError("stopped")


def idle(slots, _site, **_named):
    """No battery used: feasible, and more expensive."""
    still = slots.with_columns(
        import_kwh=pl.col("load_kwh"),
        **{name: pl.lit(0.0) for name in ("export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")},
        soc_end_kwh=pl.lit(1.0),
    )
    return OptimalSchedule(still, float((still["import_kwh"] * still["import_price"]).sum()))


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        (more_expensive, "more expensive"),
        (infeasible, "and is not"),
        (broken, "crash: SolverError"),
        (idle, "more expensive"),
    ],
)
def test_verdict_is_a_failure_when_the_answer_is_wrong(instead, message, monkeypatch):
    site = home(PAPER_BATTERY)
    assert check_case(0, PAPER, site).verdict == VERIFIED
    monkeypatch.setattr(random_sites, "solve_optimal_schedule", instead)
    verdict = check_case(0, PAPER, site)
    assert message in verdict.verdict
    assert verdict.failed


def test_infeasibility_is_verified_when_the_end_cannot_be_reached():
    horizon = Horizon(*(np.ones(2) for _ in TAKEN), start_soc_kwh=1.0, return_soc_kwh=9.0)
    assert math.isinf(relaxed_cost(stated(horizon, home(PAPER_BATTERY))))
    assert check_case(0, horizon, home(PAPER_BATTERY)).verdict == INFEASIBLE


def test_cases_are_the_same_when_a_seed_is_drawn_again():
    one, again = draw_case(7), draw_case(7)
    assert one[1] == again[1]
    assert all((getattr(one[0], name) == getattr(again[0], name)).all() for name in TAKEN)
    assert {draw_case(seed)[0].n_slots for seed in range(400)} >= {92, 96, 100}
    assert check_seed(7).verdict in {*GOOD, UNDECIDED}
