"""The statement of a home in the solver's form, compiled once for homes and horizons that are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from env.battery import Battery
from env.site import Limits
from planner.optimizer.deferrable_loads import LoadShapes
from planner.optimizer.exclusive_flows import Rules
from planner.optimizer.peak_calendar import HorizonDemandCharge
from planner.optimizer.peak_threshold import ThresholdShape

if TYPE_CHECKING:
    from planner.optimizer.canonical_form import CanonicalForm


@dataclass(frozen=True)
class Wishes:
    """The parts of a statement that only some plans have.

    Attributes:
        targets: prices of stored energy that is missing or rests too high.
        by_hand: prices that what people ask for is put ahead by.
    """

    targets: bool = False
    by_hand: bool = False


def shared_form(  # noqa: PLR0913, PLR0917 - all that the statement follows from
    battery: Battery,
    extra: tuple[Battery, ...],
    limits: Limits,
    n_slots: int,
    end_steps: int,
    loads: LoadShapes,
    thresholds: tuple[ThresholdShape, ...],
    wishes: Wishes,
) -> tuple["CanonicalForm", Rules]:
    """Return the compiled statement of a home and its rules.

    All programs of this process share it, since it holds no number of a plan, and of a home only those that are no
    parameters: batteries of any size and power have one statement where their efficiencies and wear are alike.
    """
    return _kept_form(_stated(battery), extra, _existing(limits), n_slots, end_steps, loads, thresholds, wishes)


@lru_cache(maxsize=64)
def _kept_form(  # noqa: PLR0913, PLR0917 - as `shared_form`, as a cache's key
    battery: Battery,
    extra: tuple[Battery, ...],
    limits: Limits,
    n_slots: int,
    end_steps: int,
    loads: LoadShapes,
    thresholds: tuple[ThresholdShape, ...],
    wishes: Wishes,
) -> tuple["CanonicalForm", Rules]:
    return compiled_form(battery, extra, limits, n_slots, end_steps, loads, thresholds, wishes)


def _stated(battery: Battery) -> Battery:
    """Return a battery with the same statement, the same for all whose size and power are parameters of it."""
    if battery.power_lines or battery.charge_curve or battery.discharge_curve:
        return battery
    # A cycle wears a large battery less, per kWh: then the size is in the statement.
    capacity = battery.capacity_kwh if battery.cycle_cost else 1.0
    return replace(
        battery, capacity_kwh=capacity, min_soc_kwh=0.0, max_soc_kwh=capacity, charge_kw=1.0, discharge_kw=1.0
    )


def _existing(limits: Limits) -> Limits:
    """Return the limits that a statement holds: whether there is a fuse, and the inverter's power."""
    return Limits(import_kw=None if limits.import_kw is None else 1.0, inverter_kw=limits.inverter_kw)


def compiled_form(  # noqa: PLR0913, PLR0917 - as `shared_form`
    battery: Battery,
    extra: tuple[Battery, ...],
    limits: Limits,
    n_slots: int,
    end_steps: int,
    loads: LoadShapes,
    power: Sequence[HorizonDemandCharge | ThresholdShape],
    wishes: Wishes,
) -> tuple["CanonicalForm", Rules]:
    """Return the statement compiled anew: a demand charge follows the calendar, and no two plans share that."""
    from planner.optimizer.canonical_form import canonical_form  # CVXPY is slow to load
    from planner.optimizer.formulation import home_problem

    home = home_problem(
        battery=battery,
        extra_batteries=extra,
        limits=limits,
        n_slots=n_slots,
        end_steps=end_steps,
        loads=loads,
        power=power,
        targets=wishes.targets,
        by_hand=wishes.by_hand,
    )
    form = canonical_form(home.problem(), home.variables, home.constraints)
    opposites = [(form.columns[one], form.columns[other]) for one, other in home.opposites]
    ordered = [(form.columns[first], form.columns[second]) for steps in home.steps for first, second in pairwise(steps)]
    return form, Rules(opposites, ordered)
