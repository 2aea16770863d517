"""Rules on energy: nothing comes from nowhere, and the battery does what batteries can."""

from collections.abc import Callable, Iterator

import numpy as np

from env.time_grid import SLOT_HOURS
from planner.verification.columns import Schedule, Store
from planner.verification.findings import Finding, Values
from planner.verification.store_physics import (
    charge_limit,
    discharge_limit,
    into_store,
    out_of_store,
    retained,
)


def balance_residual(schedule: Schedule) -> Values:
    """Return what comes in less what goes out `(n_slots,)`; 0 where energy is kept [kWh]."""
    comes_in = schedule["pv_kwh"] + schedule["import_kwh"]
    goes_out = schedule["load_kwh"] + schedule.planned + schedule["export_kwh"] + schedule["curtailed_kwh"]
    for store in schedule.stores:
        comes_in, goes_out = comes_in + store.discharge, goes_out + store.charge
    return comes_in - goes_out


def storage_residual(store: Store) -> Values:
    """Stored energy at the end of a slot less what start, charge and discharge make of it `(n_slots,)` [kWh]."""
    battery = store.battery
    kept = store.start * retained(battery)
    return store.end - (kept + into_store(store.charge, battery) - out_of_store(store.discharge, battery))


def balance(schedule: Schedule) -> Iterator[Finding]:
    """Energy is kept: PV + discharge + import = load + planned load + charge + export + curtailed, in every slot."""
    residual = balance_residual(schedule)
    yield Finding(
        "balance",
        np.abs(residual) > schedule.tolerance_kwh,
        np.abs(residual),
        "kWh",
        lambda i: f"{abs(residual[i]):.6g} kWh {'vanish' if residual[i] > 0 else 'come from nowhere'} in the house",
    )


def storage(schedule: Schedule) -> Iterator[Finding]:
    """The store holds what it held, less its own losses, plus what was charged, less what was discharged."""
    for store in schedule.stores:
        residual = storage_residual(store)
        yield Finding(
            "storage", np.abs(residual) > schedule.tolerance_kwh, np.abs(residual), "kWh", _stored(store, residual)
        )


def _stored(store: Store, residual: Values) -> Callable[[int], str]:
    return lambda i: (
        f"{store.label} ends the slot at {store.end[i]:.6g} kWh, but start, charge and discharge make "
        f"{store.end[i] - residual[i]:.6g} kWh"
    )


def soc_continuity(schedule: Schedule) -> Iterator[Finding]:
    """A slot starts with what the slot before ended with, except where an episode begins."""
    for store in schedule.stores:
        jump = np.zeros(schedule.n_slots)
        jump[1:] = np.where(schedule.first[1:], 0.0, store.start[1:] - store.end[:-1])
        yield Finding(
            "soc_continuity", np.abs(jump) > schedule.tolerance_kwh, np.abs(jump), "kWh", _jumped(store, jump)
        )


def _jumped(store: Store, jump: Values) -> Callable[[int], str]:
    return lambda i: (
        f"{store.label} starts the slot at {store.start[i]:.6g} kWh, but the slot before ended at "
        f"{store.start[i] - jump[i]:.6g} kWh"
    )


def soc_range(schedule: Schedule) -> Iterator[Finding]:
    """Stored energy stays in the usable range; a battery found outside it may come back, and loses what it loses.

    Measured from where the slot and its episode began, so that slots cannot leave the range a little at a time.
    """
    for store in schedule.stores:
        battery, keeps = store.battery, retained(store.battery)
        begin = store.start[schedule.begins][schedule.episode]
        slots_since = np.arange(schedule.n_slots) - schedule.begins[schedule.episode] + 1
        low = np.minimum(battery.min_soc_kwh, store.start) * keeps
        low = np.maximum(low, np.minimum(battery.min_soc_kwh, begin) * keeps**slots_since)
        high = np.minimum(np.maximum(battery.max_soc_kwh, store.start), np.maximum(battery.max_soc_kwh, begin))
        outside = np.maximum(low - store.end, store.end - high)
        yield Finding("soc_range", outside > schedule.tolerance_kwh, outside, "kWh", _outside(store, low, high))


def _outside(store: Store, low: Values, high: Values) -> Callable[[int], str]:
    return lambda i: f"{store.label} ends at {store.end[i]:.6g} kWh, outside {low[i]:.6g} to {high[i]:.6g} kWh"


def charge_power(schedule: Schedule) -> Iterator[Finding]:
    """A battery charges no faster than it can."""
    for store in schedule.stores:
        yield _too_fast(schedule, "charge_power", store, store.charge, charge_limit(store.start, store.battery))


def discharge_power(schedule: Schedule) -> Iterator[Finding]:
    """A battery discharges no faster than it can."""
    for store in schedule.stores:
        yield _too_fast(
            schedule, "discharge_power", store, store.discharge, discharge_limit(store.start, store.battery)
        )


def _too_fast(schedule: Schedule, rule: str, store: Store, flow: Values, limit: Values) -> Finding:
    excess = flow - limit
    way = rule.removesuffix("_power")
    return Finding(
        rule,
        excess > schedule.tolerance_kwh,
        excess,
        "kWh",
        lambda i: f"{store.label} {way}s {flow[i]:.6g} kWh, above {limit[i] / SLOT_HOURS:g} kW",
    )


def charge_and_discharge(schedule: Schedule) -> Iterator[Finding]:
    """A battery does not charge and discharge in the same slot."""
    for store in schedule.stores:
        both = np.minimum(store.charge, store.discharge)
        yield Finding("charge_and_discharge", both > schedule.tolerance_kwh, both, "kWh", _both(store))


def _both(store: Store) -> Callable[[int], str]:
    return lambda i: f"{store.label} charges {store.charge[i]:.6g} kWh and discharges {store.discharge[i]:.6g} kWh"
