"""The outcome of a bucket and a range of days: what its shard reports, and what its results look like by day.

Worked out where the shard is, so that only sums travel. A bucket that fails is one outcome among the others.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.fleet.shards import FleetShard, ShardReport, backfill_shard
from assets.rows.bounds import below_bound
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS
from planner.fault_isolation import MISTAKES

_log = logging.getLogger(__name__)
WORST_SHOWN = 5
_RANK = ("day", "policy", "currency")
_COSTS = {
    "day": pl.Date,
    "currency": pl.String,
    "policy": pl.String,
    "homes": pl.UInt32,
    "cost": pl.Float64,
    "idle_cost": pl.Float64,
    "oracle_cost": pl.Float64,
    "breaches": pl.Int64,
    "below": pl.UInt32,
}
_GRADES = {"day": pl.Date, "status": pl.String, "reasons": pl.String, "homes": pl.UInt32}
_WORST = {
    "day": pl.Date,
    "policy": pl.String,
    "currency": pl.String,
    "site": pl.String,
    "missed": pl.Float64,
    "possible": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class BucketOutcome:
    """The outcome of a bucket and a range of days.

    Attributes:
        bucket: the bucket.
        first: first local day.
        last: last local day, included.
        report: what was written; None where the bucket failed.
        failure: why it failed; empty where it did not.
        costs: `day, currency, policy, homes, cost, idle_cost, oracle_cost, breaches, below`: sums over the homes that
            have results of a policy, of idle and of the oracle; `below` counts homes that paid less than the oracle.
        grades: `day, status, reasons, homes`: graded days of homes, alike ones counted.
        worst: `day, policy, currency, site, missed, possible`: the homes of each currency that missed most of what
            hindsight would have saved, and what that was [money].
    """

    bucket: int
    first: date
    last: date
    report: ShardReport | None = None
    failure: str = ""
    costs: pl.DataFrame
    grades: pl.DataFrame
    worst: pl.DataFrame


def work_out(shard: FleetShard) -> BucketOutcome:
    """Backfill a shard and describe what it left in the lake."""
    try:
        report = backfill_shard(shard)
        if report.damaged:
            return failed(shard.bucket, shard.first, shard.last, report.left_out[0].reason)
        done = sorted(set(shard.homes.names) - {each.site for each in report.left_out})
        results = _paid(shard, done)
        return BucketOutcome(
            bucket=shard.bucket,
            first=shard.first,
            last=shard.last,
            report=report,
            costs=_costs(results),
            grades=_grades(shard, done),
            worst=_worst(results),
        )
    except MISTAKES as error:  # whatever is wrong with one bucket must not stop the others
        _log.warning("bucket %s failed from %s to %s", shard.bucket, shard.first, shard.last, exc_info=True)
        return failed(shard.bucket, shard.first, shard.last, " ".join(str(error).split()) or type(error).__name__)


def failed(bucket: int, first: date, last: date, reason: str) -> BucketOutcome:
    """Return the outcome of a bucket that failed."""
    return BucketOutcome(
        bucket=bucket,
        first=first,
        last=last,
        failure=reason,
        costs=pl.DataFrame(schema=_COSTS),
        grades=pl.DataFrame(schema=_GRADES),
        worst=pl.DataFrame(schema=_WORST),
    )


def _paid(shard: FleetShard, sites: Sequence[str]) -> pl.DataFrame:
    """Return what homes paid: `site, currency, day, policy, cost, breaches, idle_cost, oracle_cost, is_below`."""
    of_policies, oracle = (
        shard.lake.read(table, shard.bucket, shard.first, shard.last, sites=sites)
        for table in (POLICY_DAILY_RESULTS, ORACLE_DAILY_RESULTS)
    )
    below = below_bound(of_policies, oracle).select("site", "day", "policy", is_below=pl.lit(value=True))
    idle = of_policies.filter(pl.col("policy") == "idle").select("site", "day", idle_cost="cost")
    currencies = {site: shard.homes[site].currency for site in of_policies["site"].unique()}
    return (
        of_policies.select("site", "day", "policy", "cost", "breaches")
        .join(idle, on=["site", "day"])
        .join(oracle.select("site", "day", oracle_cost="cost"), on=["site", "day"])
        .join(below, on=["site", "day", "policy"], how="left")
        .with_columns(
            pl.col("is_below").fill_null(value=False),
            currency=pl.col("site").replace_strict(currencies, return_dtype=pl.String),
        )
    )


def _costs(results: pl.DataFrame) -> pl.DataFrame:
    """Return the sums by day, currency and policy."""
    sums = results.group_by("day", "currency", "policy").agg(
        pl.len().alias("homes"),
        *(pl.col(name).sort_by("site").sum() for name in ("cost", "idle_cost", "oracle_cost")),
        pl.col("breaches").sum(),
        pl.col("is_below").sum().alias("below"),
    )
    return sums.sort("day", "currency", "policy").cast(_COSTS)  # pyright: ignore[reportArgumentType]


def _grades(shard: FleetShard, sites: Sequence[str]) -> pl.DataFrame:
    """Return the grades of days of homes, alike ones counted."""
    grades = shard.lake.read(DATA_QUALITY_DAILY, shard.bucket, shard.first, shard.last, sites=sites)
    counted = grades.group_by("day", "status", "reasons").agg(pl.len().alias("homes"))
    return counted.sort("day", "status", "homes", "reasons", descending=[False, False, True, False])


def _worst(results: pl.DataFrame) -> pl.DataFrame:
    """Return the homes of each day, policy and currency that missed most."""
    missed = results.filter(~pl.col("policy").is_in(["idle", ORACLE])).select(
        "day",
        "policy",
        "currency",
        "site",
        missed=pl.col("cost") - pl.col("oracle_cost"),
        possible=pl.col("idle_cost") - pl.col("oracle_cost"),
    )
    ranked = missed.sort(*_RANK, "missed", "site", descending=[False, False, False, True, False])
    return ranked.group_by(*_RANK, maintain_order=True).head(WORST_SHOWN)
