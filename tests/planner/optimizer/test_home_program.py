from dataclasses import replace
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.inverter import Energy
from env.site import Limits, Site
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.home_program import HomeProgram, curtailment_limit
from planner.optimizer.solution import CHARGE, CURTAIL, DISCHARGE, EXPORT, IMPORT, SOC, Solution
from planner.optimizer.warm_solver import Answer
from tests.builders.homes import PAPER_BATTERY, Horizon, home, horizons, sites, start_soc


def fresh(site: Site, day: Horizon, start: float, value: float, *, first: int = 0) -> Solution:
    """A new program for the slots from `first` on."""
    program = HomeProgram(site, day.n_slots - first)
    program.set_prices(day.import_price[first:], day.export_price[first:], value)
    program.set_house(day.load_kwh[first:], day.pv_kwh[first:], day.export_price[first:])
    program.start_at(0, start)
    return program.solve()


def other_house(day: Horizon, seed: int, first: int) -> Horizon:
    """The same prices with another load and PV from `first` on."""
    rng = np.random.default_rng(seed)
    load, pv = day.load_kwh.copy(), day.pv_kwh.copy()
    load[first:], pv[first:] = rng.uniform(0, 2, (2, day.n_slots - first))
    return replace(day, load_kwh=load, pv_kwh=pv)


@given(
    site=sites(),
    day=horizons(most_slots=8),
    visits=st.lists(st.tuples(st.integers(0, 7), st.floats(0, 1), st.integers(0, 99)), min_size=1, max_size=4),
)
def test_program_answers_like_a_fresh_one_when_it_is_used_again_from_any_slot(
    site: Site, day: Horizon, visits: list[tuple[int, float, int]]
) -> None:
    """Forth and back, as MPC re-plans: only what lies ahead counts."""
    program = HomeProgram(site, day.n_slots)
    program.set_prices(day.import_price, day.export_price, 0.5)
    for at, share, seed in visits:
        first = at % day.n_slots
        seen = other_house(day, seed, first)
        program.set_house(seen.load_kwh[first:], seen.pv_kwh[first:], seen.export_price[first:], first=first)
        program.start_at(first, start_soc(site, share))
        again, anew = program.solve(), fresh(site, seen, start_soc(site, share), 0.5, first=first)
        assert again.objective == pytest.approx(anew.objective, abs=1e-6)
        assert (again.flows[:first] == 0).all()


