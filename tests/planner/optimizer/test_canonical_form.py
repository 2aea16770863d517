"""The hot canonical form against CVXPY's own answer to the same statement, by two solvers."""

import warnings
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.site import Limits, Site
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.canonical_form import canonical_form
from planner.optimizer.deferrable_loads import FixedRun, FlexibleLoad, PlannedLoads
from planner.optimizer.exclusive_flows import Rules, solve_exclusive
from planner.optimizer.fallback_solvers import stated
from planner.optimizer.home_program import HomeProgram
from tests.builders.homes import PAPER_BATTERY, Horizon, home, horizons, sites, start_soc

BENT = replace(PAPER_BATTERY, charge_curve=((2, 0.95), (4, 0.9)), discharge_curve=((2, 0.9), (4, 0.8)))
LEAKY = replace(PAPER_BATTERY, retention_per_hour=0.99, cycle_cost=2.0)
OPTIONS = {
    cp.HIGHS: {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "threads": 1},
    cp.CLARABEL: {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
}


def loads_of(n_slots: int, seed: int, *, whole: bool) -> PlannedLoads:
    """A heater, a car that no battery may feed, and with `whole` an appliance; their demands can always be met."""
    rng = np.random.default_rng(seed)
    cut = int(rng.integers(1, n_slots + 1))
    windows = np.zeros((2, n_slots))
    windows[0, :cut], windows[1, cut:] = 1, 1
    windows = windows[windows.any(axis=1)]
    heater = FlexibleLoad(
        "water", np.full(n_slots, 0.75), windows, 0.75 * rng.random(len(windows)) * windows.sum(axis=1)
    )
    stay = np.ones((1, n_slots))
    car = FlexibleLoad("ev", np.full(n_slots, 2.0), stay, 2.0 * rng.random(1) * n_slots, from_battery=False)
    length = int(rng.integers(1, n_slots + 1))
    may_start = (np.arange(n_slots) <= n_slots - length).astype(np.float64)
    runs = (FixedRun("appliance_washer", may_start, rng.uniform(0.1, 1, length)),) if whole else ()
    return PlannedLoads((heater, car), runs)


def program_of(site: Site, day: Horizon, start: float, loads: PlannedLoads | None, end_steps: int) -> HomeProgram:
    program = HomeProgram(site, day.n_slots, loads=loads, end_steps=end_steps)
    program.set_prices(day.import_price, day.export_price, 0.0 if end_steps else 0.5)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.start_at(0, start)
    if end_steps:
        room = site.battery.max_soc_kwh - site.battery.min_soc_kwh
        program.set_end_curve(
            site.battery.min_soc_kwh, np.full(end_steps, room / end_steps), 1.0 / np.arange(1, 1 + end_steps)
        )
    return program


def equal_to_cvxpy(program: HomeProgram, solver: str) -> None:
    """The relaxed or integer optimum, as the statement has integers or not; rules on odd prices left out of both.

    Without a fuse for the interior point: a kWh above it at 10 000 times the price leaves no digits for the rest.
    """
    problem = stated(program).problem()
    hot = program.hot
    try:
        program.apply_house()
        answer = solve_exclusive(hot, Rules()) if program.loads.runs else hot.run()
        ours = float(hot.form.cost @ hot.parameters @ answer.columns[: hot.form.n_columns])
    except NoFeasibleScheduleError:
        ours = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a solution that may be inaccurate; it is compared all the same
        problem.solve(solver=solver, **OPTIONS[solver])
    if ours is None:
        assert problem.status in {"infeasible", "infeasible_inaccurate"}
    else:
        assert problem.status in {"optimal", "optimal_inaccurate"}
        assert ours == pytest.approx(np.asarray(problem.value), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("solver", [cp.HIGHS, cp.CLARABEL])
@pytest.mark.parametrize("end_steps", [0, 3])
@settings(max_examples=12)
@given(site=sites(), day=horizons(most_slots=10, kinds=("ordinary", "spiky", "mild_negative")), share=st.floats(0, 1))
def test_answer_equals_cvxpys_when_there_are_no_devices(
    solver: str, end_steps: int, site: Site, day: Horizon, share: float
) -> None:
    if solver == cp.CLARABEL:
        site = replace(site, limits=replace(site.limits, import_kw=None))
    equal_to_cvxpy(program_of(site, day, start_soc(site, share), None, end_steps), solver)


@st.composite
def sites_with_more(draw: st.DrawFn) -> Site:
    """Curves, self-discharge and further batteries, under limits that meet."""
    limits = [Limits(), Limits(import_kw=8, inverter_kw=3), Limits(export_kw=0, curtailable=True)]
    extra = [(), (replace(BENT, charge_kw=2.0),), (LEAKY, PAPER_BATTERY)]
    site = home(draw(st.sampled_from([PAPER_BATTERY, BENT, LEAKY])), draw(st.sampled_from(limits)))
    return replace(site, extra_batteries=draw(st.sampled_from(extra)))


@pytest.mark.parametrize(("solver", "whole"), [(cp.HIGHS, False), (cp.HIGHS, True), (cp.CLARABEL, False)])
@settings(max_examples=12)
@given(site=sites_with_more(), day=horizons(most_slots=8, kinds=("ordinary", "spiky")), seed=st.integers(0, 999))
def test_answer_equals_cvxpys_when_there_are_devices(
    solver: str,
    whole: bool,  # noqa: FBT001 - a case of the table
    site: Site,
    day: Horizon,
    seed: int,
) -> None:
    if solver == cp.CLARABEL:
        site = replace(site, limits=replace(site.limits, import_kw=None))
    equal_to_cvxpy(program_of(site, day, 5.0, loads_of(day.n_slots, seed, whole=whole), 0), solver)


def test_problem_is_refused_when_a_parameter_multiplies_a_variable_in_a_constraint() -> None:
    x, p = cp.Variable(2, name="x"), cp.Parameter(2, name="p")
    problem = cp.Problem(cp.Minimize(cp.sum(x)), [cp.multiply(p, x) >= 1, x >= 0])
    with pytest.raises(SolverError, match="parameters in its costs"):
        canonical_form(problem, {"x": x}, {})


def test_problem_is_refused_when_it_is_not_linear() -> None:
    x = cp.Variable(2, name="x")
    problem = cp.Problem(cp.Minimize(cp.sum(x)), [cp.norm(x) <= 1])
    with pytest.raises((SolverError, cp.SolverError)):
        canonical_form(problem, {"x": x}, {})


def test_rows_of_one_variable_become_bounds_when_compiled() -> None:
    """x0 + x1 == p stays a row; x >= 1 and -2 x <= 8 become bounds, the tightest counts."""
    x, p = cp.Variable(2, name="x"), cp.Parameter(1, name="p")
    rules = {"sum": cp.sum(x) == p[0], "low": x >= 1, "scaled": -2 * x <= 8, "high": x <= 3}
    form = canonical_form(cp.Problem(cp.Minimize(x[0]), list(rules.values())), {"x": x}, rules)
    assert (form.n_rows, form.n_columns) == (1, 2)
    lower, upper = form.bounds(np.array([4.0, 1.0]))
    assert lower.tolist() == [1, 1]
    assert upper.tolist() == [3, 3]
    assert np.abs(form.row_bounds(np.array([4.0, 1.0]))[0]).tolist() == [4.0]
    assert form.rows["low"].size == 0
    assert form.sign("sum", "x") in {-1.0, 1.0}
