"""The expected cost of energy behind the horizon's end, for a load that can wait until then."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from env.time_grid import SLOT, SLOT_HOURS, local_clock
from planner.optimizer.deferrable_loads import LoadRequests

FURTHEST = timedelta(days=2)
"""Prices are guessed no further than this behind the horizon: those of a day say little of the next but one."""


def with_later_price(requests: LoadRequests, known: pl.DataFrame, timezone: str, power_kw: float) -> LoadRequests:
    """Return requests whose car knows what it is expected to pay behind the horizon.

    The same hour of the last known day stands for an hour to come; of those before the departure the car would take the
    cheapest.

    Args:
        requests: of the movable loads.
        known: `slot_start, import_price` of the slots of today and tomorrow whose price is known, in order.
        timezone: of the home.
        power_kw: of the charger [kW].
    """
    vehicle, end = requests.vehicle, known["slot_start"][-1] + SLOT
    if vehicle is None or vehicle.departs <= end:
        return requests
    last = min(vehicle.departs, end + FURTHEST)
    slots = pl.datetime_range(end, last, SLOT, closed="left", time_unit="us", time_zone="UTC", eager=True)
    clock = local_clock(timezone)
    by_clock = known.with_columns(clock).group_by("local_clock", maintain_order=True).last()
    later = pl.DataFrame({"slot_start": slots}).with_columns(clock)
    priced = later.join(by_clock.select("local_clock", "import_price"), on="local_clock", how="left")
    prices = np.sort(priced["import_price"].drop_nulls().to_numpy())
    wanted_kwh = sum(wish.energy_kwh for wish in vehicle.wishes)
    n_slots = max(int(np.ceil(wanted_kwh / (power_kw * SLOT_HOURS))), 1)
    expected = float(prices[:n_slots].mean()) if len(prices) else 0.0
    return replace(requests, vehicle=replace(vehicle, later_price=expected))
