"""The planning task: a home, its forecast slots, its stored energy, and the condition or value at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import MonthState
from env.site import Site
from env.time_grid import local_day
from env.types import Mask
from planner.byhand.commands import HandCommands
from planner.care.soc_targets import SocTargets
from planner.optimizer.deferrable_loads import LoadRequests, PlannedLoads
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.load_demands import planned_loads
from planner.optimizer.peak_calendar import HorizonDemandCharge, horizon_demand_charges
from planner.optimizer.slot_arrays import needed_arrays
from planner.value.end_of_prices import SETTLEMENT, EndBasis
from planner.value.terminal_value import TerminalValue


@dataclass(frozen=True, kw_only=True)
class End:
    """Condition and terminal value at the end of the horizon.

    Attributes:
        value: value of a kWh stored at the end, if there is no curve [money/kWh].
        curve: terminal value as a function of the stored energy.
        return_soc_kwh: stored energy demanded at the end [kWh]; None if any is allowed.
        basis: what the value rests on, as `planner.value.end_of_prices` has it.
    """

    value: float = 0.0
    curve: TerminalValue | None = None
    return_soc_kwh: float | None = None
    basis: EndBasis = SETTLEMENT

    def marginal_value(self, end_kwh: float) -> float:
        """Return the value of the last kWh of so much stored energy at the end [money/kWh]."""
        return self.value if self.curve is None else self.curve.marginal(end_kwh)

    def value_gained(self, start_kwh: float, end_kwh: float) -> float:
        """Return the value of ending with `end_kwh` rather than with `start_kwh` [money]."""
        if self.curve is not None:
            return self.curve.value_of(end_kwh) - self.curve.value_of(start_kwh)
        return self.value * (end_kwh - start_kwh)


@dataclass(frozen=True, kw_only=True)
class PlanTask:
    """The task of one plan.

    Attributes:
        slots: `slot_start, import_price, export_price, load_kwh, pv_kwh`, a row a slot, in order.
        site: the home.
        start_soc_kwh: stored energy at the start [kWh].
        end: condition and terminal value at the end.
        requests: requests to the movable loads.
        given_loads: the movable loads, if they do not follow from the requests.
        month: state of the month so far for each component of the demand charge in force on the first day; empty if
            unknown, which means no peaks so far.
        targets: reserve and care of the slots; None for none.
        by_hand: commands of the slots that people have set; None for none.
    """

    slots: pl.DataFrame
    site: Site
    start_soc_kwh: float
    end: End = End()
    requests: LoadRequests = field(default_factory=LoadRequests)
    given_loads: PlannedLoads | None = None
    month: tuple[MonthState, ...] = ()
    targets: SocTargets | None = None
    by_hand: HandCommands | None = None

    @cached_property
    def arrays(self) -> tuple[Energy, Energy, Energy, Energy]:
        """Return import price, export price, load and PV, checked; each `(n_slots,)`.

        Raises:
            IncompleteDayError: there are no slots, or one has a null or non-finite number.
        """
        return needed_arrays(self.slots)

    @cached_property
    def loads(self) -> PlannedLoads:
        """Return the movable loads over the horizon.

        Raises:
            LoadRequestError: a load request cannot be met.
        """
        if self.given_loads is not None:
            return self.given_loads
        return planned_loads(self.slots["slot_start"], self.site.timezone, self.site.devices, self.requests)

    @property
    def n_slots(self) -> int:
        """Return the number of slots of the horizon."""
        return self.slots.height

    @cached_property
    def days(self) -> pl.Series:
        """Return the local day of each slot."""
        return self.slots.select(local_day(self.site.timezone))["local_day"]

    @cached_property
    def peak_demands(self) -> tuple[HorizonDemandCharge, ...]:
        """Return the demand charges over the horizon, those of its first day's month.

        Raises:
            PlannerError: `month` has another number of components.
        """
        if "slot_start" not in self.slots.columns:  # the oracle accepts slots without a clock: then there is no month
            return ()
        charges = self.site.tariff.charges_of(self.days[0])
        return horizon_demand_charges(self.slots["slot_start"], charges, self.site.timezone, self.month)

    def added_charge(self, import_kwh: Energy) -> float:
        """Return what that import adds to the month's demand charge as it stands before the plan [money]."""
        return sum((each.cost(import_kwh) - each.standing_cost for each in self.peak_demands), start=0.0)

    @cached_property
    def unused_kwh(self) -> Energy:
        """Return the stored energy that is not used in each slot, minimum or reserve `(n_slots,)` [kWh]."""
        least = np.full(self.n_slots, self.site.battery.min_soc_kwh)
        return least if self.targets is None else np.maximum(self.targets.floor_kwh[0], least)

    @property
    def shown_by_hand(self) -> Mask:
        """Return the slots that are told as set by hand `(n_slots,)`."""
        return np.zeros(self.n_slots, dtype=np.bool_) if self.by_hand is None else self.by_hand.shown

    def targets_of(self, first: int, end: int) -> SocTargets | None:
        """Return the targets of slots `first` to `end`; None for none."""
        return None if self.targets is None else self.targets.slots(first, end)

    def care_penalty(self, soc_end_kwh: Energy) -> float:
        """Return the price of missing the reserve and care by these ends of slots `(n_slots,)`; no money paid."""
        return 0.0 if self.targets is None else self.targets.total_penalty(soc_end_kwh)

    def asked_by_hand(self, schedule: pl.DataFrame) -> float:
        """Return what the energy that blocks by hand ask for counts in a schedule; no money paid [money]."""
        return 0.0 if self.by_hand is None else self.by_hand.gained(schedule)

    def forgone(self, schedule: pl.DataFrame) -> float:
        """Return what the wishes that a schedule leaves unmet would have been worth [money]."""
        wishing = [load for load in self.loads.flexible if load.wishes]
        return sum((load.forgone(float(schedule[f"{load.name}_kwh"].sum())) for load in wishing), start=0.0)

    def program(self, *, fixed: Mapping[str, Energy] | None = None) -> HomeProgram:
        """Return the optimiser's program of this task, ready to solve.

        Args:
            fixed: movable loads with decided hours, by name, each `(n_slots,)` [kWh]; they are added to the house's
                load.
        """
        import_price, export_price, house_load, pv = self.arrays
        fixed_loads: Mapping[str, Energy] = fixed if fixed is not None else {}
        loads = PlannedLoads(
            tuple(load for load in self.loads.flexible if load.name not in fixed_loads),
            tuple(run for run in self.loads.runs if run.name not in fixed_loads),
        )
        curve = self.end.curve
        steps = 0 if curve is None else len(curve.slopes)
        program = HomeProgram(
            self.site,
            self.n_slots,
            end_steps=steps,
            loads=loads,
            power=self.peak_demands,
            targets=self.targets,
            by_hand=self.by_hand,
        )
        program.set_prices(import_price, export_price, 0.0 if curve is not None else self.end.value)
        if curve is not None:
            program.set_end_curve(curve.floor_kwh, curve.widths_kwh, curve.slopes)
        program.set_house(house_load + sum(fixed_loads.values(), start=np.zeros(self.n_slots)), pv, export_price)
        program.start_at(0, self.start_soc_kwh)
        if self.end.return_soc_kwh is not None:
            program.end_at(self.end.return_soc_kwh)
        return program

    def shifted_load(self, others: Mapping[str, Energy]) -> Energy:
        """Return the net draw of movable loads and further batteries `(n_slots,)` [kWh]."""
        moved = np.zeros(self.n_slots)
        for name in self.loads.names:
            moved += others[name]
        for number in range(2, 2 + len(self.site.extra_batteries)):
            moved += others[f"battery_{number}_charge"] - others[f"battery_{number}_discharge"]
        return moved

    def kept_from_battery(self, others: Mapping[str, Energy]) -> Energy:
        """Return the draw of the loads that the battery may not feed `(n_slots,)` [kWh]."""
        kept = [others[load.name] for load in self.loads.flexible if not load.from_battery]
        return np.sum(kept, axis=0) if kept else np.zeros(self.n_slots)
