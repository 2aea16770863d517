"""The verdict on a fleet: costs and captured share of every home, then of areas, tariffs and all, bucket by bucket.

Only daily results are read, and of each bucket only a row a home and policy is kept. A day counts where the home has a
result of every one of its policies and of the oracle, all of its present configuration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.config.fingerprints import Stage, config_version
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import ORACLE_DAILY_RESULTS, POLICY_DAILY_RESULTS
from planner.currencies import PER_EURO, worth
from planner.wording.columns import worded

IDLE = "idle"
LEAST_POSSIBLE = 0.01
"""Where days leave less to save than this, a share says nothing [SEK a home-day; its worth in other currencies]."""
_LEAST_BY_CURRENCY = {currency: worth(LEAST_POSSIBLE, currency) for currency in PER_EURO}
_RESULT = ("site", "day", "policy", "cost", "breaches", "config_version")
_SUMS = ("cost", "idle_cost", "oracle_cost")
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_HOME = {
    "site": pl.String,
    "policy": pl.String,
    "days": pl.UInt32,
    "cost": pl.Float64,
    "idle_cost": pl.Float64,
    "oracle_cost": pl.Float64,
    "breaches": pl.Int64,
    "area": pl.String,
    "tariff": pl.String,
    "currency": pl.String,
}


@dataclass(frozen=True, kw_only=True)
class FleetVerdict:
    """The verdict on a fleet; frames have a row a policy, and money in the currency they name.

    Attributes:
        homes: homes with results.
        without: homes without any.
        damaged: why buckets could not be read, whose homes are among those without; by bucket.
        totals: `currency, policy, homes, home_days, cost, idle_cost, oracle_cost, captured_share`.
        by_area: the same for each `area`.
        by_tariff: the same for each `tariff`.
        distribution: `policy, homes, p10, p25, p50, p75, p90` of the homes' captured shares.
        worst: `site, policy, days, captured_share, missed, currency, reason`: homes that miss most of what hindsight
            would have saved, a day.
    """

    homes: int
    without: int
    damaged: Mapping[int, str]
    totals: pl.DataFrame
    by_area: pl.DataFrame
    by_tariff: pl.DataFrame
    distribution: pl.DataFrame
    worst: pl.DataFrame


def fleet_verdict(
    homes: FleetHomes,
    lake: BucketLake,
    first: date,
    last: date,
    *,
    most_worst: int,
    progress: Callable[[int, int], None] | None = None,
) -> FleetVerdict:
    """Return the verdict on a range of days of a fleet; buckets of which an object is damaged are left out and named.

    Args:
        homes: its homes.
        lake: its lake.
        first: first local day.
        last: last local day, included.
        most_worst: homes that are named as the worst of each policy and currency.
        progress: told after every bucket.
    """
    known, damaged = [pl.DataFrame(schema=_HOME)], dict[int, str]()
    for bucket in range(lake.buckets):
        try:
            known.append(bucket_homes(homes.in_bucket(bucket), lake, bucket, first, last))
        except LakeUnreadableError as error:
            damaged[bucket] = error.message
        if progress is not None:
            progress(bucket + 1, lake.buckets)
    rows = pl.concat(known)
    judged = rows["site"].n_unique()
    return FleetVerdict(
        homes=judged,
        without=len(homes) - judged,
        damaged=damaged,
        totals=_summed(rows, []),
        by_area=_summed(rows, ["area"]),
        by_tariff=_summed(rows, ["tariff"]),
        distribution=_distribution(rows),
        worst=_worst(rows, most_worst),
    )


def bucket_homes(homes: FleetHomes, lake: BucketLake, bucket: int, first: date, last: date) -> pl.DataFrame:
    """Return a row a home and policy of a bucket: the days that count, their costs, and where the home belongs."""
    if not len(homes):
        return pl.DataFrame(schema=_HOME)
    places = _places(homes)
    policies = lake.read(POLICY_DAILY_RESULTS, bucket, first, last).select(_RESULT)
    oracle = lake.read(ORACLE_DAILY_RESULTS, bucket, first, last).with_columns(policy=pl.lit(ORACLE)).select(_RESULT)
    results = pl.concat([policies, oracle]).join(places, on="site", how="inner")
    version = pl.when(pl.col("policy") == ORACLE).then("oracle_version").otherwise("policies_version")
    present = results.filter(pl.col("config_version") == version)
    common = present.filter(
        pl.col("policy").n_unique().over("site", "day") == pl.col("policy").n_unique().over("site"),
        (pl.col("policy") == IDLE).any().over("site", "day"),
        (pl.col("policy") == ORACLE).any().over("site", "day"),
    ).sort("site", "policy", "day")  # sums round by their order
    paid = common.group_by("site", "policy", maintain_order=True).agg(
        pl.len().alias("days"),
        pl.col("cost").sum(),
        pl.col("breaches").cast(pl.Int64).sum(),
        pl.col("area", "tariff", "currency").first(),
    )
    bounds = [
        paid.filter(pl.col("policy") == policy).select("site", pl.col("cost").alias(f"{policy}_cost"))
        for policy in (IDLE, ORACLE)
    ]
    joined = paid.join(bounds[0], on="site").join(bounds[1], on="site")
    return joined.select(list(_HOME)).cast(dict(_HOME)).sort("site", "policy")  # pyright: ignore[reportArgumentType]


def _places(homes: FleetHomes) -> pl.DataFrame:
    """Return area, tariff and currency of the homes, and the fingerprints of their settings."""
    made: dict[int, dict[Stage, str]] = {}  # homes that are alike share their settings
    rows: list[dict[str, str]] = []
    for site, tariff in zip(homes.names, homes.rows["tariff"], strict=True):
        try:
            settings = homes[site]
        except ConfigurationError:
            continue  # such a home has no results either; a backfill says why
        if id(settings) not in made:
            made[id(settings)] = {
                "oracle": config_version(settings, "oracle"),
                "policies": config_version(settings, "policies"),
            }
        own = made[id(settings)]
        rows.append(
            {
                "site": site,
                "area": settings.area,
                "tariff": tariff or "default",
                "currency": settings.currency,
                "oracle_version": own["oracle"],
                "policies_version": own["policies"],
            }
        )
    names = ("site", "area", "tariff", "currency", "oracle_version", "policies_version")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def captured(days: str) -> pl.Expr:
    """Return the share of what could be saved that was, of rows with their currency; null where nothing could be."""
    least = pl.col("currency").replace_strict(_LEAST_BY_CURRENCY, default=LEAST_POSSIBLE, return_dtype=pl.Float64)
    possible = pl.col("idle_cost") - pl.col("oracle_cost")
    share = (pl.col("idle_cost") - pl.col("cost")) / possible
    return pl.when(possible > least * pl.col(days)).then(share).alias("captured_share")


def _summed(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return (
        rows.sort("site")
        .group_by(*keys, "currency", "policy")
        .agg(pl.len().alias("homes"), pl.col("days").sum().alias("home_days"), pl.col(_SUMS).sum())
        .with_columns(captured("home_days"))
        .sort(*keys, "currency", "policy")
    )


def _shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the homes with a share that says something, without the policies that shares are measured against."""
    judged = rows.filter(~pl.col("policy").is_in([IDLE, ORACLE])).with_columns(captured("days"))
    missed = (pl.col("cost") - pl.col("oracle_cost")) / pl.col("days")
    return judged.drop_nulls("captured_share").with_columns(missed=missed)


def _distribution(rows: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("captured_share")
    quantiles = [share.quantile(each).alias(f"p{round(100 * each)}") for each in _QUANTILES]
    return _shares(rows).group_by("policy").agg(pl.len().alias("homes"), *quantiles).sort("policy")


def _worst(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    keys = ["policy", "currency"]
    judged = _shares(rows).sort(*keys, "missed", "site", descending=[False, False, True, False])
    worst = judged.filter(pl.int_range(pl.len()).over(keys) < most)  # `head(0)` of groups gives a row of nulls
    dearer, broken = pl.col("cost") > pl.col("idle_cost"), pl.col("breaches") > 0
    reason = (
        pl.when(broken)
        .then(worded("limits exceeded in {} slots", "breaches"))
        .when(dearer)
        .then(pl.lit("costs more than a battery that is not used"))
        .otherwise(worded("saves {} % of what it could", (100 * pl.col("captured_share")).round(0).cast(pl.Int64)))
    )
    return worst.select("site", "policy", "days", "captured_share", "missed", "currency", reason=reason)
