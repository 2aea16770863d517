# pyright: basic - CVXPY's operators are untyped, and strict mode would ask for a cast in every line
"""The physics of a home, one constraint a function: stated in CVXPY, in one sentence each, and nowhere else.

Shapes: flows `(n_slots,)` [kWh per slot], stored energy at the slots' ends `(n_slots,)` [kWh]. Every function takes CVXPY
expressions (variables, parameters or arrays) and returns one constraint, whose dual is the marginal value it names.
What does not belong here: which devices a home has (`home_problem`), how anything is solved (`hot_program`), and the
charge for power (`power_charge`).
"""

from typing import TypeAlias

import cvxpy as cp
import numpy as np

Expression: TypeAlias = "cp.Expression | np.ndarray | float"


def power_balance(*, supply: Expression, demand: Expression) -> cp.Constraint:
    """What comes in is what goes out: import + discharge = net load + charge + export + spilled + planned loads.

    Dual: value of one more kWh in the house in that slot [money/kWh].
    """
    return supply == demand


def stored_energy(
    soc: cp.Variable, *, start: Expression, retention: float, into_store: Expression, out_of_store: Expression
) -> cp.Constraint:
    """Energy is kept: a slot ends with what is left of its start, plus what went in, less what was taken out.

    `soc[t] = retention * soc[t-1] + into_store[t] - out_of_store[t]`, with `soc[-1]` the start. Dual: value of one more
    stored kWh at the slot's end [money/kWh].
    """
    before = cp.hstack([start, soc[:-1]]) if soc.size > 1 else cp.hstack([start])
    return soc == retention * before + into_store - out_of_store


def at_least(flow: cp.Variable, least: Expression) -> cp.Constraint:
    """A flow or a store is never below its lower bound. Dual: what one kWh of room would save [money/kWh]."""
    return flow >= least


def at_most(flow: cp.Variable, most: Expression) -> cp.Constraint:
    """A flow or a store is never above its upper bound. Dual: what one kWh of room would save [money/kWh]."""
    return flow <= most


def adds_up(flow: Expression, parts: list[cp.Variable]) -> cp.Constraint:
    """A flow whose efficiency depends on its power is the sum of its steps, each with an efficiency of its own."""
    return flow == sum(parts[1:], start=parts[0])


def inverter_power(
    *, pv: Expression, spilled: Expression, charge: Expression, discharge: Expression, power_kwh: float
) -> tuple[cp.Constraint, cp.Constraint]:
    """What panels and battery pass through their common inverter is at most its power, in either direction.

    Dual: what one kWh of a larger inverter would save in that slot [money/kWh].
    """
    through = pv - spilled + discharge - charge
    return through <= power_kwh, through >= -power_kwh


def end_steps(soc_end: Expression, *, floor: Expression, steps: cp.Variable) -> cp.Constraint:
    """What is stored at the end is a floor and the steps of its value curve, the dearest filled first."""
    return soc_end == floor + cp.sum(steps)


def energy_by(flow: cp.Variable, windows: np.ndarray, energy: Expression) -> cp.Constraint:
    """A planned load gets its energy within each of its windows `(n_windows, n_slots)`: a heater's day, a car's stay.

    Dual: what needing one kWh less would save [money/kWh].
    """
    return windows @ flow == energy


def not_from_battery(flow: cp.Variable, *, bought: Expression, surplus: Expression) -> cp.Constraint:
    """A car that the house battery may not feed takes no more than is bought or left over from the panels."""
    return flow <= bought + surplus


def full_power_when_on(flow: cp.Variable, *, on: cp.Variable, most: Expression) -> cp.Constraint:
    """A load that is off takes nothing."""
    return flow <= cp.multiply(most, on)


def block_starts(on: cp.Variable, starts: cp.Variable) -> cp.Constraint:
    """A block starts where the load is on and was not before."""
    return starts >= on - cp.hstack([0.0, on[:-1]])


def starts_apart(starts: cp.Variable, spacing: np.ndarray) -> cp.Constraint:
    """In any window as long as the spacing `(n_windows, n_slots)` at most one block starts."""
    return spacing @ starts <= 1


def starts_once(starts: cp.Variable) -> cp.Constraint:
    """An appliance starts exactly once in its window."""
    return cp.sum(starts) == 1
