"""The battery: how much it stores, how fast, and what is lost and worn on the way."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np

from env.errors import BatteryError
from env.taper import EMPTY, FULL, Taper, check_taper, taper_lines, tapered_kw
from env.time_grid import SLOT_HOURS
from env.types import Energy

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""Points `(power [kW], efficiency)`, power ascending; between them the energy moved is linear in the power."""


class Storage(Protocol):
    """One battery, or one a home with every figure `(n_homes,)`; members as `Battery`'s."""

    @property
    def min_soc_kwh(self) -> float | Energy: ...  # noqa: D102 - the members are described once, in `Battery`
    @property
    def max_soc_kwh(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def charge_kw(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def discharge_kw(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def charge_efficiency(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def discharge_efficiency(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def retention_per_slot(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def charge_wear(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    @property
    def discharge_wear(self) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    def most_charge_kw(self, soc_kwh: Energy) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    def most_discharge_kw(self, soc_kwh: Energy) -> float | Energy: ...  # noqa: D102 - documented by `Battery`
    def stored_by(self, charge_kwh: Energy) -> Energy: ...  # noqa: D102 - documented by `Battery`
    def charge_storing(self, stored_kwh: Energy) -> Energy: ...  # noqa: D102 - documented by `Battery`
    def drawn_by(self, discharge_kwh: Energy) -> Energy: ...  # noqa: D102 - documented by `Battery`
    def discharge_drawing(self, drawn_kwh: Energy) -> Energy: ...  # noqa: D102 - documented by `Battery`


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A home battery, seen from its alternating-current side.

    Stored energy follows `soc' = retention * soc + charge_efficiency * charge - discharge / discharge_efficiency`; with
    curves, efficiency depends on the power.

    Attributes:
        capacity_kwh: nominal stored energy [kWh].
        min_soc_kwh: least stored energy that may be used down to [kWh].
        max_soc_kwh: most stored energy [kWh].
        charge_kw: charging limit [kW, alternating current].
        discharge_kw: discharging limit [kW, alternating current].
        charge_efficiency: stored per charged kWh, in (0, 1].
        discharge_efficiency: delivered per stored kWh, in (0, 1].
        wear_cost: cost of moving one kWh either way [money/kWh, alternating current].
        cycle_cost: cost of one full equivalent cycle, counted on what is taken out [money].
        retention_per_hour: share of the stored energy that is left after an hour, in (0, 1].
        charge_curve: efficiency of charging by power; empty for the constant one. Reaches up to `charge_kw`.
        discharge_curve: the same for discharging.
        charge_taper: most charging power by state of charge at a slot's start, down to its least at 100 %; empty: none.
        discharge_taper: the same of discharging, from its least at 0 %.

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
    cycle_cost: float = 0.0
    retention_per_hour: float = 1.0
    charge_curve: Curve = ()
    discharge_curve: Curve = ()
    charge_taper: Taper = ()
    discharge_taper: Taper = ()

    def __post_init__(self) -> None:
        """Refuse a battery that cannot exist."""
        if not 0 <= self.min_soc_kwh <= self.max_soc_kwh <= self.capacity_kwh < math.inf:
            limits = f"{self.min_soc_kwh} <= {self.max_soc_kwh} <= {self.capacity_kwh}"
            message = f"stored energy must be finite, 0 <= minimum <= maximum <= capacity [kWh], got {limits}"
            raise BatteryError(message)
        for name in ("charge_efficiency", "discharge_efficiency", "retention_per_hour"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                message = f"{name} must be in (0, 1], got {value}"
                raise BatteryError(message)
        for name in ("charge_kw", "discharge_kw", "wear_cost", "cycle_cost"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                message = f"{name} must be a finite number of at least 0, got {value}"
                raise BatteryError(message)
        _check_curve("charge_curve", self.charge_curve, self.charge_kw)
        _check_curve("discharge_curve", self.discharge_curve, self.discharge_kw)
        check_taper("charge_taper", self.charge_taper, ends_at=FULL)
        check_taper("discharge_taper", self.discharge_taper, ends_at=EMPTY)

    @classmethod
    def from_percent(  # noqa: PLR0913 - keyword-only, the lines of a data sheet
        cls,
        *,
        capacity_kwh: float,
        min_soc_percent: float,
        max_soc_percent: float,
        charge_kw: float,
        discharge_kw: float,
        round_trip_efficiency: float,
        wear_cost: float,
        cycle_cost: float = 0.0,
        retention_per_hour: float = 1.0,
        charge_curve: Curve = (),
        discharge_curve: Curve = (),
        charge_taper: Taper = (),
        discharge_taper: Taper = (),
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
            min_soc_kwh=_share(capacity_kwh, min_soc_percent),
            max_soc_kwh=_share(capacity_kwh, max_soc_percent),
            charge_kw=charge_kw,
            discharge_kw=discharge_kw,
            charge_efficiency=one_way,
            discharge_efficiency=one_way,
            wear_cost=wear_cost,
            cycle_cost=cycle_cost,
            retention_per_hour=retention_per_hour,
            charge_curve=charge_curve,
            discharge_curve=discharge_curve,
            charge_taper=charge_taper,
            discharge_taper=discharge_taper,
        )

    def scaled(self, times: float) -> "Battery":
        """Return a battery of the same kind, so many times as large and as strong."""
        curves: dict[str, Curve] = {
            name: tuple((power * times, efficiency) for power, efficiency in getattr(self, name))
            for name in ("charge_curve", "discharge_curve")
        }
        tapers: dict[str, Taper] = {
            name: tuple((level, power * times) for level, power in getattr(self, name))
            for name in ("charge_taper", "discharge_taper")
        }
        sizes = ("capacity_kwh", "min_soc_kwh", "max_soc_kwh", "charge_kw", "discharge_kw")
        scaled: dict[str, float] = {name: times * getattr(self, name) for name in sizes}
        return replace(self, **scaled, **curves, **tapers)

    def resized(self, capacity_kwh: float) -> "Battery":
        """Return a battery of the same kind and power with another capacity; a kWh moved wears it as much."""
        times = capacity_kwh / self.capacity_kwh
        return replace(
            self,
            capacity_kwh=capacity_kwh,
            min_soc_kwh=times * self.min_soc_kwh,
            max_soc_kwh=capacity_kwh if self.max_soc_kwh == self.capacity_kwh else times * self.max_soc_kwh,
            cycle_cost=times * self.cycle_cost,
        )

    def soc_kwh(self, percent: float) -> float:
        """Stored energy at a percentage of the capacity, kept inside the usable range [kWh]."""
        return min(max(self.stored_kwh(percent), self.min_soc_kwh), self.max_soc_kwh)

    def stored_kwh(self, percent: float) -> float:
        """Stored energy at a percentage of the capacity that was read, inside the usable range or not [kWh]."""
        return self.capacity_kwh * percent / 100

    @property
    def retention_per_slot(self) -> float:
        """Share of the stored energy that is left after a slot."""
        return self.retention_per_hour**SLOT_HOURS

    @property
    def charge_wear(self) -> float:
        """Wear cost of charging one kWh [money/kWh, alternating current]."""
        return self.wear_cost

    @property
    def discharge_wear(self) -> float:
        """Wear cost of discharging one kWh, its part of a cycle included [money/kWh, alternating current]."""
        if self.capacity_kwh == 0:
            return self.wear_cost
        return self.wear_cost + self.cycle_cost / (self.capacity_kwh * self.discharge_efficiency)

    def most_charge_kw(self, soc_kwh: Energy) -> float | Energy:
        """Return the most charging power of a slot that begins with so much stored energy [kW]."""
        if not self.charge_taper or self.capacity_kwh == 0:
            return self.charge_kw
        return tapered_kw(self.charge_taper, 100 * soc_kwh / self.capacity_kwh, self.charge_kw)

    def most_discharge_kw(self, soc_kwh: Energy) -> float | Energy:
        """Return the most discharging power of a slot that begins with so much stored energy [kW]."""
        if not self.discharge_taper or self.capacity_kwh == 0:
            return self.discharge_kw
        return tapered_kw(self.discharge_taper, 100 * soc_kwh / self.capacity_kwh, self.discharge_kw)

    @property
    def power_lines(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """Lines of stored energy that `charge` and `discharge` of a slot stay below: at 0 kWh [kWh], per kWh stored."""
        per_kwh = 100 / self.capacity_kwh if self.capacity_kwh else 0.0
        tapers = {"charge": self.charge_taper, "discharge": self.discharge_taper}
        return {
            way: tuple((power * SLOT_HOURS, slope * per_kwh * SLOT_HOURS) for power, slope in taper_lines(taper))
            for way, taper in tapers.items()
            if taper and self.capacity_kwh > 0
        }

    @cached_property
    def charge_steps(self) -> tuple[Energy, Energy]:
        """Breakpoints of charging in a slot: charged and stored energy, both from 0 and ascending [kWh]."""
        return _steps(self.charge_curve, lambda power, efficiency: power * efficiency)

    @cached_property
    def discharge_steps(self) -> tuple[Energy, Energy]:
        """Breakpoints of discharging in a slot: discharged and drawn energy, both from 0 and ascending [kWh]."""
        return _steps(self.discharge_curve, lambda power, efficiency: power / efficiency)

    def stored_by(self, charge_kwh: Energy) -> Energy:
        """Return the energy that a slot's charge adds to the store [kWh]."""
        return np.interp(charge_kwh, *self.charge_steps) if self.charge_curve else self.charge_efficiency * charge_kwh

    def charge_storing(self, stored_kwh: Energy) -> Energy:
        """The charge of a slot that adds this much to the store; the inverse of `stored_by` [kWh]."""
        if not self.charge_curve:
            return stored_kwh / self.charge_efficiency
        charged, stored = self.charge_steps
        return np.interp(stored_kwh, stored, charged)

    def drawn_by(self, discharge_kwh: Energy) -> Energy:
        """Return the energy that a slot's discharge takes out of the store [kWh]."""
        if not self.discharge_curve:
            return discharge_kwh / self.discharge_efficiency
        return np.interp(discharge_kwh, *self.discharge_steps)

    def discharge_drawing(self, drawn_kwh: Energy) -> Energy:
        """The discharge of a slot that takes this much out of the store; the inverse of `drawn_by` [kWh]."""
        if not self.discharge_curve:
            return drawn_kwh * self.discharge_efficiency
        discharged, drawn = self.discharge_steps
        return np.interp(drawn_kwh, drawn, discharged)


def _share(capacity_kwh: float, percent: float) -> float:
    """Percentage of a capacity [kWh]; 100 % is the capacity itself, whatever rounding makes of it."""
    return capacity_kwh if percent == 100 else capacity_kwh * percent / 100  # noqa: PLR2004 - percent


def _steps(curve: Curve, stored_side: Callable[[float, float], float]) -> tuple[Energy, Energy]:
    """The curve's points as energies of a slot on both sides of the battery [kWh]."""
    outside = np.array([0.0, *(power for power, _ in curve)]) * SLOT_HOURS
    inside = np.array([0.0, *(stored_side(power, efficiency) for power, efficiency in curve)]) * SLOT_HOURS
    return outside, inside


def _check_curve(name: str, curve: Curve, most_kw: float) -> None:
    """Refuse a curve that is none, or that ends before the battery does.

    Raises:
        BatteryError: says which point is wrong.
    """
    if not curve:
        return
    powers, efficiencies = [power for power, _ in curve], [efficiency for _, efficiency in curve]
    if not all(0 < efficiency <= 1 for efficiency in efficiencies):
        message = f"{name}: every efficiency must be in (0, 1], got {efficiencies}"
        raise BatteryError(message)
    if any(later <= earlier for earlier, later in pairwise([0.0, *powers])):
        message = f"{name}: powers must ascend from above 0 kW, got {powers}"
        raise BatteryError(message)
    if powers[-1] < most_kw:
        message = f"{name} ends at {powers[-1]} kW, below the battery's {most_kw} kW; add a point there"
        raise BatteryError(message)
    moved = [power * efficiency for power, efficiency in curve]
    if any(later <= earlier for earlier, later in pairwise(moved)):
        message = f"{name}: more power must store more energy, got power x efficiency {moved} kW"
        raise BatteryError(message)
