"""Hands a backfill of the fleet to Dagster, which cuts it into runs, queues them, and shows them on its page."""

import time
import warnings
from datetime import date
from pathlib import Path
from uuid import uuid4

from assets.fleet.graph.daily_results import DAILY_RESULTS
from assets.fleet.graph.partitions import Partition, group_keys
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import fleet_of
from darkstar_pipeline.orchestration.dagster_backfill_internals import PartitionBackfill
from darkstar_pipeline.orchestration.instance import open_instance
from env.time_grid import days_between
from jobs.fleet import fleet_definitions


def launch_backfill(settings: Settings, home: Path, first: date, last: date) -> str:
    """Ask Dagster for a backfill of all homes; its daemon begins within half a minute, where one runs.

    Args:
        settings: the configuration, with a fleet.
        home: the state folder.
        first: first local day.
        last: last local day, included.

    Returns:
        The backfill's id.
    """
    keys = [
        Partition(group, day).key
        for day in days_between(first, last)
        for group in group_keys(fleet_of(settings).buckets)
    ]
    backfill_id = f"fleet-{first:%Y%m%d}-{last:%Y%m%d}-{uuid4().hex[:8]}"  # 32 characters, as Dagster's column has
    with open_instance(home) as instance, warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)  # Dagster warns of a function that it calls itself
        backfill = PartitionBackfill.from_asset_partitions(  # pyright: ignore[reportUnknownMemberType] - partly untyped
            backfill_id=backfill_id,
            asset_graph=fleet_definitions(settings, home).resolve_asset_graph(),
            partition_names=keys,
            asset_selection=[DAILY_RESULTS],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=f"{first} to {last}",
            description="Asked for by `darkstar fleet launch`.",
            run_config=None,
        )
        instance.add_backfill(backfill)
    return backfill_id
