"""The size of a backfill before it begins: runs, partitions, processor time, files and bytes."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from assets.fleet.graph.daily_results import DAILY_RESULTS
from assets.fleet.graph.description import HOMES, SECONDS
from assets.fleet.graph.partitions import RUN_PARTITIONS, first_day, group_keys
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.capacity import Measured
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    PRICE_REPAIRS,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    TRAINING_EPISODES,
)

WRITTEN = (
    SPOT_PRICES,
    PRICE_REPAIRS,
    SLOT_OBSERVATIONS,
    DATA_QUALITY_DAILY,
    SLOT_FORECASTS,
    ORACLE_SCHEDULES,
    ORACLE_DAILY_RESULTS,
    POLICY_SCHEDULES,
    POLICY_DAILY_RESULTS,
    TRAINING_EPISODES,
)
"""Tables that a day of a bucket writes, a file each."""
MPC_SECONDS = 0.1
"""Processor time of a home-day that `mpc` adds to what is measured without it (200 homes, one bucket) [s]."""
_ELSEWHERE = "measured elsewhere (RESULTS.md)"
_EVENTS = 200  # partitions that past runs are looked up in: newest first


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """The size of a backfill of all homes.

    Attributes:
        homes: number of homes.
        home_days: days of homes.
        partitions: days of groups of buckets.
        runs: runs that Dagster makes of it.
        core_hours: expected processor time [h].
        core_hours_from: what it rests on.
        files: files of the lake that it writes.
        size: expected size of them [B].
        size_from: what it rests on.
    """

    first: date
    last: date
    homes: int
    home_days: int
    partitions: int
    runs: int
    core_hours: float
    core_hours_from: str
    files: int
    size: int
    size_from: str


def plan_backfill(
    settings: Settings, state: Path, first: date, last: date, *, instance: dg.DagsterInstance, today: date
) -> BackfillPlan:
    """Return the plan of a backfill.

    Args:
        settings: the configuration, with a fleet.
        state: the state folder.
        first: first local day.
        last: last local day, included.
        instance: has past runs, which tell what a home-day takes.
        today: the present local day.

    Raises:
        ConfigurationError: the fleet has no homes, or some days are no partitions.
    """
    fleet, homes = fleet_of(settings), len(open_homes(settings, state))
    if not homes:
        raise ConfigurationError("the fleet has no homes", "run `darkstar fleet import HOMES.csv`")
    begin = first_day(fleet, today)
    if first < begin:
        message = f"{first} is before {begin}, the first day that the fleet has in Dagster"
        hint = "begin later, set an earlier fleet.defaults.first_day, or run `darkstar fleet backfill` for older years"
        raise ConfigurationError(message, hint)
    if last > (tomorrow := today + timedelta(days=1)):
        raise ConfigurationError(f"{last} is after tomorrow, {tomorrow}: nothing can be known of it", "end earlier")
    days, groups = (last - first).days + 1, len(group_keys(fleet.buckets))
    seconds, seconds_from = seconds_of_home_day(instance, fleet.defaults.policies)
    size, size_from = bytes_of_home_day(fleet_lake(fleet, state), homes)
    return BackfillPlan(
        first=first,
        last=last,
        homes=homes,
        home_days=homes * days,
        partitions=days * groups,
        runs=runs_of(days, groups),
        core_hours=homes * days * seconds / 3600,
        core_hours_from=seconds_from,
        files=len(WRITTEN) * fleet.buckets * days,
        size=round(homes * days * size),
        size_from=size_from,
    )


def runs_of(days: int, groups: int) -> int:
    """Return the runs that Dagster makes of a range of days of all groups.

    It holds the dimension that has fewer keys, and cuts the other into parts of `RUN_PARTITIONS`.
    """
    held, cut = (days, groups) if days <= groups else (groups, days)
    return held * -(-cut // RUN_PARTITIONS)


def seconds_of_home_day(instance: dg.DagsterInstance, policies: tuple[str, ...]) -> tuple[float, str]:
    """Return the processor time of a home-day [s], and what it rests on: own past runs, else a benchmark."""
    events = instance.fetch_materializations(DAILY_RESULTS, limit=_EVENTS).records
    found = [event.asset_materialization for event in events]
    known = [each.metadata for each in found if each is not None and SECONDS in each.metadata]
    homes = sum(_number(each[HOMES]) for each in known)
    seconds = sum(_number(each[SECONDS]) for each in known)
    if homes:
        return seconds / homes, f"{homes:.0f} home-days of its last runs"
    return Measured().backfill_seconds + ("mpc" in policies) * MPC_SECONDS, _ELSEWHERE


def _number(value: "dg.MetadataValue[Any]") -> float:
    return float(str(value.value))


def bytes_of_home_day(lake: BucketLake, homes: int) -> tuple[float, str]:
    """Return the stored bytes of a home-day, and what it rests on: the last day in the lake, else the benchmark."""
    if not (days := lake.table_days(POLICY_DAILY_RESULTS)):
        return Measured().stored_bytes, _ELSEWHERE
    stored = sum(each.size for table in WRITTEN for each in lake.objects(table, days[-1]).values())
    return stored / homes, f"the fleet's {days[-1]}"
