"""One round of planning: every bucket of a fleet once, over the engine's workers; a bad one never stops the others."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.bucket_shard import PlannedBucket, PlanShard, plan_shard
from planner.parallel import map_shards


@dataclass(frozen=True, kw_only=True)
class PlanningRound:
    """The result of a round.

    Attributes:
        at: moment that was planned at.
        buckets: what came of each bucket that has homes.
    """

    at: datetime
    buckets: Sequence[PlannedBucket]

    @property
    def planned(self) -> int:
        """Return the number of homes that got a plan."""
        return sum(each.planned for each in self.buckets)

    @property
    def problems(self) -> dict[str, int]:
        """Return the number of homes that got none, by reason."""
        found: dict[str, int] = {}
        for bucket in self.buckets:
            for reason, count in bucket.problems.items():
                found[reason] = found.get(reason, 0) + count
        return found

    @property
    def document(self) -> dict[str, Any]:
        """Return it by its JSON keys."""
        return {
            "at": self.at.isoformat(),
            "planned": self.planned,
            "problems": self.problems,
            "processor_seconds": sum(each.processor_seconds for each in self.buckets),
            "buckets": [asdict(each) for each in self.buckets],
        }


def plan_fleet(
    settings: Settings, home: Path, at: datetime, *, progress: Callable[[int, int], None] | None = None
) -> PlanningRound:
    """Plan every home of a fleet.

    Args:
        settings: the whole configuration.
        home: the state folder.
        at: the moment of the plans.
        progress: told the number of buckets done and of all.

    Raises:
        ConfigurationError: the configuration has no fleet, or its homes cannot be read.
    """
    homes = open_homes(settings, home)
    lake = fleet_lake(homes.fleet, home)
    parts = [(bucket, homes.in_bucket(bucket)) for bucket in range(homes.fleet.buckets)]
    shards = [PlanShard(lake=lake, bucket=bucket, homes=own, at=at) for bucket, own in parts if len(own)]
    done = map_shards(plan_shard, shards, workers=settings.engine.workers, progress=progress)
    return PlanningRound(at=at, buckets=done)
