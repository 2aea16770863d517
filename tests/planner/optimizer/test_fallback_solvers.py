"""Other solvers on the same statement: equal answers, and errors that say what they cannot."""

from datetime import date

import numpy as np
import pytest

from env.devices import Appliance, Devices
from env.site import Limits
from planner.errors import NoFeasibleScheduleError, SolverError
from planner.optimizer.deferrable_loads import ApplianceRequest, LoadRequests
from planner.optimizer.fallback_solvers import CLARABEL, SCS, solve_by
from planner.plans.task import End, PlanTask
from planner.value.terminal_value import TerminalValue
from tests.builders.battery_limits import idle_battery
from tests.builders.homes import DEFAULT_BATTERY, days_of_slots, home

SHORT_DAY, LONG_DAY = date(2026, 3, 29), date(2025, 10, 26)
ENDS = {
    "settle": End(value=1.1),
    "return": End(return_soc_kwh=20.0),
    "curve": End(curve=TerminalValue(floor_kwh=5.0, widths_kwh=np.array([10.0, 15.0]), slopes=np.array([1.4, 0.8]))),
}


def task(day: date = LONG_DAY, end: str = "settle", limits: Limits | None = None) -> PlanTask:
    site = home(limits=limits if limits is not None else Limits(import_kw=11.0, export_kw=5.0, inverter_kw=8.0))
    return PlanTask(slots=days_of_slots(day, day, seed=3), site=site, start_soc_kwh=17.1, end=ENDS[end])


@pytest.mark.parametrize(
    ("day", "end", "solver", "within"),
    [
        pytest.param(LONG_DAY, "settle", CLARABEL, 1e-6, id="100 slots, settled, Clarabel"),
        pytest.param(SHORT_DAY, "return", CLARABEL, 1e-6, id="92 slots, returned, Clarabel"),
        pytest.param(LONG_DAY, "curve", CLARABEL, 1e-6, id="100 slots, curve, Clarabel"),
        pytest.param(SHORT_DAY, "settle", SCS, 1e-3, id="92 slots, settled, SCS"),
    ],
)
def test_solvers_agree_when_the_statement_is_the_same(day: date, end: str, solver: str, within: float) -> None:
    program = task(day, end).program()
    exact, other = program.solve(), solve_by(solver, program)
    assert other.objective == pytest.approx(exact.objective, abs=within)
    assert other.record.solver == solver


def test_clarabel_values_stored_energy_as_highs_does_when_the_answer_is_unique() -> None:
    program = task().program()
    exact, other = program.solve(), solve_by(CLARABEL, program)
    assert np.median(np.abs(other.stored_value - exact.stored_value)) < 1e-4


@pytest.mark.parametrize("solver", [CLARABEL, SCS])
def test_other_solvers_say_so_when_nothing_is_feasible(solver: str) -> None:
    program = task().program()
    program.end_at(DEFAULT_BATTERY.max_soc_kwh)
    program.start_at(0, DEFAULT_BATTERY.min_soc_kwh)
    with idle_battery(program, *range(program.n_slots)), pytest.raises(NoFeasibleScheduleError):
        solve_by(solver, program)


def test_other_solvers_refuse_when_binaries_are_needed() -> None:
    day = task()
    start = day.slots["slot_start"]
    site = home()
    washed = LoadRequests(appliances=(ApplianceRequest(name="dishes", earliest=start[0], latest=start[40]),))
    devices = Devices(appliances=(Appliance(name="dishes", power_kw=1.0, run_hours=2.0),))
    with_run = PlanTask(
        slots=day.slots,
        site=type(site)(**{**vars(site), "devices": devices}),
        start_soc_kwh=17.1,
        requests=washed,
    )
    with pytest.raises(SolverError, match="binaries"):
        solve_by(CLARABEL, with_run.program())


def test_other_solvers_refuse_when_opposite_flows_pay() -> None:
    day = task(limits=Limits())
    paid = day.slots.with_columns(import_price=day.slots["import_price"] - 20.0)
    with pytest.raises(SolverError, match="at once"):
        solve_by(CLARABEL, PlanTask(slots=paid, site=day.site, start_soc_kwh=17.1).program())
