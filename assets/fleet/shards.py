"""A shard of a fleet: the homes of a bucket and a range of days, from what was imported to results.

A shard reads its bucket-days once and writes whole bucket-days; it may be worked on twice, anywhere, to the same bytes.
A home that cannot be worked on is left out with its reason, and the others go on; what an earlier backfill wrote of it
stays.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import polars as pl

from assets.fleet.forecasts import forecast
from assets.fleet.homes import Homes
from assets.fleet.readings import graded, observed, priced
from assets.fleet.replays import episodes, hindsight, replayed, results, usable
from assets.fleet.stages import Stages
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, OutsideServiceError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.shard_tables import ShardTables
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    TRAINING_EPISODES,
    Table,
)
from env.errors import CodedError
from env.time_grid import days_between
from planner.fault_isolation import isolated
from planner.wording.counts import counted

_log = logging.getLogger(__name__)
Rows = dict[Table, pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class FleetShard:
    """The homes of a bucket and a range of days.

    Attributes:
        settings: the whole configuration.
        state: the state folder.
        lake: the fleet's lake.
        bucket: the bucket.
        homes: the homes that are worked on.
        whole: whether they are all homes of the bucket.
        first: first local day.
        last: last local day, included.
    """

    settings: Settings
    state: Path
    lake: BucketLake
    bucket: int
    homes: FleetHomes
    whole: bool
    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A home that could not be worked on, and why.

    Attributes:
        kept_days: days of the range of which rows of an earlier backfill stay.
    """

    site: str
    first: date
    last: date
    reason: str
    kept_days: int = 0


@dataclass(frozen=True, kw_only=True)
class PassedOverVersion:
    """A home whose version in use could not be replayed, so that `value` stands for its champion, and why."""

    site: str
    first: date
    last: date
    reason: str


@dataclass(frozen=True, kw_only=True)
class ShardReport:
    """The outcome of a shard.

    Attributes:
        home_days: days of homes that were worked on.
        usable_days: those of them that were graded usable and replayed.
        rows: rows written to the lake.
        left_out: homes that could not be worked on.
        seconds: processor time by stage [s].
        damaged: whether an object of the bucket could not be read, for which all homes are left out.
        passed_over: homes whose version in use was not replayed.
    """

    bucket: int
    first: date
    last: date
    homes: int
    home_days: int
    usable_days: int
    rows: int
    left_out: tuple[LeftOut, ...]
    seconds: dict[str, float]
    damaged: bool = False
    passed_over: tuple[PassedOverVersion, ...] = ()


def backfill_shard(shard: FleetShard) -> ShardReport:
    """Work a shard out and write it; where an object of its bucket is damaged, its homes are left out."""
    try:
        return _backfill(shard)
    except LakeUnreadableError as error:
        told = [_left_out(name, shard.first, shard.last, error) for name in shard.homes.names]
        return ShardReport(
            bucket=shard.bucket,
            first=shard.first,
            last=shard.last,
            homes=0,
            home_days=0,
            usable_days=0,
            rows=0,
            left_out=tuple(told),
            seconds={},
            damaged=True,
        )


def _backfill(shard: FleetShard) -> ShardReport:
    stages, tables = Stages(), ShardTables(shard.lake, shard.bucket)
    homes, left_out = opened(shard, tables)
    with stages.timed("reading"):
        homes, nothing = _with_data(homes)
    left_out += nothing
    done, failed = worked_out(homes, stages)
    left_out += failed
    days = list(days_between(shard.first, shard.last))
    names = [name for name in homes.names if name not in {each.site for each in failed}]
    with stages.timed("writing"):
        for table, frame in done.items():
            tables.write_rows(table, days, frame, names)
        rows = tables.flush(names, whole=shard.whole and not left_out)
    if left_out:
        left_out = _with_kept_days(shard, days, left_out)
    return ShardReport(
        bucket=shard.bucket,
        first=shard.first,
        last=shard.last,
        homes=len(names),
        home_days=len(names) * len(days),
        usable_days=done[ORACLE_DAILY_RESULTS].height if done else 0,
        rows=rows,
        left_out=tuple(left_out),
        seconds=stages.seconds,
        passed_over=_passed_over(shard, {site: why for site, why in stages.passed_over.items() if site in names}),
    )


def _passed_over(shard: FleetShard, reasons: Mapping[str, str]) -> tuple[PassedOverVersion, ...]:
    """Return the homes whose version was passed over, and log each reason once."""
    for why, homes in Counter(reasons.values()).items():
        _log.warning("the champion of %s cannot be replayed, value stands for it: %s", counted(homes, "home"), why)
    return tuple(
        PassedOverVersion(site=site, first=shard.first, last=shard.last, reason=why) for site, why in reasons.items()
    )


