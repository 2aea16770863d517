"""The demands on movable loads over a horizon, in slots: how much, by when, how often.

Turns a heater, a car and appliances with a person's requests into arrays over the horizon; what is cheapest is the
optimiser's business.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from env.devices import Appliance, Devices, WaterHeater
from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS, local_day, slot_count
from planner.errors import LoadRequestError

SLOT_US = SLOT.total_seconds() * 1e6


@dataclass(frozen=True, kw_only=True)
class HeaterRequest:
    """The state of the water tank.

    Attributes:
        done_today_kwh: heated already on the first local day of the horizon [kWh].
        vacation: whether nobody is at home: a day then takes the vacation minimum instead.
        running: whether a block is under way when the horizon begins.
        last_start: when the latest block started, in UTC; the next keeps its distance. None: long ago.
    """

    done_today_kwh: float = 0.0
    vacation: bool = False
    running: bool = False
    last_start: datetime | None = None


@dataclass(frozen=True)
class Wish:
    """Energy that a load takes as far as it can be had, or while it is worth its price.

    Attributes:
        energy_kwh: how much [kWh].
        worth: most that a kWh of it may cost [money/kWh]; infinity where it is wanted at any price.
    """

    energy_kwh: float
    worth: float = math.inf


@dataclass(frozen=True, kw_only=True)
class VehicleRequest:
    """A stay of the car between `arrives` and `departs`, instants in UTC.

    Attributes:
        arrives: when the car is there; a moment before the horizon is its begin.
        departs: when it has to be charged; it may lie behind the horizon's end.
        energy_kwh: what it must get within the horizon, or there is no plan [kWh].
        wishes: what it is to get beyond that, the most urgent first.
        later_price: what a kWh behind the horizon's end is expected to cost [money/kWh]; used where it departs then.
    """

    arrives: datetime
    departs: datetime
    energy_kwh: float = 0.0
    wishes: tuple[Wish, ...] = ()
    later_price: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ApplianceRequest:
    """One run of an appliance, started at or after `earliest` and finished by `latest`, instants in UTC."""

    name: str
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, kw_only=True)
class LoadRequests:
    """Requests to the movable loads; nothing by default."""

    heater: HeaterRequest = field(default_factory=HeaterRequest)
    vehicle: VehicleRequest | None = None
    appliances: tuple[ApplianceRequest, ...] = ()


@dataclass(frozen=True)
class FlexibleShape:
    """The structure of a flexible load, compiled into the problem; the rest are its parameters.

    Attributes:
        name: of its column, without `_kwh`.
        from_battery: whether a battery may feed it.
        spacing_slots: least slots between the starts of two blocks; 0 or 1 for none.
        full_kwh: what a slot takes at full power; 0 without spacing, where it is no part of the statement [kWh].
        n_wishes: parts of energy that are taken as far as it can be had, or while they are worth their price.
    """

    name: str
    from_battery: bool
    spacing_slots: int
    full_kwh: float
    n_wishes: int = 0


@dataclass(frozen=True)
class RunShape:
    """The structure of a run, compiled in: name of its column, without `_kwh`, and its slots' energy [kWh]."""

    name: str
    energy_kwh: tuple[float, ...]


@dataclass(frozen=True)
class LoadShapes:
    """The planned loads as the statement knows them."""

    flexible: tuple[FlexibleShape, ...] = ()
    runs: tuple[RunShape, ...] = ()


NO_LOADS = LoadShapes()


