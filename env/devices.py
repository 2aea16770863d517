"""Deferrable loads of a home: water heater, car, appliances. Their physics only.

The demands of a day (how much, by when, how often) belong to the planner.
"""

import math
from dataclasses import dataclass

from env.errors import DeviceError

SHORTEST_DAY_HOURS = 23.0  # a day's energy must fit into the day that the clock makes shortest


def _check(owner: str, name: str, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        message = f"{owner}: {name} must be a finite number of at least 0, got {value}"
        raise DeviceError(message)


@dataclass(frozen=True, kw_only=True)
class WaterHeater:
    """A tank that needs its energy every local day, whenever that is cheapest.

    Attributes:
        power_kw: of the heating element [kW].
        energy_kwh_per_day: what an ordinary day takes [kWh].
        vacation_kwh_per_day: what a day of vacation takes, against legionella [kWh].
        spacing_hours: least time between the starts of two heating blocks; 0 for none [h]. With one the element is on
            or off: a block runs at full power until its last quarter of an hour.

    Raises:
        DeviceError: a value is negative or not finite, or a day's energy is more than its power gives.
    """

    power_kw: float
    energy_kwh_per_day: float
    vacation_kwh_per_day: float = 0.0
    spacing_hours: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a heater that cannot exist."""
        for name in ("power_kw", "energy_kwh_per_day", "vacation_kwh_per_day", "spacing_hours"):
            _check("water heater", name, getattr(self, name))
        most = self.power_kw * SHORTEST_DAY_HOURS
        for name in ("energy_kwh_per_day", "vacation_kwh_per_day"):
            if getattr(self, name) > most:
                message = f"water heater: {self.power_kw:g} kW give {most:.4g} kWh a day, below {name}"
                raise DeviceError(f"{message} of {getattr(self, name):g} kWh")


@dataclass(frozen=True, kw_only=True)
class ElectricVehicle:
    """A car on its charger; it only takes energy.

    Attributes:
        power_kw: of the charger [kW].
        from_battery: whether the house battery may feed it.

    Raises:
        DeviceError: the power is negative or not finite.
    """

    power_kw: float
    from_battery: bool = False

    def __post_init__(self) -> None:
        """Refuse a charger that cannot exist."""
        _check("car", "power_kw", self.power_kw)


@dataclass(frozen=True, kw_only=True)
class Appliance:
    """A machine that, once started, runs its programme: dishes, laundry.

    Attributes:
        name: letters, digits and underscores.
        power_kw: while it runs [kW].
        run_hours: how long it runs [h].

    Raises:
        DeviceError: a value is negative or not finite, it runs for no time, or the name cannot be a column.
    """

    name: str
    power_kw: float
    run_hours: float

    def __post_init__(self) -> None:
        """Refuse an appliance that cannot exist."""
        if not self.name.isidentifier():
            message = f"appliance name {self.name!r} must be letters, digits and underscores, not starting with a digit"
            raise DeviceError(message)
        _check(self.name, "power_kw", self.power_kw)
        _check(self.name, "run_hours", self.run_hours)
        if self.run_hours == 0:
            message = f"{self.name}: run_hours must be above 0, got 0"
            raise DeviceError(message)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The movable loads of a home; none by default."""

    water_heater: WaterHeater | None = None
    vehicle: ElectricVehicle | None = None
    appliances: tuple[Appliance, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two appliances of one name."""
        names = [appliance.name for appliance in self.appliances]
        if len(set(names)) < len(names):
            message = f"two appliances have the same name: {sorted(names)}"
            raise DeviceError(message)


NO_DEVICES = Devices()