def opened(shard: FleetShard, tables: ShardTables) -> tuple[Homes, list[LeftOut]]:
    """Return the homes of a shard whose settings are right, and the others."""
    contexts: dict[str, Context] = {}
    left_out: list[LeftOut] = []
    for name in shard.homes.names:
        try:
            settings = shard.homes[name]
            contexts[name] = Context(
                settings=shard.settings,
                site_name=name,
                site_settings=settings,
                site=settings.site(name),
                lake=cast("Lake", tables),
                home=shard.state,
            )
        except (ValueError, CodedError) as error:
            left_out.append(_left_out(name, shard.first, shard.last, error))
    return Homes(contexts, tables, shard.first, shard.last), left_out


def _with_data(homes: Homes) -> tuple[Homes, list[LeftOut]]:
    """Return the homes of which prices and readings were imported, and the others."""
    left_out: list[LeftOut] = []
    there = {name: set(homes.read(table)["site"].unique()) for name, table in _IMPORTED.items()}
    for site in homes.names:
        if missing := [name for name, sites in there.items() if site not in sites]:
            reason = f"no {' and no '.join(missing)} from {homes.first} to {homes.last}"
            left_out.append(LeftOut(site=site, first=homes.first, last=homes.last, reason=reason))
    gone = {each.site for each in left_out}
    return homes.only([name for name in homes.names if name not in gone]), left_out


_IMPORTED = {"prices": RAW_SPOT_PRICES, "readings": METER_READINGS}


def worked_out(homes: Homes, stages: Stages) -> tuple[Rows, list[LeftOut]]:
    """Return the rows of the daily tables of homes, and those homes that failed."""
    done, failed = isolated(
        lambda names: daily_rows(homes.only(names), stages),
        homes.names,
        fatal=(LakeUnreadableError, OutsideServiceError),  # the bucket's, not a home's
    )
    for name, error in failed:
        _log.info("home %s is left out", name, exc_info=error)
    return _joined(done), [_left_out(name, homes.first, homes.last, error) for name, error in failed]


def _joined(parts: Sequence[Rows]) -> Rows:
    tables = dict.fromkeys(table for part in parts for table in part)
    return {table: pl.concat([part[table] for part in parts if table in part], how="diagonal") for table in tables}


def _with_kept_days(shard: FleetShard, days: Sequence[date], left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Return homes that were left out with the number of days that the lake has of them all the same."""
    sites = [each.site for each in left_out]
    stored = shard.lake.read_days(DATA_QUALITY_DAILY, shard.bucket, days, sites=sites)
    kept: dict[str, int] = dict(stored.group_by("site").len().iter_rows())
    return [replace(each, kept_days=kept.get(each.site, 0)) for each in left_out]


def _left_out(site: str, first: date, last: date, error: Exception) -> LeftOut:
    words = error.message if isinstance(error, DarkstarError) else str(error) or type(error).__name__
    return LeftOut(site=site, first=first, last=last, reason=" ".join(words.split()))


def daily_rows(homes: Homes, stages: Stages) -> Rows:
    """Return the rows of every daily table, of homes that have prices and readings."""
    past: dict[int, pl.DataFrame] = {}
    with stages.timed("prices"):
        prices, repairs = priced(homes)
    with stages.timed("observations"):
        observations = observed(homes)
    with stages.timed("grades"):
        quality = graded(homes, observations, prices, repairs)
    with stages.timed("forecasts"):
        forecasts = forecast(homes, past)
    with stages.timed("usable slots"):
        slots = usable(homes, observations, prices, quality)
    oracle = hindsight(homes, slots, stages)
    policies = replayed(homes, slots, forecasts, past, stages)
    with stages.timed("results"):
        oracle_results = results(homes, "oracle", oracle, quality).drop("policy")
        policy_results = results(homes, "policies", policies, quality)
        training = episodes(homes, policy_results, oracle_results, quality)
    return {
        SPOT_PRICES: prices,
        PRICE_REPAIRS: repairs,
        SLOT_OBSERVATIONS: observations,
        DATA_QUALITY_DAILY: quality,
        SLOT_FORECASTS: forecasts,
        ORACLE_SCHEDULES: oracle.drop("policy"),
        ORACLE_DAILY_RESULTS: oracle_results,
        POLICY_SCHEDULES: policies,
        POLICY_DAILY_RESULTS: policy_results,
        TRAINING_EPISODES: training,
    }
