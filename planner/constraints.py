"""The physics of a home, one constraint a function: stated in CVXPY, in one sentence each, and nowhere else.

Shapes: flows `(n_slots,)` [kWh per slot], stored energy at the slots' ends `(n_slots,)` [kWh]. Every function takes CVXPY
expressions (variables, parameters or arrays) and returns one constraint, whose dual is the marginal value it names. What
does not belong here: which devices a home has (`home_problem`), and how anything is solved (`hot_program`).
"""

import cvxpy as cp
import numpy as np

from env.battery import Battery

Expression = cp.Expression | np.ndarray | float


def power_balance(*, supply: Expression, demand: Expression) -> cp.Constraint:
    """What comes in is what goes out: import + discharge = net load + charge + export + spilled + planned loads.

    Dual: value of one more kWh in the house in that slot [money/kWh].
    """
    return supply == demand


def stored_energy(
    soc: cp.Variable, *, start: Expression, into_store: Expression, out_of_store: Expression, battery: Battery
) -> cp.Constraint:
    """Energy is kept: what is stored at a slot's end is what was kept from its start, plus what went in, less what went out.

    `soc[t] = retention * soc[t-1] + into_store[t] - out_of_store[t]`, with `soc[-1]` the start. Dual: value of one more
    stored kWh at the slot's end [money/kWh].
    """
    before = cp.hstack([start, soc[:-1]]) if soc.size > 1 else cp.reshape(start, (1,), order="C")
    return soc == battery.retention_per_slot * before + into_store - out_of_store


def at_least(flow: cp.Variable, least: Expression) -> cp.Constraint:
    """A flow or a store is never below its lower bound. Dual: what lowering the bound by one kWh saves [money/kWh]."""
    return flow >= least


def at_most(flow: cp.Variable, most: Expression) -> cp.Constraint:
    """A flow or a store is never above its upper bound. Dual: what raising the bound by one kWh saves [money/kWh]."""
    return flow <= most
