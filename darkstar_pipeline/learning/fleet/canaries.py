"""The judgement of the canaries of a fleet: taken back where worse, for all homes where their days are enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from darkstar_pipeline.learning.fleet.class_homes import ClassHome, Fleet, class_homes
from darkstar_pipeline.learning.fleet.judging import judged_homes
from darkstar_pipeline.learning.fleet.left_out import by_reason
from darkstar_pipeline.models.fleet.classes import homes_by_class
from darkstar_pipeline.models.fleet.moves import MoveRequest, promote_class, rollback_class
from darkstar_pipeline.models.fleet.pointer import Canary, FleetPointer
from darkstar_pipeline.models.fleet.resolution import policy_for
from darkstar_pipeline.models.fleet.store import fleet_models
from env.time_grid import zone
from planner.evaluation.canary_test import CanaryVerdict, judge_canary
from planner.parallel import Progress

ACTOR = "canary"


@dataclass(frozen=True, kw_only=True)
class JudgedCanary:
    """A canary and what became of it.

    Attributes:
        class_name: its class.
        canary: the version, its share and its beginning.
        verdict: what its days say.
        left_out: homes of it that it was judged without, with the reason, by name.
    """

    class_name: str
    canary: Canary
    verdict: CanaryVerdict
    left_out: Mapping[str, str]


def judge_canaries(fleet: Fleet, last: date | None = None, *, progress: Progress | None = None) -> list[JudgedCanary]:
    """Judge every canary on the days since it began, and act on it; one that needs more days goes on.

    Args:
        fleet: the fleet.
        last: last local day that counts; None for the last there is.
        progress: told after every home of a class.

    Raises:
        OutsideServiceError: the fleet's store failed.
    """
    models = fleet_models(fleet.settings, fleet.home)
    pointer = models.pointer()
    running = {name: each.canary for name, each in pointer.classes.items() if each.canary is not None}
    if not running:
        return []
    homes = fleet.homes()
    by_class = homes_by_class(homes)
    judged: list[JudgedCanary] = []
    for name, canary in running.items():
        own = {site: homes[site] for site in by_class.get(name, ()) if _runs(pointer, site, name)}
        usable = class_homes(fleet, own, last)
        days = _days_since(usable.homes, canary.since)
        champion = pointer.of(name).champion
        found = judged_homes(fleet, usable.homes, days, (champion, canary.ref), progress=progress)
        verdict, left_out = judge_canary(found.costs), {**usable.left_out, **found.left_out}
        judged.append(JudgedCanary(class_name=name, canary=canary, verdict=verdict, left_out=left_out))
        _act(fleet, name, canary, verdict, left_out)
    return judged


def _act(fleet: Fleet, class_name: str, canary: Canary, verdict: CanaryVerdict, left_out: Mapping[str, str]) -> None:
    models = fleet_models(fleet.settings, fleet.home)
    request = MoveRequest(
        actor=ACTOR, reason=verdict.reasons[0], evidence={**verdict.document(), "left_out": by_reason(left_out)}
    )
    if models.pointer().of(class_name).canary != canary:
        return  # somebody moved it meanwhile: what was judged is not what runs
    if verdict.step == "rollback":
        rollback_class(models, class_name, request)
    elif verdict.step == "promote":
        promote_class(models, class_name, canary.ref, request)


def _runs(pointer: FleetPointer, site: str, class_name: str) -> bool:
    """Return whether a home runs its class's canary."""
    found = policy_for(pointer, site, class_name)
    return found is not None and found.source == "canary"


def _days_since(homes: Sequence[ClassHome], since: datetime) -> list[date]:
    """Return the days of any home that began after a moment."""
    days: set[date] = set()
    by_zone: Mapping[str, date] = {
        home.own.timezone: since.astimezone(zone(home.own.timezone)).date() for home in homes
    }
    for home in homes:
        days |= {day for day in home.days if day > by_zone[home.own.timezone]}
    return sorted(days)
