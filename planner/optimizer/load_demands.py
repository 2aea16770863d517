"""The demands on movable loads over a horizon, in slots: how much, by when, how often.

Turns a heater, a car and appliances with a person's requests into arrays over the horizon (`deferrable_loads`); what is
cheapest is the optimiser's business.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from env.devices import Appliance, Devices, WaterHeater
from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS, local_clock, local_day, slot_count
from planner.errors import LoadRequestError
from planner.optimizer.deferrable_loads import (
    ApplianceRequest,
    FixedRun,
    FlexibleLoad,
    HeaterRequest,
    HeatRun,
    LoadRequests,
    PlannedLoads,
    VehicleRequest,
    Wish,
)

SLOT_US = SLOT.total_seconds() * 1e6


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
    energy = np.minimum(wanted, windows @ most)
    run_slots, run_may_start = _heat_run(slot_start, request.run)
    return FlexibleLoad(
        "water",
        most,
        windows,
        energy,
        spacing_slots=spacing_slots,
        may_start=may_start,
        running=request.running,
        floor_kwh=_comfort(slot_start, timezone, request, windows, energy, most) if request.comfort else None,
        run_slots=run_slots,
        run_may_start=run_may_start,
    )


def _comfort(
    slot_start: pl.Series, timezone: str, request: HeaterRequest, windows: Energy, energy: Energy, most: Energy
) -> Energy:
    """Return what must be heated by each slot's end, so that each local day has its comfort by its times.

    A day that the horizon begins inside has what is done already; no more is asked for than full power gives.
    """
    clock = pl.DataFrame({"slot_start": slot_start}).select(local_clock(timezone))["local_clock"].to_numpy()
    floor, before = np.zeros(len(clock)), 0.0
    for number, (inside, day_kwh) in enumerate(zip(windows > 0, energy.tolist(), strict=True)):
        done = request.done_today_kwh if number == 0 else 0.0
        reachable = np.minimum(np.cumsum(most * inside), day_kwh)
        for minutes, wanted in request.comfort:
            ends = np.flatnonzero(inside & (clock < minutes))
            if len(ends):
                last = int(ends[-1])
                floor[last] = max(floor[last], before + min(max(wanted - done, 0.0), float(reachable[last])))
        before += day_kwh
    return np.maximum.accumulate(floor)


def _heat_run(slot_start: pl.Series, run: HeatRun | None) -> tuple[int, Energy | None]:
    """Return the slots of a run and where it may start; none where the horizon does not hold it."""
    if run is None:
        return 0, None
    length = max(1, math.ceil(round(run.hours / SLOT_HOURS, 6)))
    starts = slot_start.dt.epoch("us").to_numpy()
    inside = (starts >= run.earliest.timestamp() * 1e6 - 1) & (starts + SLOT_US <= run.latest.timestamp() * 1e6 + 1)
    may_start = np.array([bool(inside[t : t + length].sum() == length) for t in range(len(inside))], dtype=np.float64)
    return (length, may_start) if may_start.any() else (0, None)


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
