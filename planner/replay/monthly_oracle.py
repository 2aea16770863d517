"""The oracle of the monthly protocol: schedules of whole months, and a lower bound of every policy's cost.

Each month is worked out on the days of it that are given, with the version of the tariff in force on its first day.
Without a demand charge this is the daily oracle, day by day; here a day depends on the others of its month.
"""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import cast

import polars as pl

from env.inverter import Energy
from env.site import Site
from planner.demand_charges.day_charges import added_charges, earlier_peaks
from planner.demand_charges.month_bound import MonthOracle
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.parallel import map_shards
from planner.replay.schedules import ORACLE_SECONDS, replay_of_plan, schedule_frame, world_of
from planner.value.protocol import Protocol

ORACLE = "oracle"
BOUNDS = {"month": pl.Date, "bound": pl.Float64}


@dataclass(frozen=True)
class MonthsOracle:
    """Perfect hindsight of months.

    Attributes:
        schedules: as `planner.replay.daily.replay_days` gives them.
        bounds: `month` (its first day) and `bound`: what the given days of the month, settled, and what they add to its
            demand charge cost at least [money]. Below the schedules' own cost only where `month_bound` says so.
    """

    schedules: pl.DataFrame
    bounds: pl.DataFrame


def months_oracle(slots: pl.DataFrame, site: Site, protocol: Protocol, *, workers: int | None = None) -> MonthsOracle:
    """Perfect hindsight over the given days, month by month.

    Args:
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        site: battery, limits, tariff, time zone.
        protocol: start and settlement of every day.
        workers: processes at most; None for one per core.

    Raises:
        IncompleteDayError: a slot has no finite price, load or PV.
        MissingTariffError: a month is over before the first version of the tariff begins.
    """
    known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
    needed_arrays(known)
    months = known.with_columns(month=pl.col("local_day").dt.month_start()).partition_by("month", maintain_order=True)
    found = map_shards(partial(_month, site, protocol), months, workers=workers)
    bounds = pl.DataFrame([(month, bound) for month, bound, _ in found], schema=BOUNDS, orient="row")
    return MonthsOracle(pl.concat([schedule for _, _, schedule in found]), bounds)


def _month(site: Site, protocol: Protocol, slots: pl.DataFrame) -> tuple[date, float, pl.DataFrame]:
    """One month: its first day, its bound and its schedules."""
    month = cast("date", slots["month"][0])
    days = slots.drop("month").partition_by("local_day", maintain_order=True)
    tariffs = site.tariff.charges_of_month(month)
    earlier = earlier_peaks(protocol.month_before, month, len(tariffs))
    optimum = MonthOracle(days, site, protocol, tariffs, past_peaks_kw=earlier).optimum(ORACLE_SECONDS)
    of_month = {day: kw for day, kw in protocol.month_before if day.replace(day=1) == month}
    standing = sum(added_charges(of_month, site).values())
    frames = [_scheduled(day, flows, site, protocol) for day, flows in zip(days, optimum.flows, strict=True)]
    return month, optimum.bound - standing, pl.concat(frames)


def _scheduled(slots: pl.DataFrame, planned: Energy, site: Site, protocol: Protocol) -> pl.DataFrame:
    """Return a day's flows as a schedule, with the commands that give them."""
    replay = replay_of_plan(planned, world_of(slots, slots.height), site, protocol.start_soc_kwh)
    return schedule_frame(ORACLE, slots, replay)
