"""The task of a joint dispatch: batteries with their demands, the house, and the limits of the connection.

Power limits, stored energy and the values of money are hard; demands and limits that a home can break are soft. A
broken one costs a multiple of the dearest price there is, so that no saving pays for it, and is named in the schedule.
"""

from dataclasses import dataclass

import numpy as np

from env.battery import Battery
from env.types import Energy
from planner.errors import PlannerError

LEAST_DEAREST = 0.1  # money/kWh: a multiple of prices near nothing would be no price


@dataclass(frozen=True, kw_only=True)
class JointBattery:
    """One battery of the home, or a car on its charger.

    Attributes:
        battery: its limits and efficiencies; its usable range is soft, since it may be found outside of it, its
            capacity is hard.
        start_kwh: stored at the start [kWh].
        end_value: of a stored kWh at the end [money/kWh].
        least_charge_kw: it charges with at least that power, or not at all [kW].
        from_grid: whether it may charge while the home imports.
        to_grid: whether it may discharge while the home exports.
        goal_kwh: stored energy wanted at the end of each step, 0 for none `(n_steps,)`; None without goals [kWh].
        demand_kwh: charge wanted in each step until it is full, 0 for none `(n_steps,)`; None without demands [kWh].

    Raises:
        PlannerError: the start is negative or above the capacity, or the least power is above the most.
    """

    battery: Battery
    start_kwh: float
    end_value: float = 0.0
    least_charge_kw: float = 0.0
    from_grid: bool = True
    to_grid: bool = True
    goal_kwh: Energy | None = None
    demand_kwh: Energy | None = None

    def __post_init__(self) -> None:
        """Refuse a battery that cannot be."""
        if not 0 <= self.start_kwh <= self.battery.capacity_kwh:
            message = f"stored energy at the start must be from 0 to {self.battery.capacity_kwh:g} kWh, the capacity"
            raise PlannerError(f"{message}, got {self.start_kwh:g} kWh")
        if not 0 <= self.least_charge_kw <= self.battery.charge_kw:
            message = f"the least charging power must be from 0 to {self.battery.charge_kw:g} kW, the most"
            raise PlannerError(f"{message}, got {self.least_charge_kw:g} kW")


@dataclass(frozen=True, kw_only=True)
class JointTask:
    """Batteries, house and prices over steps of any length; series `(n_steps,)`.

    Attributes:
        hours: length of each step [h].
        import_price: of each step [money/kWh].
        export_price: of each step [money/kWh].
        load_kwh: use of the house [kWh].
        pv_kwh: yield of the panels [kWh].
        batteries: at least one.
        import_kw: soft limit of the import; None for none [kW].
        export_kw: limit of the export, above which panels are curtailed; None for none [kW].
        excess_price: price of the highest power above `import_kw`, which is then no limit but a threshold; None for a
            limit [money/kW].

    Raises:
        PlannerError: the series differ in length, a step is shorter than nothing, or there is no battery.
    """

    hours: Energy
    import_price: Energy
    export_price: Energy
    load_kwh: Energy
    pv_kwh: Energy
    batteries: tuple[JointBattery, ...]
    import_kw: float | None = None
    export_kw: float | None = None
    excess_price: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        names = ("hours", "import_price", "export_price", "load_kwh", "pv_kwh")
        lengths = {name: len(getattr(self, name)) for name in names}
        for number, each in enumerate(self.batteries, start=1):
            for name in ("goal_kwh", "demand_kwh"):
                if (wanted := getattr(each, name)) is not None:
                    lengths[f"{name} of battery {number}"] = len(wanted)
        if len(set(lengths.values())) > 1:
            message = f"every series needs one value a step, got {lengths}"
            raise PlannerError(message)
        if not self.batteries or (self.hours < 0).any():
            message = "a joint dispatch needs a battery, and steps of at least no length"
            raise PlannerError(message)

    @property
    def n_steps(self) -> int:
        """Return the number of steps."""
        return len(self.hours)

    @property
    def dearest(self) -> float:
        """Return the dearest price that a kWh can have here, which broken demands are priced by [money/kWh]."""
        prices = [self.import_price.max(), self.export_price.max(), *(each.end_value for each in self.batteries)]
        if self.excess_price is not None:  # a kWh in the shortest step is that much power
            prices += [self.excess_price / hours for hours in self.hours if hours > 0]
        return float(np.max([*prices, LEAST_DEAREST]))
