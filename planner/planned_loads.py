"""What is asked of the movable loads over a horizon, in slots: how much, by when, how often.

Turns a heater, a car and appliances with a person's wishes into arrays over the horizon; what is cheapest is the
optimiser's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from env.devices import Appliance, Devices
from env.inverter import Energy
from env.time_grid import SLOT_HOURS, local_day
from planner.errors import PlannerError


class LoadRequestError(PlannerError):
    """A wish that no plan can mean: a window outside the horizon, or shorter than the run."""


@dataclass(frozen=True, kw_only=True)
class HeaterRequest:
    """How the tank stands.

    Attributes:
        done_today_kwh: heated already on the first local day of the horizon [kWh].
        vacation: whether nobody is at home.
    """

    done_today_kwh: float = 0.0
    vacation: bool = False


@dataclass(frozen=True, kw_only=True)
class VehicleRequest:
    """A stay of the car: `energy_kwh` between `arrives` and `departs`, instants in UTC."""

    arrives: datetime
    departs: datetime
    energy_kwh: float


@dataclass(frozen=True, kw_only=True)
class ApplianceRequest:
    """One run of an appliance, started at or after `earliest` and finished by `latest`, instants in UTC."""

    name: str
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, kw_only=True)
class LoadRequests:
    """Everything asked of the movable loads; nothing by default."""

    heater: HeaterRequest = field(default_factory=HeaterRequest)
    vehicle: VehicleRequest | None = None
    appliances: tuple[ApplianceRequest, ...] = ()


@dataclass(frozen=True)
class FlexibleLoad:
    """A load that takes its energy when it likes, within windows.

    Attributes:
        name: of its column, without `_kwh`.
        most_kwh: per slot `(n_slots,)` [kWh].
        windows: 0 or 1, `(n_windows, n_slots)`.
        energy_kwh: of each window `(n_windows,)` [kWh].
        from_battery: whether the house battery may feed it.
        spacing_slots: least slots between the starts of two blocks; 0 or 1 for none.
    """

    name: str
    most_kwh: Energy
    windows: Energy
    energy_kwh: Energy
    from_battery: bool = True
    spacing_slots: int = 0


@dataclass(frozen=True)
class FixedRun:
    """A run of fixed shape whose start is free.

    Attributes:
        name: of its column, without `_kwh`.
        may_start: 0 or 1, `(n_slots,)`.
        energy_kwh: of each slot of the run `(n_run,)` [kWh].
    """

    name: str
    may_start: Energy
    energy_kwh: Energy


@dataclass(frozen=True)
class PlannedLoads:
    """The movable loads of a horizon."""

    flexible: tuple[FlexibleLoad, ...] = ()
    runs: tuple[FixedRun, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all their columns, without `_kwh`."""
        return (*(load.name for load in self.flexible), *(run.name for run in self.runs))


def planned_loads(slot_start: pl.Series, timezone: str, devices: Devices, requests: LoadRequests) -> PlannedLoads:
    """The movable loads over a horizon.

    Args:
        slot_start: the horizon's slots, in order.
        timezone: whose local days the heater's are.
        devices: what the home has.
        requests: what is asked of them.

    Raises:
        LoadRequestError: a window lies outside the horizon or is too short, or there is no such appliance.
    """
    flexible: list[FlexibleLoad] = []
    if devices.water_heater is not None:
        flexible.append(_heater(slot_start, timezone, devices, requests.heater))
    if requests.vehicle is not None:
        flexible.append(_vehicle(slot_start, devices, requests.vehicle))
    runs = [_run(slot_start, devices.appliances, request) for request in requests.appliances]
    return PlannedLoads(tuple(flexible), tuple(runs))


def _heater(slot_start: pl.Series, timezone: str, devices: Devices, request: HeaterRequest) -> FlexibleLoad:
    """A window a local day; a day that the horizon holds only a part of takes that part of its energy."""
    heater = devices.water_heater
    if heater is None:  # asked for by the caller only where there is one
        message = "the home has no water heater"
        raise LoadRequestError(message)
    days = pl.DataFrame({"slot_start": slot_start}).select(local_day(timezone))["local_day"].to_numpy()
    names, index = np.unique(days, return_inverse=True)
    windows = (index[None, :] == np.arange(len(names))[:, None]).astype(np.float64)
    a_day = heater.vacation_kwh_per_day if request.vacation else heater.energy_kwh_per_day
    most = np.full(len(days), heater.power_kw * SLOT_HOURS)
    wanted = np.full(len(names), a_day)
    wanted[0] = max(a_day - request.done_today_kwh, 0.0)
    if len(names) > 1:  # the last day may go on after the horizon
        wanted[-1] *= min(1.0, float(windows[-1].sum()) * SLOT_HOURS / 23)
    return FlexibleLoad(
        "water", most, windows, np.minimum(wanted, windows @ most), spacing_slots=round(heater.spacing_hours / SLOT_HOURS)
    )


def _vehicle(slot_start: pl.Series, devices: Devices, request: VehicleRequest) -> FlexibleLoad:
    """One window, the stay."""
    if devices.vehicle is None:
        message = "a car is to be charged, but the home has none; add `devices.vehicle`"
        raise LoadRequestError(message)
    stay = _between(slot_start, request.arrives, request.departs, "car")
    most = stay * devices.vehicle.power_kw * SLOT_HOURS
    return FlexibleLoad(
        "ev", most, stay[None, :], np.array([request.energy_kwh]), from_battery=devices.vehicle.from_battery
    )


def _run(slot_start: pl.Series, appliances: Sequence[Appliance], request: ApplianceRequest) -> FixedRun:
    """The slots an appliance may start in."""
    appliance = next((each for each in appliances if each.name == request.name), None)
    if appliance is None:
        message = f"there is no appliance {request.name!r}; known: {[each.name for each in appliances]}"
        raise LoadRequestError(message)
    length = max(1, -int(-appliance.run_hours // SLOT_HOURS))
    inside = _between(slot_start, request.earliest, request.latest, request.name)
    may_start = np.array([bool(inside[t : t + length].sum() == length) for t in range(len(inside))], dtype=np.float64)
    if not may_start.any():
        hours = inside.sum() * SLOT_HOURS
        message = f"{request.name} runs {appliance.run_hours:g} h, but its window has {hours:g} h inside the horizon"
        raise LoadRequestError(message)
    energy = np.full(length, appliance.power_kw * SLOT_HOURS)
    energy[-1] = appliance.power_kw * (appliance.run_hours - (length - 1) * SLOT_HOURS)
    return FixedRun(f"appliance_{request.name}", may_start, energy)


def _between(slot_start: pl.Series, first: datetime, last: datetime, name: str) -> Energy:
    """1 for the slots that lie wholly between two instants."""
    starts = slot_start.dt.epoch("us").to_numpy()
    slot = round(SLOT_HOURS * 3.6e9)
    inside = (starts >= first.timestamp() * 1e6 - 1) & (starts + slot <= last.timestamp() * 1e6 + 1)
    if not inside.any():
        message = f"{name}: no slot of the horizon lies between {first.isoformat()} and {last.isoformat()}"
        raise LoadRequestError(message)
    return inside.astype(np.float64)
