"""Verifies the schedules of many homes alike in one go: every home is an episode of its own."""

import numpy as np
import polars as pl

from env.inverter import Energy
from env.site import Site
from planner.verification.verifier import verify_schedule


def verify_homes(schedules: pl.DataFrame, site: Site, *, n_slots: int, start_soc_kwh: Energy) -> list[str]:
    """Return the first violation of each home, in words; empty where its schedule is valid.

    Args:
        schedules: the columns of a schedule, all slots of a home one after the other, equally many each; `home` counts
            them.
        site: battery, limits and tariff that all homes have.
        n_slots: slots of each home.
        start_soc_kwh: stored energy that each begins with `(n_homes,)` [kWh].
    """
    n_homes = len(start_soc_kwh)
    # The verifier's episodes are days: a home is one, without a clock; the clock is the same for all, so one shows it.
    as_days = pl.date(1970, 1, 1) + pl.duration(days="home")
    episodes = schedules.with_columns(local_day=as_days).drop("slot_start", "home")
    found = verify_schedule(
        episodes, site, start_soc_kwh=np.repeat(start_soc_kwh, n_slots), episodes="daily"
    ).violations
    clock = verify_schedule(schedules.head(n_slots).drop("home"), site).violations
    wrong_clock = next((each.message for each in clock if each.rule == "slot_grid"), "")
    first = [wrong_clock] * n_homes
    for each in reversed(found):
        first[each.slot_index // n_slots] = each.message
    return first