@dataclass(frozen=True)
class FlexibleLoad:
    """A load that takes its energy when it likes, within windows.

    With a spacing it is on or off: it runs in blocks of slots in a row, at full power until a block's last slot, and
    blocks start at least the spacing apart. Without one it takes any part of its power.

    Attributes:
        name: of its column, without `_kwh`.
        most_kwh: per slot, 0 outside the windows `(n_slots,)` [kWh].
        windows: 0 or 1, `(n_windows, n_slots)`; each without a gap, one after the other.
        energy_kwh: of each window `(n_windows,)` [kWh].
        from_battery: whether a battery may feed it.
        spacing_slots: least slots between the starts of two blocks; 0 or 1 for none.
        may_start: with a spacing, whether a block may start in each slot `(n_slots,)`; None for anywhere.
        running: with a spacing, whether a block is under way when the horizon begins.
        wishes: energy beyond that of its only window, the most urgent first.
    """

    name: str
    most_kwh: Energy
    windows: Energy
    energy_kwh: Energy
    from_battery: bool = True
    spacing_slots: int = 0
    may_start: Energy | None = None
    running: bool = False
    wishes: tuple[Wish, ...] = ()

    @property
    def shape(self) -> FlexibleShape:
        """The structure that is compiled into the problem."""
        full_kwh = float(self.most_kwh.max()) if self.spacing_slots > 1 else 0.0
        return FlexibleShape(self.name, self.from_battery, self.spacing_slots, full_kwh, len(self.wishes))

    @property
    def wished_kwh(self) -> float:
        """All that it may take beyond what it must [kWh]."""
        return sum((wish.energy_kwh for wish in self.wishes), start=0.0)

    @property
    def so_far(self) -> tuple[Energy, Energy]:
        """Least and most that it may have taken by each slot's end `(n_slots,)` [kWh].

        By a window's last slot its energy is there; before its first slot nothing of it.
        """
        ended, begun = self.windows_so_far
        most = begun @ self.energy_kwh
        return ended @ self.energy_kwh, most + begun[:, -1] * self.wished_kwh if self.wishes else most

    @property
    def worths(self) -> Energy:
        """Most that a kWh of each wish may cost `(n_wishes,)` [money/kWh]."""
        return np.array([wish.worth for wish in self.wishes])

    @property
    def parameters(self) -> dict[str, Energy | float]:
        """Its numbers in the statement, by name without its own; those of prices aside."""
        least, most = self.so_far
        parameters: dict[str, Energy | float] = {"most": self.most_kwh, "so_far_least": least, "so_far_most": most}
        if self.wishes:
            parameters |= {
                "wishes_kwh": np.array([wish.energy_kwh for wish in self.wishes]),
                "must": float(self.energy_kwh.sum()),
            }
        if self.spacing_slots > 1:
            may_start = 1.0 if self.may_start is None else self.may_start
            parameters |= {"running": float(self.running), "may_start": may_start}
        return parameters

    def forgone(self, taken_kwh: float) -> float:
        """Return what the wishes that it does not get would have been worth, those without a limit aside [money]."""
        left, lost = max(taken_kwh - float(self.energy_kwh.sum()), 0.0), 0.0
        for wish in self.wishes:
            missing = max(wish.energy_kwh - left, 0.0)
            left -= wish.energy_kwh - missing
            lost += missing * wish.worth if math.isfinite(wish.worth) else 0.0
        return lost

    @property
    def windows_so_far(self) -> tuple[Energy, Energy]:
        """1 where by a slot's end a window has ended, and where it has begun; each `(n_slots, n_windows)`."""
        begun = np.maximum.accumulate(self.windows, axis=1)
        to_come = np.maximum.accumulate(self.windows[:, ::-1], axis=1)[:, ::-1]
        ended = np.hstack([1 - to_come[:, 1:], np.ones((len(self.windows), 1))])
        return ended.T, begun.T


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

    @property
    def shape(self) -> RunShape:
        """The structure that is compiled into the problem."""
        return RunShape(self.name, tuple(self.energy_kwh.tolist()))