@given(site=sites(), day=horizons(most_slots=8), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_program_answers_bit_for_bit_like_a_fresh_one_when_it_forgets(
    site: Site, day: Horizon, seed: int, share: float
) -> None:
    """As the oracle goes from day to day: what it answers must not depend on the day before."""
    program, start = HomeProgram(site, day.n_slots), start_soc(site, share)
    for seen in (other_house(day, seed, 0), day):
        program.clear_basis()
        program.set_prices(seen.import_price, seen.export_price, 0.5)
        program.set_house(seen.load_kwh, seen.pv_kwh, seen.export_price)
        program.start_at(0, start)
        again, anew = program.solve(), fresh(site, seen, start, 0.5)
        assert again.flows.tobytes() == anew.flows.tobytes()
        assert again.stored_value.tobytes() == anew.stored_value.tobytes()
        assert again.objective == anew.objective


@given(site=sites(), day=horizons(most_slots=6, kinds=("ordinary", "flat", "spiky")), share=st.floats(0, 1))
def test_marginal_value_lies_between_the_differences_when_energy_is_put_into_the_store(
    site: Site, day: Horizon, share: float
) -> None:
    """The slope of the cost to the left and to the right, by putting in and taking out a little in each slot."""
    start, little = start_soc(site, 0.25 + share / 2), 1e-4
    program = HomeProgram(site, day.n_slots)
    program.set_prices(day.import_price, day.export_price, 0.5)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.start_at(0, start)
    program.run()
    counted = program.solver.getInfo  # what the solver minimises, the price of breaking the fuse included
    base, stored_value = counted().objective_function_value, program.run().stored_value
    for slot in range(day.n_slots):
        base_of_row = start if slot == 0 else 0.0
        row = int(program.hot.form.rows["storage"][slot])
        costs: list[float] = []
        for change in (little, -little):
            program.solver.changeRowBounds(row, base_of_row + change, base_of_row + change)
            try:
                program.run()
                costs.append(counted().objective_function_value)
            except NoFeasibleScheduleError:  # a battery without room or power cannot take it
                costs.append(np.inf)
        program.solver.changeRowBounds(row, base_of_row, base_of_row)
        assert (base - costs[0]) / little - 1e-5 <= stored_value[slot] <= (costs[1] - base) / little + 1e-5


@pytest.mark.parametrize("end_value", [0.0, 0.7])
def test_last_marginal_value_is_the_settlement_when_nothing_else_competes(end_value: float) -> None:
    day = Horizon(np.full(4, 0.1), np.zeros(4), np.full(4, 0.2), np.full(4, 0.1))
    site = home(replace(PAPER_BATTERY, wear_cost=1.0))
    assert fresh(site, day, 5.0, end_value).stored_value == pytest.approx(np.full(4, end_value))


@given(site=sites(), day=horizons(), share=st.floats(0, 1))
def test_objective_is_the_cost_less_the_value_of_the_end_when_recomputed(
    site: Site, day: Horizon, share: float
) -> None:
    solution = fresh(site, day, start_soc(site, share), 0.5)
    flows, wear = solution.flows, site.battery.wear_cost
    cost = (
        flows[:, IMPORT] @ day.import_price
        - flows[:, EXPORT] @ day.export_price
        + wear * (flows[:, CHARGE] + flows[:, DISCHARGE]).sum()
    )
    assert solution.objective == pytest.approx(cost - 0.5 * flows[-1, SOC], abs=1e-9)


def paid_to_draw(n_slots: int) -> tuple[Energy, Energy]:
    return np.full(n_slots, -1.0), np.full(n_slots, -2.0)


def test_end_is_kept_when_the_start_moves_on() -> None:
    """`end_at` holds through the re-plans after it, also where the start widens the range."""
    day = Horizon(np.full(4, 0.2), np.zeros(4), np.ones(4), np.zeros(4))
    program = HomeProgram(home(PAPER_BATTERY), 4)
    program.set_prices(day.import_price, day.export_price, 0.0)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.end_at(6.0)
    for slot, start in ((0, 5.0), (1, 9.5), (2, 5.5), (0, 0.7)):
        program.start_at(slot, start)
        if start == 0.7:
            with pytest.raises(NoFeasibleScheduleError):
                program.solve()
        else:
            assert program.solve().flows[-1, SOC] == pytest.approx(6.0)


def test_range_is_narrow_again_when_a_later_start_lies_inside() -> None:
    day = Horizon(np.ones(2), np.zeros(2), np.ones(2), np.zeros(2))
    program = HomeProgram(home(PAPER_BATTERY), 2)
    program.set_prices(day.import_price, day.export_price, 0.0)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.start_at(0, 0.2)
    program.start_at(0, 1.4)
    assert program.solve().flows[-1, SOC] == pytest.approx(PAPER_BATTERY.min_soc_kwh)


@pytest.mark.parametrize(
    ("limits", "load", "pv", "price", "curtailable_kwh"),
    [
        pytest.param(Limits(), 1.0, 3.0, -1.0, 0.0, id="all has to go somewhere"),
        pytest.param(Limits(curtailable=True), 1.0, 3.0, -1.0, 2.0, id="surplus at a negative price"),
        pytest.param(Limits(curtailable=True), 1.0, 3.0, 0.0, 0.0, id="nothing at a price of zero"),
        pytest.param(Limits(curtailable=True), 3.0, 1.0, -1.0, 0.0, id="nothing of a deficit"),
        pytest.param(Limits(export_kw=2), 1.0, 3.0, 1.0, 1.5, id="beyond the export limit"),
        pytest.param(Limits(export_kw=0), 1.0, 3.0, 1.0, 2.0, id="all surplus under a ban"),
        pytest.param(Limits(inverter_kw=6), 1.0, 3.0, 1.0, 1.5, id="beyond the inverter"),
        pytest.param(Limits(inverter_kw=6), 5.0, 3.0, 1.0, 1.5, id="beyond the inverter, in a deficit too"),
        pytest.param(Limits(export_kw=2, inverter_kw=6, curtailable=True), 1.0, 3.0, -1.0, 2.0, id="the most of them"),
    ],
)
def test_spill_limit_is_what_nobody_takes_when_limits_meet(
    limits: Limits, load: float, pv: float, price: float, curtailable_kwh: float
) -> None:
    most = curtailment_limit(home(limits=limits), np.array([load]), np.array([pv]), np.array([price]))
    assert most.tolist() == pytest.approx([curtailable_kwh])


def test_binaries_leave_no_trace_when_the_program_is_used_again() -> None:
    """A day of odd prices, then an ordinary one: rows, columns and answer as in a program that never saw the first."""
    rng = np.random.default_rng(5)
    load, pv = rng.uniform(0, 2, (2, 12))
    day = Horizon(load, pv, *paid_to_draw(12))
    ordinary = replace(day, import_price=rng.uniform(1, 2, 12), export_price=rng.uniform(0, 1, 12))
    program = HomeProgram(home(limits=Limits(import_kw=30, inverter_kw=8)), 12)
    size = (program.solver.getNumRow(), program.solver.getNumCol())
    for seen in (day, ordinary):
        program.clear_basis()
        program.set_prices(seen.import_price, seen.export_price, 0.5)
        program.set_house(seen.load_kwh, seen.pv_kwh, seen.export_price)
        program.start_at(0, 17.0)
        solution = program.solve()
        assert (program.solver.getNumRow(), program.solver.getNumCol()) == size
        assert solution.flows.tobytes() == fresh(program.site, seen, 17.0, 0.5).flows.tobytes()
    program.set_prices(day.import_price, day.export_price, 0.5)
    assert program.solver.getLp().integrality_ in ([], [highspy.HighsVarType.kContinuous] * size[1])


def test_binaries_leave_no_trace_when_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver gives up on the binaries of a day that pays more for export than import costs."""
    day = Horizon(np.ones(2), np.zeros(2), np.full(2, 1.0), np.full(2, 3.0))
    program = HomeProgram(home(), 2)
    program.set_prices(day.import_price, day.export_price, 0.0)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.start_at(0, 17.0)
    size = (program.solver.getNumRow(), program.solver.getNumCol())
    run, runs = program.hot.run, iter([True, False])

    def run_once(*, time_limit: float) -> Answer:
        if not next(runs):
            message = "stopped"
            raise SolverError(message)
        return run(time_limit=time_limit)

    monkeypatch.setattr(program.hot, "run", run_once)
    with pytest.raises(SolverError):
        program.solve()
    assert (program.solver.getNumRow(), program.solver.getNumCol()) == size


def test_solver_is_asked_afresh_when_a_warm_start_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    day = Horizon(np.ones(2), np.zeros(2), np.ones(2), np.zeros(2))
    program = HomeProgram(home(), 2)
    program.set_prices(day.import_price, day.export_price, 0.0)
    program.set_house(day.load_kwh, day.pv_kwh, day.export_price)
    program.start_at(0, 17.0)
    statuses = iter([highspy.HighsModelStatus.kUnknown, highspy.HighsModelStatus.kOptimal])
    monkeypatch.setattr(program.solver, "getModelStatus", lambda: next(statuses), raising=False)
    assert program.solve().flows[:, IMPORT].sum() == pytest.approx(0.0)
    assert next(statuses, None) is None


def test_program_has_its_whole_time_when_it_was_solved_often_before() -> None:
    """HiGHS's clock runs on from solve to solve."""
    n_slots, limit = 960, 0.5
    prices = 1.0 + np.sin(np.arange(n_slots))
    program = HomeProgram(home(), n_slots)
    program.set_prices(prices, prices - 0.5, 0.0)
    program.set_house(np.ones(n_slots), np.zeros(n_slots), prices - 0.5)
    program.start_at(0, 17.0)
    while program.solver.getRunTime() < limit:
        program.solve()
        program.clear_basis()
    assert program.solve(time_limit=limit).record.status == "optimal"


def test_search_has_its_own_time_alone_when_the_program_was_solved_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search's clock begins anew: with the time so far on top, every search took twice the one before."""
    program = HomeProgram(home(), 2)
    program.set_prices(np.ones(2), 3 * np.ones(2), 0.0)  # export is paid more than import costs
    program.set_house(np.ones(2), np.zeros(2), 3 * np.ones(2))
    program.start_at(0, 17.0)
    limits: list[float] = []
    given = program.solver.setOptionValue

    def option(name: str, value: Any) -> Any:
        if name == "time_limit":
            limits.append(value)
        return given(name, value)

    monkeypatch.setattr(program.solver, "getRunTime", lambda: 100.0, raising=False)
    monkeypatch.setattr(program.solver, "setOptionValue", option, raising=False)
    program.solve(time_limit=2.0)
    searches = [limit for limit in limits if limit < 100.0]
    assert searches
    assert max(searches) <= 2.0
    assert limits[0] == 102.0


def test_failure_is_reported_when_the_solver_stops_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    program = HomeProgram(home(), 2)
    monkeypatch.setattr(
        program.solver, "getModelStatus", lambda: highspy.HighsModelStatus.kIterationLimit, raising=False
    )
    with pytest.raises(SolverError, match="HiGHS stopped with Iteration limit reached"):
        program.solve()


def test_failure_is_reported_when_the_solver_refuses_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highspy.Highs, "passModel", lambda *_: highspy.HighsStatus.kError)
    with pytest.raises(SolverError, match="this is a bug"):
        HomeProgram(home(), 2)


def test_panels_are_worth_taking_when_the_inverter_loses_the_rest() -> None:
    """PV 3 on an inverter of 1 kWh a slot, 2 kW of battery: 0.5 charge on the panels' side, 1 goes out, 1.5 is lost."""
    battery = replace(PAPER_BATTERY, charge_kw=2, wear_cost=0.0)
    day = Horizon(np.zeros(1), np.full(1, 3.0), np.ones(1), np.full(1, 0.5))
    flows = fresh(home(battery, Limits(inverter_kw=4)), day, 5.0, 2.0).flows[0]
    assert flows[[CHARGE, EXPORT, CURTAIL]].tolist() == pytest.approx([0.5, 1.0, 1.5])
