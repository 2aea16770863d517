"""Some buckets of a fleet as a piece of work: read, plan, write their objects; engines run it anywhere.

Several buckets go together, so that enough homes are alike: in shards of 200 homes of 15 kinds of battery a home takes
31 ms of a processor, in shards of 1 000 it takes 13.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.evaluation.fleet_verdict import bucket_homes
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.models.fleet.store import FleetModels
from darkstar_pipeline.planning.fleet.area_prices import AreaPrices, Market
from darkstar_pipeline.planning.fleet.home_classes import readable_homes
from darkstar_pipeline.planning.fleet.homes_ends import HomesEnds
from darkstar_pipeline.planning.fleet.kept_ends import KeptEnds, ends_key
from darkstar_pipeline.planning.fleet.many_plans import Problem, plan_many
from darkstar_pipeline.planning.fleet.plan_rows import (
    decoded_plans,
    encoded_plans,
    expected_percent,
    plan_rows,
    plans_key,
)
from darkstar_pipeline.policies.champions import Champions
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import Table
from env.time_grid import slot_of
from planner.fault_isolation import isolated
from planner.plans.fallback_chain import CHAMPION, VALUE

HOMES_TOGETHER = 1000
JUDGED_DAYS = 28
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlanShard:
    """Buckets to be planned together.

    Attributes:
        models: the versions that the fleet's homes have in use, in the store of its tables.
        lake: the fleet's tables.
        buckets: the buckets, each with its homes.
        areas: the prices of each market before today.
        at: the moment of the plans.
        whole: whether these are all homes of the buckets; where not, the others keep their plans.
    """

    models: FleetModels
    lake: BucketLake
    buckets: Sequence[tuple[int, FleetHomes]]
    areas: Mapping[Market, AreaPrices]
    at: datetime
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class PlannedShard:
    """The result of a shard.

    Attributes:
        planned: number of homes with a plan of this round.
        sources: the same by the source of the plan.
        obstacles: number of homes with a version in use that did not plan, by reason.
        problems: number of homes without, by reason.
        processor_seconds: time that it took of a processor.
        errors: why a whole bucket could not be planned, by bucket.
    """

    planned: int
    sources: dict[str, int]
    obstacles: dict[str, int]
    problems: dict[str, int]
    processor_seconds: float
    errors: dict[int, str]


@dataclass(frozen=True)
class _Rows:
    """The tables of some buckets as one; homes with more days of scenarios than others read first, for all."""

    lake: BucketLake
    buckets: Sequence[int]
    known: dict[Table, tuple[date, date, pl.DataFrame]] = field(
        default_factory=dict[Table, tuple[date, date, pl.DataFrame]]
    )

    def read(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of local days, both ends included."""
        known = self.known.get(table)
        if known is not None and known[0] <= first and known[1] >= last:
            return known[2].filter(pl.col(table.day_column).is_between(first, last))
        rows = pl.concat([self.lake.read(table, bucket, first, last) for bucket in self.buckets], how="diagonal")
        self.known[table] = first, last, rows
        return rows


def shards_of(
    models: FleetModels, lake: BucketLake, homes: FleetHomes, areas: Mapping[Market, AreaPrices], at: datetime
) -> list[PlanShard]:
    """Return the shards of a round: neighbouring buckets, of some thousand homes together."""
    groups: list[list[tuple[int, FleetHomes]]] = []
    for bucket in range(lake.buckets):
        own = homes.in_bucket(bucket)
        if not len(own):
            continue
        if not groups or sum(len(each) for _, each in groups[-1]) + len(own) > HOMES_TOGETHER:
            groups.append([])
        groups[-1].append((bucket, own))
    return [PlanShard(models=models, lake=lake, buckets=group, areas=areas, at=at) for group in groups]


def plan_shard(shard: PlanShard) -> PlannedShard:
    """Plan buckets and replace their objects; where the tables of one cannot be read, its plans stay as they were."""
    began = time.process_time()
    done, failed = isolated(
        lambda buckets: _planned(replace(shard, buckets=buckets)), shard.buckets, caught=DarkstarError
    )
    problems = summed(each.problems for each in done)
    errors: dict[int, str] = {}
    for (bucket, homes), error in failed:
        errors[bucket] = str(error)
        problems["bucket"] = problems.get("bucket", 0) + len(homes)
        _log.warning("bucket %d is not planned: %s", bucket, error)
    sources = summed(each.sources for each in done)
    return PlannedShard(
        planned=sum(sources.values()),
        sources=sources,
        obstacles=summed(each.obstacles for each in done),
        problems=problems,
        processor_seconds=time.process_time() - began,
        errors=errors,
    )


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of counts by name."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


