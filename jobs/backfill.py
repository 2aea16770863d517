"""The job behind `darkstar backfill`: every daily asset of a home over any range of days, in one run.

What does not belong here: running it (`darkstar_pipeline.backfill`), or when (`jobs.refresh`).
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # what `define_asset_job` returns has no public name
)

from assets.home import Home
from jobs.names import job_name

BACKFILL = "backfill"


def backfill_job(home: Home, assets: list[dg.AssetsDefinition]) -> UnresolvedAssetJobDefinition:
    """All daily assets of the home, verdict included."""
    keys = [key for asset in assets for key in asset.keys]
    return dg.define_asset_job(
        job_name(home, BACKFILL),
        selection=dg.AssetSelection.assets(*keys),
        description=f"Every daily asset of {home.name} over a range of days, in one run.",
    )
