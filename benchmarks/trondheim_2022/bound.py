"""The prescient optimum of a year of the Trondheim home: one program in CVXPY, one run of HiGHS."""

from datetime import date

import cvxpy as cp

from benchmarks.trondheim_2022.home import BATTERY, CLOCK, GRID_KW, START_KWH, TARIFF, Home, Hours
from env.power_tariff import MonthState
from planner.errors import SolverError
from planner.optimizer.constraints import at_most, power_balance, stored_energy
from planner.optimizer.demand_charge import demand_charge_term
from planner.optimizer.peak_calendar import peak_calendar

GAP = 1e-6  # of the total: two hundredths of a krone


def prescient(home: Home, hours: slice) -> Hours:
    """Return the cheapest import of known hours, from and back to the start's energy `(n_hours,)` [kWh].

    Raises:
        SolverError: HiGHS found no optimum.
    """
    starts, load = home.slot_start[hours], home.load_kwh[hours]
    n_hours = len(starts)
    imported, charge, discharge, stored = (cp.Variable(n_hours, nonneg=True) for _ in range(4))
    first: date = starts.dt.date()[0]
    power = demand_charge_term(
        imported, peak_calendar(starts, TARIFF, CLOCK), MonthState(month=first.replace(day=1)), TARIFF, most_kw=GRID_KW
    )
    constraints = [
        power_balance(supply=imported + discharge, demand=load + charge),
        stored_energy(
            stored,
            start=START_KWH,
            retention=BATTERY.retention_per_hour,
            into_store=BATTERY.charge_efficiency * charge,
            out_of_store=discharge / BATTERY.discharge_efficiency,
        ),
        at_most(imported, GRID_KW),
        at_most(charge, BATTERY.charge_kw),
        at_most(discharge, BATTERY.discharge_kw),
        at_most(stored, BATTERY.max_soc_kwh),
        cp.Zero(stored[-1] - START_KWH),
        *power.constraints,
    ]
    problem = cp.Problem(cp.Minimize(home.price[hours] @ imported + power.cost), constraints)
    problem.solve(solver=cp.HIGHS, mip_rel_gap=GAP, threads=1)
    if problem.status != cp.OPTIMAL or imported.value is None:
        message = f"HiGHS ended the prescient year with {problem.status}"
        raise SolverError(message)
    return imported.value
