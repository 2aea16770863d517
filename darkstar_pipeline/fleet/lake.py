"""The lake of a fleet, at the place that its settings name."""

from pathlib import Path

from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.fleet.homes_file import FLEET_FOLDER
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import open_store

_LAKE_FOLDER = "lake"


def fleet_lake(fleet: FleetSettings, home: Path) -> BucketLake:
    """Return the lake of a fleet; nothing is asked or made before the first use.

    Args:
        fleet: its settings.
        home: the state folder, which holds the lake where the settings name no place.

    Raises:
        ConfigurationError: the place is of no kind that is known, or obstore is not installed.
    """
    return BucketLake(open_store(fleet.lake or home / FLEET_FOLDER / _LAKE_FOLDER), fleet.buckets)
