"""The fleet's days: everything from what was imported to results, for the homes of some buckets and a range of days.

One asset and not ten: an event is kept for every partition of every asset, and a bucket's tables are written together.
"""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.fleet.backfill import fleet_shards
from assets.fleet.graph.description import DayTotals, counted_reasons, day_totals
from assets.fleet.graph.partitions import RUN_PARTITIONS, Partition, days_in, group_of, partition_of
from assets.fleet.outcomes import BucketOutcome, work_out
from assets.home import Check, Result, beta_features
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from planner.parallel import map_shards

FLEET = "fleet"
DAILY_RESULTS = dg.AssetKey([FLEET, "daily_results"])
HEAVY_POOL = "fleet_buckets"
"""Pool of the runs that work on whole buckets."""
IMPORTED = (RAW_SPOT_PRICES, METER_READINGS)
BOUND_HOLDS = Check(
    name="oracle_bounds",
    description="No home pays less than perfect hindsight on any day; energy and wear, without a demand charge.",
)
NO_BREACHES = Check(name="no_breaches", description="No slot breaks a limit of a connection or a battery.")
EVERY_HOME = Check(
    name="every_home",
    description="No home is left out: each has prices, readings and settings that hold, and no day of it fails.",
)
USABLE_SHARE = Check(name="usable_share", description="At least nine of ten days of homes can be used.")
LEAST_USABLE = 0.9


def imported_specs(settings: Settings, partitions: dg.MultiPartitionsDefinition) -> list[dg.AssetSpec]:
    """Return what is imported for the homes of a fleet: external to Dagster, so they cost a run nothing."""
    return [
        dg.AssetSpec(
            dg.AssetKey([FLEET, table.name]),
            description=table.meaning,
            partitions_def=partitions,
            group_name=FLEET,
            kinds={"parquet"},
            metadata={"lake": fleet_of(settings).lake or "fleet/lake in the state folder"},
        )
        for table in IMPORTED
    ]


def daily_results_asset(
    settings: Settings, state: Path, partitions: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    """Return the asset `fleet/daily_results`.

    Args:
        settings: the configuration, with a fleet.
        state: the state folder.
        partitions: days and groups of buckets.
    """
    buckets = fleet_of(settings).buckets

    def daily_results(context: dg.AssetExecutionContext) -> Result:
        """Every daily table of the homes of some buckets: prices, observations, grades, forecasts, schedules, results.

        A home that cannot be worked on is left out with its reason, and a bucket that fails leaves the others alone:
        only its partitions are not materialized.
        """
        asked = [partition_of(key) for key in context.partition_keys]
        with on_engine(lambda: settings.engine):
            totals = day_totals(worked_out(settings, state, asked), buckets)
        if totals.failures:
            _tell_done(context, totals, [partition for partition in asked if not totals.failed(partition)])
            raise _failure(totals)
        for partition in asked:
            context.add_asset_metadata(totals.described(partition), partition_key=partition.key)
        return dg.MaterializeResult(check_results=_checks(totals))

    with beta_features():
        return dg.asset(  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped in Dagster
            key_prefix=[FLEET],
            deps=[dg.AssetKey([FLEET, table.name]) for table in IMPORTED],
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.multi_run(RUN_PARTITIONS),
            check_specs=[check.spec(DAILY_RESULTS) for check in (BOUND_HOLDS, NO_BREACHES, EVERY_HOME, USABLE_SHARE)],
            pool=HEAVY_POOL,
            group_name=FLEET,
            kinds={"polars", "parquet"},
            metadata={"buckets": buckets},
        )(daily_results)


def worked_out(settings: Settings, state: Path, asked: Sequence[Partition]) -> list[BucketOutcome]:
    """Return what became of the buckets of some partitions."""
    first, last = days_in(asked)
    groups, buckets = {partition.group for partition in asked}, fleet_of(settings).buckets
    shards = [
        shard for shard in fleet_shards(settings, state, first, last) if group_of(shard.bucket, buckets) in groups
    ]
    return map_shards(work_out, shards)


def _tell_done(context: dg.AssetExecutionContext, totals: DayTotals, done: Sequence[Partition]) -> None:
    """Record the partitions that are done although the run fails."""
    for partition in done:
        event = dg.AssetMaterialization(DAILY_RESULTS, partition=partition.key, metadata=totals.described(partition))
        context.log_event(event)


def _failure(totals: DayTotals) -> dg.Failure:
    """Return the failure that names the buckets, with the reason of each."""
    reasons = [f"bucket {bucket}: {reason}" for bucket, reason in sorted(totals.failures.items())]
    many = "a bucket" if len(reasons) == 1 else f"{len(reasons)} buckets"
    return dg.Failure(
        f"{many} failed, and the others are done: {'; '.join(reasons[:5])}",
        metadata={"failed buckets": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in reasons))},
    )


def _checks(totals: DayTotals) -> list[dg.AssetCheckResult]:
    below, breaches = int(totals.costs["below"].sum()), int(totals.costs["breaches"].sum())
    usable, left_out = totals.usable_share, totals.left_out
    graded = totals.grades.group_by("status").agg(pl.col("homes").sum()).sort("status")
    return [
        BOUND_HOLDS.result(passed=below == 0, days_below=below),
        NO_BREACHES.result(passed=breaches == 0, breaches=breaches),
        EVERY_HOME.result(
            passed=not left_out,
            homes=len({each.site for each in left_out}),
            with_older_results=len({each.site for each in left_out if each.kept_days}),
            reasons=markdown_table(counted_reasons((each.reason, 1) for each in left_out)),
        ),
        USABLE_SHARE.result(
            passed=usable is not None and usable >= LEAST_USABLE,
            share=0.0 if usable is None else usable,
            grades=markdown_table(graded),
        ),
    ]
