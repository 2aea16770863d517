"""The battery: how much it stores, how fast, and what is lost and worn on the way."""

import math
from dataclasses import dataclass

from env.errors import BatteryError


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A home battery, seen from its alternating-current side.

    Stored energy follows `soc' = soc + charge_efficiency * charge - discharge / discharge_efficiency`.

    Attributes:
        capacity_kwh: nominal stored energy [kWh].
        min_soc_kwh: least stored energy that may be used down to [kWh].
        max_soc_kwh: most stored energy [kWh].
        charge_kw: charging limit [kW, alternating current].
        discharge_kw: discharging limit [kW, alternating current].
        charge_efficiency: stored per charged kWh, in (0, 1].
        discharge_efficiency: delivered per stored kWh, in (0, 1].
        wear_cost: cost of moving one kWh either way [money/kWh, alternating current].

    Raises:
        BatteryError: a value is outside its bounds.
    """

    capacity_kwh: float
    min_soc_kwh: float
    max_soc_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    wear_cost: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a battery that cannot exist."""
        if not 0 <= self.min_soc_kwh <= self.max_soc_kwh <= self.capacity_kwh < math.inf:
            limits = f"{self.min_soc_kwh} <= {self.max_soc_kwh} <= {self.capacity_kwh}"
            message = f"stored energy must be finite, 0 <= minimum <= maximum <= capacity [kWh], got {limits}"
            raise BatteryError(message)
        for name in ("charge_efficiency", "discharge_efficiency"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                message = f"{name} must be in (0, 1], got {value}"
                raise BatteryError(message)
        for name in ("charge_kw", "discharge_kw", "wear_cost"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                message = f"{name} must be a finite number of at least 0, got {value}"
                raise BatteryError(message)

    @classmethod
    def from_percent(
        cls,
        *,
        capacity_kwh: float,
        min_soc_percent: float,
        max_soc_percent: float,
        charge_kw: float,
        discharge_kw: float,
        round_trip_efficiency: float,
        wear_cost: float,
    ) -> "Battery":
        """A battery in the words of a data sheet; the round trip is split evenly (square root each way).

        Raises:
            BatteryError: a value is outside its bounds.
        """
        if not 0 < round_trip_efficiency <= 1:
            message = f"round-trip efficiency must be in (0, 1], got {round_trip_efficiency}"
            raise BatteryError(message)
        one_way = math.sqrt(round_trip_efficiency)
        return cls(
            capacity_kwh=capacity_kwh,
            min_soc_kwh=capacity_kwh * min_soc_percent / 100,
            max_soc_kwh=capacity_kwh * max_soc_percent / 100,
            charge_kw=charge_kw,
            discharge_kw=discharge_kw,
            charge_efficiency=one_way,
            discharge_efficiency=one_way,
            wear_cost=wear_cost,
        )

    def soc_kwh(self, percent: float) -> float:
        """Stored energy at a percentage of the capacity, kept inside the usable range [kWh]."""
        return min(max(self.capacity_kwh * percent / 100, self.min_soc_kwh), self.max_soc_kwh)
