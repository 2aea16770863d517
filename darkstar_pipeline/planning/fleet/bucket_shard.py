"""One bucket of a fleet as a piece of work: read, plan, write its object; engines run it anywhere."""

import logging
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.planning.fleet.bucket_plans import Problem, plan_bucket_homes
from darkstar_pipeline.planning.fleet.home_classes import readable_homes
from darkstar_pipeline.planning.fleet.plan_rows import (
    decoded_plans,
    encoded_plans,
    expected_percent,
    plan_rows,
    plans_key,
)
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from env.time_grid import slot_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlanShard:
    """A bucket to be planned.

    Attributes:
        lake: the fleet's tables.
        bucket: the bucket.
        homes: its homes.
        at: the moment of the plans.
    """

    lake: BucketLake
    bucket: int
    homes: FleetHomes
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PlannedBucket:
    """The result of a bucket.

    Attributes:
        bucket: the bucket.
        planned: number of homes with a plan of this round.
        problems: number of homes without, by reason.
        processor_seconds: time that it took of a processor.
        error: why the whole bucket could not be planned; empty where it was.
    """

    bucket: int
    planned: int
    problems: dict[str, int]
    processor_seconds: float
    error: str = ""


def plan_shard(shard: PlanShard) -> PlannedBucket:
    """Plan a bucket and replace its object; where its tables cannot be read, the plans stay as they were."""
    began = time.process_time()
    try:
        return _planned(shard, began)
    except DarkstarError as error:
        _log.warning("bucket %d is not planned: %s", shard.bucket, error.message)
        seconds = time.process_time() - began
        problems = {"bucket": len(shard.homes)}
        return PlannedBucket(
            bucket=shard.bucket, planned=0, problems=problems, processor_seconds=seconds, error=error.message
        )


def _planned(shard: PlanShard, began: float) -> PlannedBucket:
    key, store = plans_key(shard.bucket), shard.lake.store
    settings, wrong = readable_homes(shard.homes)
    before = _before(shard, key)
    made = plan_bucket_homes(
        shard.lake, shard.bucket, settings, shard.at, expected_percent=expected_percent(before, slot_of(shard.at))
    )
    problems: dict[str, tuple[Problem, str]] = {
        **made.problems,
        **{site: ("settings", why) for site, why in wrong.items()},
    }
    made = replace(made, problems=problems)
    store.put(key, encoded_plans(plan_rows(made, before, set(shard.homes.names), shard.at)))
    return PlannedBucket(
        bucket=shard.bucket,
        planned=sum(len(each.names) for each in made.planned),
        problems=dict(Counter(reason for reason, _ in problems.values())),
        processor_seconds=time.process_time() - began,
    )


def _before(shard: PlanShard, key: str) -> pl.DataFrame:
    """Return the plans that are to be replaced; none where they cannot be read."""
    stored = shard.lake.store.get(key)
    try:
        return decoded_plans(None if stored is None else stored.data)
    except pl.exceptions.PolarsError as error:
        _log.warning(
            "%s/%s cannot be read (%s): planned as if there were no plans before", shard.lake.store.place, key, error
        )
        return decoded_plans(None)