@dataclass(frozen=True)
class _Counts:
    """Numbers of homes: planned by source, passed over by their version, and without a plan by reason."""

    sources: Counter[str]
    obstacles: Counter[str]
    problems: Counter[str]


def _planned(shard: PlanShard) -> _Counts:
    """Plan buckets and replace their objects."""
    lake = shard.lake
    rows = _Rows(lake, [bucket for bucket, _ in shard.buckets])
    readable = [readable_homes(homes) for _, homes in shard.buckets]
    settings = {site: own for found, _ in readable for site, own in found.items()}
    before = {bucket: _before(lake, plans_key(bucket)) for bucket, _ in shard.buckets}
    expected = expected_percent(pl.concat(before.values()), slot_of(shard.at))
    ends = _ends(shard)
    made = plan_many(
        rows,
        settings,
        shard.at,
        expected_percent=expected,
        valued=HomesEnds(shard.areas, ends),
        champions=Champions(shard.models),
    )
    wrong: dict[str, tuple[Problem, str]] = {
        site: ("settings", why) for _, found in readable for site, why in found.items()
    }
    made = replace(made, problems={**made.problems, **wrong})
    every = plan_rows(made, pl.concat(before.values()), shard.at, _judged(shard))
    for bucket, homes in shard.buckets:
        own = every.filter(pl.col("site").is_in(homes.names))
        if shard.whole:
            lake.store.put(plans_key(bucket), encoded_plans(own))
        else:
            lake.store.update(plans_key(bucket), partial(_among_others, own, lake.name(plans_key(bucket))))
    _keep_ends(shard, ends)
    fresh = every.filter(pl.col("problem") == "")
    return _Counts(
        sources=Counter(fresh["source"]),
        obstacles=Counter(fresh["obstacle"].filter(fresh["obstacle"] != "")),
        problems=Counter(reason for reason, _ in made.problems.values()),
    )


def _among_others(own: pl.DataFrame, name: str, stored: bytes | None) -> bytes:
    """Return an object with the rows of some homes replaced, also where a round has written it meanwhile."""
    others = decoded_plans(stored, name).filter(~pl.col("site").is_in(own["site"].to_list()))
    return encoded_plans(pl.concat([others, own]).sort("site"))


def _ends(shard: PlanShard) -> KeptEnds:
    """Return the ends that earlier rounds worked out."""
    ends = KeptEnds()
    for bucket, _ in shard.buckets:
        stored = shard.lake.store.get(ends_key(bucket))
        ends.read(None if stored is None else stored.data, shard.lake.name(ends_key(bucket)))
    return ends


def _keep_ends(shard: PlanShard, ends: KeptEnds) -> None:
    """Keep the ends of the buckets in which some were worked out; of two rounds at once the later one's stay."""
    for bucket, homes in shard.buckets:
        if ends.fresh.intersection(homes.names):
            sites = homes.names if shard.whole else ends.known
            shard.lake.store.put(ends_key(bucket), ends.encoded(sites))


def _judged(shard: PlanShard) -> pl.DataFrame:
    """Return what the policy of these plans paid on the last days that were judged, beside idle and hindsight."""
    last = shard.at.date() - timedelta(days=1)
    found = [
        bucket_homes(homes, shard.lake, bucket, last - timedelta(days=JUDGED_DAYS - 1), last)
        for bucket, homes in shard.buckets
    ]
    plans = pl.concat(found).filter(pl.col("policy").is_in([CHAMPION, VALUE]))
    own = plans.sort("policy").unique("site", keep="first", maintain_order=True)  # the champion where it is replayed
    return own.select("site", judged_days="days", paid="cost", idle_paid="idle_cost", oracle_paid="oracle_cost")


def _before(lake: BucketLake, key: str) -> pl.DataFrame:
    """Return the plans that are to be replaced; none where they cannot be read."""
    stored = lake.store.get(key)
    try:
        return decoded_plans(None if stored is None else stored.data, lake.name(key))
    except LakeUnreadableError as error:
        _log.warning("%s: planned as if there were no plans before", error.message)
        return decoded_plans(None)
