"""The job behind `darkstar backfill`: every daily asset of a home over any range of days, in one run.

What does not belong here: running it (`darkstar_pipeline.backfill`), or when (`jobs.refresh`).
"""

import dagster as dg

from assets.home import Home
from darkstar_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from jobs.names import job_name

BACKFILL = "backfill"


def backfill_job(home: Home, assets: list[dg.AssetsDefinition]) -> UnresolvedAssetJobDefinition:
    """Return the job over all daily assets of the home, verdict included."""
    keys = [key for asset in assets for key in asset.keys]
    return dg.define_asset_job(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        job_name(home, BACKFILL),
        selection=dg.AssetSelection.assets(*keys),
        description=f"Every daily asset of {home.name} over a range of days, in one run.",
    )
