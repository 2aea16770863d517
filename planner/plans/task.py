"""What a plan is asked for: a home, its expected slots, where its battery stands, and what its end is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from env.inverter import Energy
from env.power_tariff import MonthState
from env.site import Site
from env.time_grid import local_day
from planner.optimizer.deferrable_loads import LoadRequests, PlannedLoads, planned_loads
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.peak_calendar import HorizonDemandCharge, horizon_demand_charges
from planner.optimizer.slot_arrays import needed_arrays
from planner.value.terminal_value import TerminalValue


@dataclass(frozen=True, kw_only=True)
class End:
    """What the end of the horizon asks for or is worth.

    Attributes:
        value: worth of a stored kWh at the end, where there is no curve [money/kWh].
        curve: its worth by how much there is.
        return_soc_kwh: stored energy demanded at the end [kWh]; None for any.
    """

    value: float = 0.0
    curve: TerminalValue | None = None
    return_soc_kwh: float | None = None

    def value_gained(self, start_kwh: float, end_kwh: float) -> float:
        """Worth of ending with `end_kwh` rather than with `start_kwh` [money]."""
        if self.curve is not None:
            return self.curve.value_of(end_kwh) - self.curve.value_of(start_kwh)
        return self.value * (end_kwh - start_kwh)


@dataclass(frozen=True, kw_only=True)
class PlanTask:
    """One plan to be made.

    Attributes:
        slots: `slot_start, import_price, export_price, load_kwh, pv_kwh`, a row a slot, in order.
        site: the home.
        start_soc_kwh: stored energy at the start [kWh].
        end: what the end asks for.
        requests: what is asked of the movable loads.
        given_loads: the movable loads themselves, where they are not what the requests make of them.
        month: the month so far of each component of the charge for power in force on the first day; empty where
            nothing is known of it: then its peaks so far are none.
    """

    slots: pl.DataFrame
    site: Site
    start_soc_kwh: float
    end: End = End()
    requests: LoadRequests = field(default_factory=LoadRequests)
    given_loads: PlannedLoads | None = None
    month: tuple[MonthState, ...] = ()

    @cached_property
    def arrays(self) -> tuple[Energy, Energy, Energy, Energy]:
        """Import price, export price, load and PV, checked; each `(n_slots,)`.

        Raises:
            IncompleteDayError: there is no slot, or a null or not finite number among them.
        """
        return needed_arrays(self.slots)

    @cached_property
    def loads(self) -> PlannedLoads:
        """The movable loads over the horizon.

        Raises:
            LoadRequestError: a wish that no plan can mean.
        """
        if self.given_loads is not None:
            return self.given_loads
        return planned_loads(self.slots["slot_start"], self.site.timezone, self.site.devices, self.requests)

    @property
    def n_slots(self) -> int:
        """Slots of the horizon."""
        return self.slots.height

    @cached_property
    def days(self) -> pl.Series:
        """Local day of each slot."""
        return self.slots.select(local_day(self.site.timezone))["local_day"]

    @cached_property
    def peak_demands(self) -> tuple[HorizonDemandCharge, ...]:
        """The charge for power over the horizon, by the version of the tariff in force on its first day.

        Raises:
            PlannerError: the month so far is told of another number of components.
        """
        if "slot_start" not in self.slots.columns:  # the oracle may be asked without a clock: then there is no month
            return ()
        version = self.site.tariff.in_force(self.days[0])
        return horizon_demand_charges(self.slots["slot_start"], version.power, self.site.timezone, self.month)

    def demand_charge(self, import_kwh: Energy) -> float:
        """The charge for power with that import, the month so far included [money]."""
        return sum((demand.cost(import_kwh) for demand in self.peak_demands), start=0.0)

    def program(self, *, fixed: Mapping[str, Energy] | None = None) -> HomeProgram:
        """The optimiser's program of this task, ready to be solved.

        Args:
            fixed: movable loads whose hours are decided, by name, each `(n_slots,)` [kWh]; they become part of the
                house.
        """
        import_price, export_price, load, pv = self.arrays
        hours: Mapping[str, Energy] = fixed if fixed is not None else {}
        loads = PlannedLoads(
            tuple(each for each in self.loads.flexible if each.name not in hours),
            tuple(each for each in self.loads.runs if each.name not in hours),
        )
        curve = self.end.curve
        steps = 0 if curve is None else len(curve.slopes)
        program = HomeProgram(self.site, self.n_slots, end_steps=steps, loads=loads, power=self.peak_demands)
        program.set_prices(import_price, export_price, 0.0 if curve is not None else self.end.value)
        if curve is not None:
            program.set_end_curve(curve.floor_kwh, curve.widths_kwh, curve.slopes)
        program.set_house(load + sum(hours.values(), start=np.zeros(self.n_slots)), pv, export_price)
        program.start_at(0, self.start_soc_kwh)
        if self.end.return_soc_kwh is not None:
            program.end_at(self.end.return_soc_kwh)
        return program

    def shifted_load(self, others: Mapping[str, Energy]) -> Energy:
        """What movable loads and further batteries draw from the house `(n_slots,)` [kWh]."""
        moved = np.zeros(self.n_slots)
        for name in self.loads.names:
            moved += others[name]
        for number in range(2, 2 + len(self.site.extra_batteries)):
            moved += others[f"battery_{number}_charge"] - others[f"battery_{number}_discharge"]
        return moved

    def kept_from_battery(self, others: Mapping[str, Energy]) -> Energy:
        """What the battery may not feed `(n_slots,)` [kWh]."""
        kept = [others[load.name] for load in self.loads.flexible if not load.from_battery]
        return np.sum(kept, axis=0) if kept else np.zeros(self.n_slots)
