"""The plans of a fleet in memory, by bucket; an object that was replaced is read anew, one that is unreadable kept."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.fleet.plan_rows import PLANS_PREFIX, decoded_plans, plans_key
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class BucketPlans:
    """The plans of a bucket as they were read.

    Attributes:
        version: of the object.
        rows: a row a home.
        problem: why the object could not be read, and the rows are older ones; empty where it could.
    """

    version: str = ""
    rows: pl.DataFrame = field(default_factory=lambda: decoded_plans(None))
    problem: str = ""

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Return the row of each home."""
        return {site: place for place, site in enumerate(self.rows["site"])}


class PlanShelf:
    """The plans of a fleet as far as they were read; readers never wait for the store.

    Args:
        lake: the fleet's tables, beside which the plans are.
    """

    def __init__(self, lake: BucketLake) -> None:
        self._lake = lake
        self._buckets: dict[int, BucketPlans] = {}
        self.problem = ""
        """Why the store could not be read last; empty where it could."""

    def find(self, site: str) -> tuple[BucketPlans, int] | None:
        """Return where the plan of a home stands; None where it never had one."""
        plans = self._buckets.get(self._lake.bucket(site))
        place = None if plans is None else plans.places.get(site)
        return None if plans is None or place is None else (plans, place)

    def summary(self) -> pl.DataFrame:
        """Return all rows without the schedules."""
        columns = [
            name for name in decoded_plans(None).columns if name != "plan" and not name.endswith(("_kw", "_percent"))
        ]
        return pl.concat([plans.rows.select(columns) for plans in [BucketPlans(), *self._buckets.values()]])

    def newest(self) -> datetime | None:
        """Return when the newest plan was made; None where there is none."""
        made = [plans.rows["created_at"].max() for plans in self._buckets.values()]
        return max((each for each in made if isinstance(each, datetime)), default=None)

    def refresh(self) -> None:
        """Read the objects that were replaced since they were read."""
        try:
            self._lake.check_count()
            listed = {each.key: each.version for each in self._lake.store.listed(PLANS_PREFIX)}
            for bucket in range(self._lake.buckets):
                version = listed.get(plans_key(bucket))
                if version is not None and version != self._buckets.get(bucket, BucketPlans()).version:
                    self._read(bucket)
            self.problem = next((plans.problem for plans in self._buckets.values() if plans.problem), "")
        except DarkstarError as error:
            self.problem = error.message
            _log.warning("plans cannot be read, the old ones stay: %s", error.message)

    def _read(self, bucket: int) -> None:
        stored = self._lake.store.get(plans_key(bucket))
        if stored is None:
            return
        try:
            plans = BucketPlans(stored.version, decoded_plans(stored.data, self._lake.name(plans_key(bucket))))
        except LakeUnreadableError as error:
            reason = f"{error.message}; the old plans stay until it is replaced"
            _log.warning(reason)
            plans = BucketPlans(stored.version, self._buckets.get(bucket, BucketPlans()).rows, reason)
        _ = plans.places  # made here, so that no request makes it
        self._buckets[bucket] = plans
