"""The physics of a home, one constraint a function: stated in CVXPY, in one sentence each, and nowhere else.

Shapes: flows `(n_slots,)` [kWh per slot], stored energy at the slots' ends `(n_slots,)` [kWh]. Every function takes
CVXPY expressions (variables, parameters or arrays) and returns one constraint, whose dual is the marginal value it
names. What does not belong here: which devices a home has (`formulation`), how anything is solved (`warm_solver`), and
the demand charge (`demand_charge`).
"""

from collections.abc import Sequence

import cvxpy as cp
import numpy as np
from scipy import sparse

from env.types import Energy


def total(parts: Sequence[cp.Expression]) -> cp.Expression:
    """Return the sum of at least one expression."""
    return sum(parts[1:], start=parts[0])


def power_balance(*, supply: cp.Expression, demand: cp.Expression) -> cp.Constraint:
    """Balance the house: import + discharge = net load + charge + export + curtailed + planned loads.

    Dual: value of one more kWh in the house in that slot [money/kWh].
    """
    return supply == demand


def stored_energy(
    soc: cp.Variable,
    *,
    start: cp.Expression | float,
    retention: float,
    into_store: cp.Expression,
    out_of_store: cp.Expression,
) -> cp.Constraint:
    """Energy is kept: a slot ends with what is left of its start, plus what went in, less what was taken out.

    `soc[t] = retention * soc[t-1] + into_store[t] - out_of_store[t]`, with `soc[-1]` the start. Dual: value of one more
    stored kWh at the slot's end [money/kWh].
    """
    before = cp.hstack([start, soc[:-1]]) if soc.size > 1 else cp.hstack([start])
    return soc == retention * before + into_store - out_of_store


def at_least(flow: cp.Variable, least: cp.Expression | float) -> cp.Constraint:
    """A flow or a store is never below its lower bound. Dual: what one kWh of room would save [money/kWh]."""
    return flow >= least


def at_most(flow: cp.Variable, most: cp.Expression | float) -> cp.Constraint:
    """A flow or a store is never above its upper bound. Dual: what one kWh of room would save [money/kWh]."""
    return flow <= most


def tapered_flow(
    flow: cp.Variable, soc: cp.Variable, *, start: cp.Expression | float, slope: float, level: cp.Expression | Energy
) -> cp.Constraint:
    """A battery takes less the fuller a slot begins, or gives less the emptier: one line of its taper.

    `flow[t] <= level[t] + slope * soc[t-1]`, with `soc[-1]` the start. Dual: what one kWh more would save [money/kWh].
    """
    before = cp.hstack([start, soc[:-1]]) if soc.size > 1 else cp.hstack([start])
    return flow <= level + slope * before


def missing_energy(soc: cp.Variable, missing: cp.Variable, wanted: cp.Parameter) -> cp.Constraint:
    """A slot ends with what is wanted, or with what is missing below it."""
    return soc + missing >= wanted


def resting_energy(soc: cp.Variable, resting: cp.Variable, ceiling: cp.Parameter) -> cp.Constraint:
    """A slot ends below the resting ceiling, or with what rests above it."""
    return soc - resting <= ceiling


def adds_up(flow: cp.Expression, parts: Sequence[cp.Variable]) -> cp.Constraint:
    """A flow whose efficiency depends on its power is the sum of its steps, each with an efficiency of its own."""
    return flow == total(parts)


def inverter_power(
    *, pv: cp.Expression, curtailed: cp.Expression, charge: cp.Expression, discharge: cp.Expression, power_kwh: float
) -> tuple[cp.Constraint, cp.Constraint]:
    """Limit the inverter: panels and battery together pass at most its power, in either direction.

    Dual: what one kWh of a larger inverter would save in that slot [money/kWh].
    """
    through = pv - curtailed + discharge - charge
    return through <= power_kwh, through >= -power_kwh


def end_steps(soc_end: cp.Expression, *, floor: cp.Expression, steps: cp.Variable) -> cp.Constraint:
    """Split the energy stored at the end into a floor and the steps of its value curve, the dearest filled first."""
    return soc_end == floor + cp.sum(steps)


def energy_so_far(so_far: cp.Variable, flow: cp.Variable) -> cp.Constraint:
    """Sum a planned load; what it has taken by a slot's end: `so_far[t] = so_far[t-1] + flow[t]`.

    Bounds of `so_far` say by when it needs how much, and how much it may have before. Dual: what needing one kWh less
    from that slot on would save [money/kWh].
    """
    before = cp.hstack([np.zeros(1), so_far[:-1]]) if so_far.size > 1 else np.zeros(1)
    return so_far == before + flow


def not_from_battery(
    flows: Sequence[cp.Variable], *, grid_import: cp.Expression, surplus: cp.Expression, curtailed: cp.Expression
) -> cp.Constraint:
    """Loads that no battery may feed take together no more than the import and the surplus of the panels.

    The surplus is PV that the house itself does not need and that is not curtailed. A battery may feed house, other
    planned loads and grid in the same slot, as it could without the car.
    """
    return total(flows) <= grid_import + surplus - curtailed


def off_takes_nothing(flow: cp.Variable, *, on: cp.Variable, full_kwh: float) -> cp.Constraint:
    """A load that is off takes nothing."""
    return flow <= full_kwh * on


def full_power_inside(flow: cp.Variable, *, on: cp.Variable, starts: cp.Variable, full_kwh: float) -> cp.Constraint:
    """A block runs at full power until its last slot: where it goes on in the next slot, this one is full."""
    return flow[:-1] >= full_kwh * (on[1:] - starts[1:])


def block_starts(on: cp.Variable, starts: cp.Variable, *, running: cp.Expression) -> cp.Constraint:
    """A block starts where the load is on and was not before; `running` is 1 where it was before the horizon."""
    before = cp.hstack([running, on[:-1]]) if on.size > 1 else running
    return starts >= on - before


def starts_apart(starts: cp.Variable, spacing: sparse.csr_array) -> cp.Constraint:
    """In any window as long as the spacing `(n_windows, n_slots)` at most one block starts."""
    return spacing @ starts <= 1


def starts_once(starts: cp.Variable) -> cp.Constraint:
    """An appliance starts exactly once in its window."""
    return cp.sum(starts) == 1
