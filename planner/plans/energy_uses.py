"""Use of stored energy: for each slot that charges, the later slot that uses it.

The marginal use comes first: the discharge whose price, after losses and wear, equals the marginal value of a kWh
stored now. If no single slot sets that value, first in, first out: energy is used in the order in which it was stored,
the initial energy before the rest.
"""

from dataclasses import dataclass

import numpy as np

from env.battery import Battery
from env.inverter import Energy
from env.types import Integers

VALUE_TOLERANCE = 1e-5  # money/kWh
EMPTY_KWH = 1e-6

KEPT = -1
"""In place of a slot: the energy is still stored at the end."""
UNKNOWN = -2
"""In place of a slot: nothing was stored."""


def marginal_uses(
    *,
    discharge_kwh: Energy,
    soc_end_kwh: Energy,
    price: Energy,
    stored_value: Energy,
    end_value: float,
    battery: Battery,
) -> Integers:
    """Return for each slot the later one that sets the value of a kWh stored in it `(n_slots,)`, `KEPT` or `UNKNOWN`.

    Args:
        discharge_kwh: discharged energy of each slot [kWh].
        soc_end_kwh: stored energy at the end of each slot [kWh].
        price: price of a discharged kWh in each slot [money/kWh].
        stored_value: marginal value of stored energy in each slot [money/kWh].
        end_value: value of a kWh stored at the end, if it is constant [money/kWh]; NaN otherwise.
        battery: the battery, with its losses and wear.
    """
    n_slots = len(price)
    after = np.arange(n_slots)
    uses = np.full(n_slots, UNKNOWN)
    if battery.discharge_curve:
        return uses
    keeps = battery.retention_per_slot
    net_price = (price - battery.discharge_wear) * battery.discharge_efficiency
    empty = soc_end_kwh <= battery.min_soc_kwh + EMPTY_KWH
    for slot in range(n_slots):
        emptied = np.flatnonzero(empty[slot:])
        last = slot + int(emptied[0]) if len(emptied) else n_slots - 1
        value = net_price * keeps ** np.maximum(after - slot, 0)
        sets = (discharge_kwh > EMPTY_KWH) & (np.abs(value - stored_value[slot]) < VALUE_TOLERANCE)
        fitting = np.flatnonzero(sets[slot + 1 : last + 1])
        if len(fitting):
            uses[slot] = slot + 1 + int(fitting[0])
        elif not len(emptied) and abs(end_value * keeps ** (n_slots - 1 - slot) - stored_value[slot]) < VALUE_TOLERANCE:
            uses[slot] = KEPT
    return uses


def first_in_first_out(
    *, charge_kwh: Energy, discharge_kwh: Energy, start_soc_kwh: float, battery: Battery
) -> Integers:
    """Return for each slot the later one that uses most of its stored energy `(n_slots,)`, `KEPT` or `UNKNOWN`."""
    lots = energy_lots(charge_kwh=charge_kwh, discharge_kwh=discharge_kwh, start_soc_kwh=start_soc_kwh, battery=battery)
    uses = np.where(lots.kept_kwh >= lots.drawn_kwh.max(axis=1), KEPT, lots.drawn_kwh.argmax(axis=1))
    return np.where(lots.kept_kwh + lots.drawn_kwh.sum(axis=1) > EMPTY_KWH, uses, UNKNOWN)


@dataclass(frozen=True)
class EnergyLots:
    """The stored energy of each slot and where it goes, first in, first out; as stored, scaled to the horizon's start.

    Attributes:
        drawn_kwh: what each later slot draws of what each slot stored `(n_slots, n_slots)` [kWh].
        kept_kwh: what is left of it at the end `(n_slots,)` [kWh].
        shares: share of each slot's discharge that each slot stored `(n_slots, n_slots)`; the energy that was there at
            the start makes up the rest.
    """

    drawn_kwh: Energy
    kept_kwh: Energy
    shares: Energy


def energy_lots(*, charge_kwh: Energy, discharge_kwh: Energy, start_soc_kwh: float, battery: Battery) -> EnergyLots:
    """Return where the energy that each slot stores goes.

    Self-discharge is shared evenly by all stored energy: energies are scaled to the start of the horizon.
    """
    n_slots = len(charge_kwh)
    at_start = battery.retention_per_slot ** -np.arange(1.0, n_slots + 1)
    stored = battery.stored_by(charge_kwh) * at_start
    drawn = battery.drawn_by(discharge_kwh) * at_start
    there = max(start_soc_kwh - battery.min_soc_kwh, 0.0)
    stored_to, drawn_to = there + np.cumsum(stored), np.cumsum(drawn)
    shared = np.minimum.outer(stored_to, drawn_to) - np.maximum.outer(stored_to - stored, drawn_to - drawn)
    shared = np.triu(np.maximum(shared, 0.0), k=1)
    return EnergyLots(shared, stored - shared.sum(axis=1), shared / np.where(drawn > 0, drawn, 1.0))
