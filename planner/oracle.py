"""The oracle: the least a day could have cost with perfect hindsight, under the same limits, start and end value.

A true lower bound for every policy that the inverter can run, because the program allows all that the inverter can do.
Where a house draws more than its fuse, the oracle breaks the fuse as little as can be, and bounds whatever breaks it no
more than that: a policy (idle, above all) that breaks it more may pay less.

The program allows a little that no command can say: to curtail beyond an export limit what could be charged, to curtail
and import at once where importing is paid for, to choose when the battery helps a broken fuse.
There the bound is not reached.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from env.battery import Battery
from env.site import Site
from planner.errors import NoFeasibleScheduleError
from planner.optimizer.deferrable_loads import PlannedLoads
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.slot_arrays import needed_arrays
from planner.optimizer.solution import CHARGE, CURTAIL, DISCHARGE, EXPORT, IMPORT, SOC, Solution, SolverRecord
from planner.plans.relaxation import contradiction
from planner.plans.task import End, PlanTask
from planner.tolerances import ORACLE_ZERO_KWH


@dataclass(frozen=True)
class OptimalSchedule:
    """The best schedule of a horizon.

    Attributes:
        slots: the given slots with `import_kwh`, `export_kwh`, `charge_kwh`, `discharge_kwh`, `curtailed_kwh`,
            `soc_start_kwh`, `soc_end_kwh`, `cost` (wear included) and `stored_value` [money per stored kWh].
        cost: of all slots, less the settlement of (end - start) stored energy [money].
        record: the solver's status, gap and time.
    """

    slots: pl.DataFrame
    cost: float
    record: SolverRecord = field(default_factory=SolverRecord)


def solve_optimal_schedule(
    slots: pl.DataFrame,
    site: Site,
    *,
    start_soc_kwh: float,
    settlement_value: float = 0.0,
    return_soc_kwh: float | None = None,
) -> OptimalSchedule:
    """The cheapest way to run the battery through known prices, load and PV.

    Args:
        slots: `import_price`, `export_price` [money/kWh], `load_kwh`, `pv_kwh` [kWh], one row a slot in order.
        site: battery and limits.
        start_soc_kwh: stored energy at the start [kWh].
        settlement_value: value of a stored kWh at the end [money/kWh].
        return_soc_kwh: stored energy demanded at the end [kWh]; None leaves the end to its settlement.

    Raises:
        IncompleteDayError: no slots, or a null or not finite number among them.
        NoFeasibleScheduleError: the limits contradict each other; a `ContradictionError` says which.
    """
    import_price, export_price, load, pv = needed_arrays(slots)
    program = HomeProgram(site.commanded, slots.height)
    program.set_prices(import_price, export_price, settlement_value)
    program.set_house(load, pv, export_price)
    program.start_at(0, start_soc_kwh)
    if return_soc_kwh is not None:
        program.end_at(return_soc_kwh)
        low, high = min(site.battery.min_soc_kwh, start_soc_kwh), max(site.battery.max_soc_kwh, start_soc_kwh)
        outside = not low <= return_soc_kwh <= high
        if outside and (error := _contradiction(slots, site, start_soc_kwh, return_soc_kwh)) is not None:
            raise error
    try:
        solution = program.solve()
    except NoFeasibleScheduleError as error:
        raise (_contradiction(slots, site, start_soc_kwh, return_soc_kwh) or error) from error
    return _schedule(slots, solution, start_soc_kwh, site.battery, settlement_value)


def _contradiction(
    slots: pl.DataFrame, site: Site, start_soc_kwh: float, return_soc_kwh: float | None
) -> NoFeasibleScheduleError | None:
    """Return what contradicts what, or None where nothing is found to."""
    task = PlanTask(
        slots=slots,
        site=site,
        start_soc_kwh=start_soc_kwh,
        end=End(return_soc_kwh=return_soc_kwh),
        given_loads=PlannedLoads(),
    )
    return contradiction(task)


def _schedule(
    slots: pl.DataFrame, solution: Solution, start_soc_kwh: float, battery: Battery, settlement_value: float
) -> OptimalSchedule:
    """The solver's answer as a schedule."""
    flows = np.where(solution.flows < ORACLE_ZERO_KWH, 0.0, solution.flows)
    soc_end = solution.flows[:, SOC]
    schedule = slots.with_columns(
        import_kwh=flows[:, IMPORT],
        export_kwh=flows[:, EXPORT],
        charge_kwh=flows[:, CHARGE],
        discharge_kwh=flows[:, DISCHARGE],
        curtailed_kwh=flows[:, CURTAIL],
        soc_start_kwh=np.concatenate([[start_soc_kwh], soc_end[:-1]]),
        soc_end_kwh=soc_end,
        stored_value=solution.stored_value,
    ).with_columns(
        cost=pl.col("import_kwh") * pl.col("import_price")
        - pl.col("export_kwh") * pl.col("export_price")
        + pl.col("charge_kwh") * battery.charge_wear
        + pl.col("discharge_kwh") * battery.discharge_wear
    )
    settled = settlement_value * (float(soc_end[-1]) - start_soc_kwh)
    return OptimalSchedule(schedule, float(schedule["cost"].sum()) - settled, solution.record)
