"""Repair of a fleet's lake: what does not belong there is set aside, never deleted; rows that belong there stay.

Copies lie beside the tables, `aside/<time>/<key>`. An object of a bucket is not removed but replaced on condition that
it still is what was found to be wrong, by one with its own rows or with none, so that no writer's rows are lost.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.doctor.fleet.objects import ObjectFault, Progress, lake_strays, object_faults
from darkstar_pipeline.doctor.repair import ASIDE_FOLDER, Repaired
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.day_objects import encoded, sites_done
from darkstar_pipeline.warehouse.lake import LakeUnreadableError

_AGAIN = "backfill that day again, or import its readings or prices"


def repair_fleet_lake(
    fleet: FleetSettings, home: Path, *, now: datetime, every: bool, progress: Progress | None = None
) -> list[Repaired]:
    """Set strays and damaged objects aside, and rewrite objects with doubled or foreign rows.

    Args:
        fleet: its settings.
        home: the state folder.
        now: the present instant.
        every: look at all days, else at those that the check looks at.
        progress: told of the work.

    Raises:
        ConfigurationError: the lake was written with another number of buckets.
        OutsideServiceError: the store failed.
    """
    lake, place = fleet_lake(fleet, home), f"{ASIDE_FOLDER}/{now:%Y%m%dT%H%M%SZ}"
    done = list(_strays_moved(lake, place, progress, every=every))
    for fault in object_faults(lake, every=every, progress=progress).faults:
        note = _mended(lake, fault, f"{place}/{fault.key}")
        if note:
            done.append(Repaired(lake.name(fault.key), lake.name(f"{place}/{fault.key}"), note))
    return done


def _strays_moved(lake: BucketLake, place: str, progress: Progress | None, *, every: bool) -> Iterator[Repaired]:
    for stray in list(lake_strays(lake, every=every, progress=progress)):
        found = lake.store.get(stray.key)
        if found is not None:
            lake.store.put(f"{place}/{stray.key}", found.data)
            lake.store.delete(stray.key)
            yield Repaired(lake.name(stray.key), lake.name(f"{place}/{stray.key}"), f"moved aside: {stray.reason}")


def _mended(lake: BucketLake, fault: ObjectFault, aside: str) -> str:
    """Replace an object by its own rows, those without damage; return what was done, empty where it is right by now."""
    note = ""

    def mended(data: bytes | None) -> bytes | None:
        nonlocal note
        note = ""
        if data is None:
            return None
        try:
            own, wrong = lake.sorted_out(fault.table, fault.bucket, fault.day, data)
        except LakeUnreadableError:
            lake.store.put(aside, data)
            note = f"set aside: it cannot be read; {_AGAIN}"
            return encoded(pl.DataFrame(schema=fault.table.schema), [])
        if not wrong:
            return None
        lake.store.put(aside, data)
        note = f"{own.height} rows that belong there are kept"
        done = [site for site in sites_done(aside, lambda _: data) if lake.bucket(site) == fault.bucket]
        return encoded(own.sort("site", *fault.table.key), done)

    lake.store.update(fault.key, mended)
    return note