@dataclass(frozen=True)
class PlannedLoads:
    """The movable loads of a horizon."""

    flexible: tuple[FlexibleLoad, ...] = ()
    runs: tuple[FixedRun, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all their columns, without `_kwh`."""
        return (*(load.name for load in self.flexible), *(run.name for run in self.runs))

    @property
    def shapes(self) -> LoadShapes:
        """The structure that is compiled into the problem."""
        return LoadShapes(tuple(load.shape for load in self.flexible), tuple(run.shape for run in self.runs))


def planned_loads(slot_start: pl.Series, timezone: str, devices: Devices, requests: LoadRequests) -> PlannedLoads:
    """The movable loads over a horizon.

    Args:
        slot_start: the horizon's slots, in order.
        timezone: whose local days the heater's are.
        devices: what the home has.
        requests: their energy and times.

    Raises:
        LoadRequestError: a window lies outside the horizon or is too short, or there is no such appliance.
    """
    flexible: list[FlexibleLoad] = []
    if devices.water_heater is not None:
        flexible.append(_heater(slot_start, timezone, devices.water_heater, requests.heater))
    if requests.vehicle is not None:
        flexible.append(_vehicle(slot_start, devices, requests.vehicle))
    runs = [_run(slot_start, devices.appliances, request) for request in requests.appliances]
    return PlannedLoads(tuple(flexible), tuple(runs))


def _heater(slot_start: pl.Series, timezone: str, heater: WaterHeater, request: HeaterRequest) -> FlexibleLoad:
    """A window a local day.

    A later day that the horizon holds only a part of takes that part of its energy, by the day's true length. Nowhere
    is more requested than full power gives, from when a block may start.
    """
    days = pl.DataFrame({"slot_start": slot_start}).select(local_day(timezone))["local_day"]
    names = days.unique(maintain_order=True).to_list()
    windows = np.array([(days == name).to_numpy() for name in names], dtype=np.float64)
    a_day = heater.vacation_kwh_per_day if request.vacation else heater.energy_kwh_per_day
    wanted = np.array(
        [a_day * inside.sum() / slot_count(name, timezone) for name, inside in zip(names, windows, strict=True)]
    )
    wanted[0] = max(a_day - request.done_today_kwh, 0.0)
    spacing_slots = math.ceil(round(heater.spacing_hours / SLOT_HOURS, 6))
    may_start = _may_start(slot_start, spacing_slots, request.last_start)
    reachable = np.ones(len(days)) if request.running else np.maximum.accumulate(may_start)
    most = heater.power_kw * SLOT_HOURS * reachable
    return FlexibleLoad(
        "water",
        most,
        windows,
        np.minimum(wanted, windows @ most),
        spacing_slots=spacing_slots,
        may_start=may_start,
        running=request.running,
    )


def _may_start(slot_start: pl.Series, spacing_slots: int, last_start: datetime | None) -> Energy:
    """1 for the slots that a block may start in, after the one before the horizon."""
    if last_start is None or spacing_slots <= 1:
        return np.ones(len(slot_start))
    from_then_on = last_start.timestamp() * 1e6 + spacing_slots * SLOT_US - 1
    return (slot_start.dt.epoch("us").to_numpy() >= from_then_on).astype(np.float64)


def _vehicle(slot_start: pl.Series, devices: Devices, request: VehicleRequest) -> FlexibleLoad:
    """One window, the part of the stay inside the horizon."""
    if devices.vehicle is None:
        message = "a car is to be charged, but the home has none; add `devices.vehicle`"
        raise LoadRequestError(message)
    if not (request.energy_kwh >= 0 and math.isfinite(request.energy_kwh)):
        message = f"the car's energy must be a finite number of at least 0 kWh, got {request.energy_kwh}"
        raise LoadRequestError(message)
    stay = _between(slot_start, request.arrives, request.departs, "car")
    power_kw = devices.vehicle.power_kw
    most = stay * power_kw * SLOT_HOURS
    if request.energy_kwh > most.sum() + 1e-9:
        message = (
            f"the car is to take {request.energy_kwh:g} kWh, but {power_kw:g} kW give it only "
            f"{most.sum():g} kWh between {request.arrives.isoformat()} and {request.departs.isoformat()}"
        )
        raise LoadRequestError(message)
    end = slot_start[-1] + SLOT
    later_kwh = max((request.departs - end) / SLOT, 0.0) * power_kw * SLOT_HOURS
    return FlexibleLoad(
        "ev",
        most,
        stay[None, :],
        np.array([request.energy_kwh]),
        from_battery=devices.vehicle.from_battery,
        wishes=_within_horizon(request.wishes, later_kwh, request.later_price),
    )


def _within_horizon(wishes: Sequence[Wish], later_kwh: float, later_price: float) -> tuple[Wish, ...]:
    """Return wishes as the horizon sees them: what can be had behind its end too is worth no more than it costs there.

    The least urgent kWh wait first; most urgent first in the answer.
    """
    inside: list[Wish] = []
    for wish in reversed(wishes):
        waits = min(wish.energy_kwh, later_kwh)
        later_kwh -= waits
        parts = (Wish(waits, min(wish.worth, later_price)), Wish(wish.energy_kwh - waits, wish.worth))
        inside += [part for part in parts if part.energy_kwh > 0]
    return tuple(sorted(inside, key=lambda wish: -wish.worth))


def _run(slot_start: pl.Series, appliances: Sequence[Appliance], request: ApplianceRequest) -> FixedRun:
    """The slots an appliance may start in."""
    appliance = next((each for each in appliances if each.name == request.name), None)
    if appliance is None:
        message = f"there is no appliance {request.name!r}; known: {[each.name for each in appliances]}"
        raise LoadRequestError(message)
    length = max(1, math.ceil(round(appliance.run_hours / SLOT_HOURS, 6)))
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
    inside = (starts >= first.timestamp() * 1e6 - 1) & (starts + SLOT_US <= last.timestamp() * 1e6 + 1)
    if not inside.any():
        message = f"{name}: no slot of the horizon lies between {first.isoformat()} and {last.isoformat()}"
        raise LoadRequestError(message)
    return inside.astype(np.float64)
