"""The limits and losses of a battery in one slot, computed afresh from its fields."""

import numpy as np

from env.battery import Battery, Curve
from env.taper import Taper
from env.time_grid import SLOT_HOURS
from planner.verification.findings import Values


def retained(battery: Battery) -> float:
    """Share of the stored energy that is still there a slot later."""
    return float(battery.retention_per_hour**SLOT_HOURS)


def into_store(charge_kwh: Values, battery: Battery) -> Values:
    """Stored by a slot's charge [kWh]: charge x efficiency; between a curve's points, linear in the power."""
    if not battery.charge_curve:
        return charge_kwh * battery.charge_efficiency
    outside, inside = _points(battery.charge_curve, storing=True)
    return np.interp(charge_kwh, outside, inside)


def out_of_store(discharge_kwh: Values, battery: Battery) -> Values:
    """Drawn from the store by a slot's discharge [kWh]: discharge / efficiency; linear between a curve's points."""
    if not battery.discharge_curve:
        return discharge_kwh / battery.discharge_efficiency
    outside, inside = _points(battery.discharge_curve, storing=False)
    return np.interp(discharge_kwh, outside, inside)


def most_charge(soc_kwh: Values, battery: Battery) -> Values:
    """Most that a slot can charge from there, by power and by room in the store [kWh]."""
    room = np.maximum(battery.max_soc_kwh - soc_kwh * retained(battery), 0.0)
    if battery.charge_curve:
        outside, inside = _points(battery.charge_curve, storing=True)
        fits = np.interp(room, inside, outside)
    else:
        fits = room / battery.charge_efficiency
    return np.minimum(fits, charge_limit(soc_kwh, battery))


def most_discharge(soc_kwh: Values, battery: Battery) -> Values:
    """Most that a slot can discharge from there, by power and by stored energy [kWh]."""
    spare = np.maximum(soc_kwh * retained(battery) - battery.min_soc_kwh, 0.0)
    if battery.discharge_curve:
        outside, inside = _points(battery.discharge_curve, storing=False)
        lasts = np.interp(spare, inside, outside)
    else:
        lasts = spare * battery.discharge_efficiency
    return np.minimum(lasts, discharge_limit(soc_kwh, battery))


def charge_limit(soc_kwh: Values, battery: Battery) -> Values:
    """Most that a slot can charge by the battery's power, which may taper as the slot begins fuller [kWh]."""
    return _limit(soc_kwh, battery, battery.charge_kw, battery.charge_taper)


def discharge_limit(soc_kwh: Values, battery: Battery) -> Values:
    """Most that a slot can discharge by the battery's power, which may taper as the slot begins emptier [kWh]."""
    return _limit(soc_kwh, battery, battery.discharge_kw, battery.discharge_taper)


def _limit(soc_kwh: Values, battery: Battery, power_kw: float, taper: Taper) -> Values:
    limit = np.full(np.shape(soc_kwh), power_kw * SLOT_HOURS)
    if not taper or battery.capacity_kwh == 0:
        return limit
    levels = [percent / 100 * battery.capacity_kwh for percent, _ in taper]
    return np.minimum(limit, np.interp(soc_kwh, levels, [power * SLOT_HOURS for _, power in taper]))


def wear(charge_kwh: Values, discharge_kwh: Values, battery: Battery) -> Values:
    """Wear of a slot [money]: per kWh either way, and per cycle, of which a full one takes the capacity out once."""
    moved = (charge_kwh + discharge_kwh) * battery.wear_cost
    if battery.capacity_kwh == 0:
        return moved
    taken_out = discharge_kwh / battery.discharge_efficiency
    return moved + taken_out / battery.capacity_kwh * battery.cycle_cost


def _points(curve: Curve, *, storing: bool) -> tuple[list[float], list[float]]:
    """A curve as energies of a slot outside and inside the battery, from nothing on [kWh]."""
    outside, inside = [0.0], [0.0]
    for power, efficiency in curve:
        outside.append(power * SLOT_HOURS)
        inside.append(power * SLOT_HOURS * (efficiency if storing else 1 / efficiency))
    return outside, inside
