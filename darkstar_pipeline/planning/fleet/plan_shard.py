"""Some buckets of a fleet as a piece of work: read, plan, write their objects; engines run it anywhere.

Several buckets go together, so that enough homes are alike: in shards of 200 homes of 15 kinds of battery a home takes
31 ms of a processor, in shards of 1 000 it takes 13.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.evaluation.fleet_verdict import bucket_homes
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.planning.fleet.home_classes import readable_homes
from darkstar_pipeline.planning.fleet.many_plans import Problem, plan_many
from darkstar_pipeline.planning.fleet.plan_rows import (
    decoded_plans,
    encoded_plans,
    expected_percent,
    plan_rows,
    plans_key,
)
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import Table
from env.time_grid import slot_of
from planner.fault_isolation import isolated
from planner.plans.fallback_chain import VALUE

HOMES_TOGETHER = 1000
JUDGED_DAYS = 28
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlanShard:
    """Buckets to be planned together.

    Attributes:
        lake: the fleet's tables.
        buckets: the buckets, each with its homes.
        at: the moment of the plans.
    """

    lake: BucketLake
    buckets: Sequence[tuple[int, FleetHomes]]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PlannedShard:
    """The result of a shard.

    Attributes:
        planned: number of homes with a plan of this round.
        problems: number of homes without, by reason.
        processor_seconds: time that it took of a processor.
        errors: why a whole bucket could not be planned, by bucket.
    """

    planned: int
    problems: dict[str, int]
    processor_seconds: float
    errors: dict[int, str]


@dataclass(frozen=True)
class _Rows:
    """The tables of some buckets as one."""

    lake: BucketLake
    buckets: Sequence[int]

    def read(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of local days, both ends included."""
        return pl.concat([self.lake.read(table, bucket, first, last) for bucket in self.buckets], how="diagonal")


def shards_of(lake: BucketLake, homes: FleetHomes, at: datetime) -> list[PlanShard]:
    """Return the shards of a round: neighbouring buckets, of some thousand homes together."""
    shards: list[PlanShard] = []
    together: list[tuple[int, FleetHomes]] = []
    for bucket in range(lake.buckets):
        own = homes.in_bucket(bucket)
        if together and sum(len(each) for _, each in together) + len(own) > HOMES_TOGETHER:
            shards.append(PlanShard(lake=lake, buckets=together, at=at))
            together = []
        if len(own):
            together = [*together, (bucket, own)]
    return [*shards, PlanShard(lake=lake, buckets=together, at=at)] if together else shards


def plan_shard(shard: PlanShard) -> PlannedShard:
    """Plan buckets and replace their objects; where the tables of one cannot be read, its plans stay as they were."""
    began = time.process_time()
    done, failed = isolated(
        lambda buckets: _planned(replace(shard, buckets=buckets)), shard.buckets, caught=DarkstarError
    )
    problems: Counter[str] = Counter()
    for _, found in done:
        problems.update(found)
    errors: dict[int, str] = {}
    for (bucket, homes), error in failed:
        errors[bucket] = str(error)
        problems["bucket"] += len(homes)
        _log.warning("bucket %d is not planned: %s", bucket, error)
    return PlannedShard(
        planned=sum(number for number, _ in done),
        problems=dict(problems),
        processor_seconds=time.process_time() - began,
        errors=errors,
    )


def _planned(shard: PlanShard) -> tuple[int, Counter[str]]:
    """Plan buckets and replace their objects; return the number of plans, and of homes without by reason."""
    lake = shard.lake
    rows = _Rows(lake, [bucket for bucket, _ in shard.buckets])
    readable = [readable_homes(homes) for _, homes in shard.buckets]
    settings = {site: own for found, _ in readable for site, own in found.items()}
    before = {bucket: _before(lake, plans_key(bucket)) for bucket, _ in shard.buckets}
    expected = expected_percent(pl.concat(before.values()), slot_of(shard.at))
    made = plan_many(rows, settings, shard.at, expected_percent=expected)
    wrong: dict[str, tuple[Problem, str]] = {
        site: ("settings", why) for _, found in readable for site, why in found.items()
    }
    made = replace(made, problems={**made.problems, **wrong})
    every = plan_rows(made, pl.concat(before.values()), shard.at, _judged(shard))
    for bucket, homes in shard.buckets:
        lake.store.put(plans_key(bucket), encoded_plans(every.filter(pl.col("site").is_in(homes.names))))
    return sum(len(each.names) for each in made.planned), Counter(reason for reason, _ in made.problems.values())


def _judged(shard: PlanShard) -> pl.DataFrame:
    """Return what the policy of these plans paid on the last days that were judged, beside idle and hindsight."""
    last = shard.at.date() - timedelta(days=1)
    found = [
        bucket_homes(homes, shard.lake, bucket, last - timedelta(days=JUDGED_DAYS - 1), last)
        for bucket, homes in shard.buckets
    ]
    own = pl.concat(found).filter(pl.col("policy") == VALUE)
    return own.select("site", judged_days="days", paid="cost", idle_paid="idle_cost", oracle_paid="oracle_cost")


def _before(lake: BucketLake, key: str) -> pl.DataFrame:
    """Return the plans that are to be replaced; none where they cannot be read."""
    stored = lake.store.get(key)
    try:
        return decoded_plans(None if stored is None else stored.data, lake.name(key))
    except LakeUnreadableError as error:
        _log.warning("%s: planned as if there were no plans before", error.message)
        return decoded_plans(None)
