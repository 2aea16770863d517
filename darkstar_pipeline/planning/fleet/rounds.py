"""One round of planning: every home of a fleet once, over the engine's workers; a bad bucket never stops the others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.fleet.homes_file import home_of_fleet, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.planning.fleet.area_prices import area_prices
from darkstar_pipeline.planning.fleet.plan_shard import PlanShard, plan_shard, shards_of, summed
from planner.parallel import map_shards


@dataclass(frozen=True, kw_only=True)
class PlanningRound:
    """The result of a round.

    Attributes:
        at: moment that was planned at.
        planned: number of homes that got a plan.
        sources: the same by the source of the plan.
        obstacles: number of homes with a version in use that did not plan, by reason.
        problems: number of homes that got none, by reason.
        processor_seconds: time that it took of processors.
        errors: why a whole bucket could not be planned, by bucket.
    """

    at: datetime
    planned: int
    sources: dict[str, int]
    obstacles: dict[str, int]
    problems: dict[str, int]
    processor_seconds: float
    errors: dict[int, str]

    @property
    def document(self) -> dict[str, Any]:
        """Return it by its JSON keys."""
        errors = {str(bucket): error for bucket, error in self.errors.items()}
        return {**vars(self), "at": self.at.isoformat(), "errors": errors}


def plan_fleet(
    settings: Settings,
    home: Path,
    at: datetime,
    *,
    site: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PlanningRound:
    """Plan every home of a fleet.

    Args:
        settings: the whole configuration.
        home: the state folder.
        at: the moment of the plans.
        site: the only home that is planned; None plans all.
        progress: told the number of shards done and of all.

    Raises:
        ConfigurationError: the configuration has no fleet, or its homes cannot be read; there is no such home.
    """
    homes = open_homes(settings, home)
    lake, models = fleet_lake(homes.fleet, home), fleet_models(settings, home)
    if site is None:
        shards = shards_of(models, lake, homes, area_prices(lake, homes, at), at)
    else:
        home_of_fleet(settings, home, site)
        own, areas = (lake.bucket(site), homes.only([site])), area_prices(lake, homes, at, site=site)
        shards = [PlanShard(models=models, lake=lake, buckets=[own], areas=areas, at=at, whole=False)]
    done = map_shards(plan_shard, shards, workers=settings.engine.workers, progress=progress)
    return PlanningRound(
        at=at,
        planned=sum(each.planned for each in done),
        sources=summed(each.sources for each in done),
        obstacles=summed(each.obstacles for each in done),
        problems=summed(each.problems for each in done),
        processor_seconds=sum(each.processor_seconds for each in done),
        errors={bucket: error for each in done for bucket, error in each.errors.items()},
    )
