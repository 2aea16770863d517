"""The judgement of classes' versions: homes replayed by both versions on days that neither has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.policy_replays import replay_policy, site_protocol
from darkstar_pipeline.learning.fleet.class_homes import ClassHome, Fleet, drawn
from darkstar_pipeline.learning.fleet.left_out import by_reason
from darkstar_pipeline.learning.fleet.pooled_training import TrainedClass
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.models.registry import attach_evidence
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.policies.replay import replay_trained
from darkstar_pipeline.policies.trained import opened
from env.errors import CodedError
from planner.artifacts.bundle import Bundle
from planner.errors import UnverifiedScheduleError
from planner.evaluation.class_test import ClassCosts, ClassVerdict, assess_class, assess_classes
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verified_days import only_verified
from planner.parallel import Progress, map_shards, part_of
from planner.policy_names import FALLBACK

MOST_HOMES = 200
"""Homes of a class that are replayed for its judgement; more hardly narrow an interval that days decide."""


@dataclass(frozen=True, kw_only=True)
class JudgedHomes:
    """Costs of homes by two versions.

    Attributes:
        costs: of the home-days.
        left_out: homes that could not be replayed, with the reason.
    """

    costs: ClassCosts
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class _HomeCosts:
    """Costs of a home's days by two versions [money], slots in which the second breached a limit, or a problem."""

    days: tuple[date, ...] = ()
    champion: tuple[float, ...] = ()
    challenger: tuple[float, ...] = ()
    breaches: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Version:
    """A version as homes replay it; without a bundle it is `value`."""

    name: str
    bundle: Bundle | None


def judged_homes(
    fleet: Fleet,
    homes: Sequence[ClassHome],
    days: Sequence[date],
    versions: tuple[VersionRef | None, VersionRef | None],
    *,
    progress: Progress | None = None,
) -> JudgedHomes:
    """Replay homes by the champion and the challenger on some days.

    Args:
        fleet: the fleet.
        homes: homes that run the champion; of more than `MOST_HOMES` some are drawn.
        days: local days that neither version has seen.
        versions: champion and challenger; None for `value`.
        progress: told after every home.
    """
    models = fleet_models(fleet.settings, fleet.home)
    both = tuple(
        _Version(name, None if ref is None else models.bundle(ref))
        for name, ref in zip(("champion", "challenger"), versions, strict=True)
    )
    chosen = drawn(homes, MOST_HOMES, salt="judged")
    found = map_shards(partial(_home_costs, both, tuple(days)), chosen, progress=progress)
    names = sorted({day for each in found for day in each.days})
    place = {day: number for number, day in enumerate(names)}
    tables = np.full((2, len(chosen), len(names)), np.nan)
    for row, each in enumerate(found):
        columns = [place[day] for day in each.days]
        tables[0, row, columns], tables[1, row, columns] = each.champion, each.challenger
    costs = ClassCosts(tables[0], tables[1], sum(each.breaches for each in found))
    problems = {home.name: each.problem for home, each in zip(chosen, found, strict=True) if each.problem}
    return JudgedHomes(costs=costs, left_out=problems)


@dataclass(frozen=True)
class Judgement:
    """The verdict on a class's version, and the homes it does not rest on.

    Attributes:
        verdict: on it.
        left_out: homes that could not be replayed, with the reason.
    """

    verdict: ClassVerdict
    left_out: Mapping[str, str]


def judge_classes(
    fleet: Fleet, trained: Sequence[TrainedClass], *, progress: Progress | None = None
) -> dict[str, Judgement]:
    """Judge the versions of classes on their test days, all together, and keep the evidence with each version.

    The rate of false discoveries is held over them (`planner.evaluation.class_test`). Against a class without a version
    in use the opponent is `value`; homes with a champion of their own do not count.

    Args:
        fleet: the fleet.
        trained: the versions.
        progress: told after every home of all classes.

    Raises:
        OutsideServiceError: MLflow or the fleet's store failed.
    """
    pointer = fleet_models(fleet.settings, fleet.home).pointer()
    judged: dict[str, JudgedHomes] = {}
    counted = {each.class_name: [home for home in each.homes if home.name not in pointer.own] for each in trained}
    done, total = 0, sum(min(len(homes), MOST_HOMES) for homes in counted.values())
    for each in trained:
        homes, versions = counted[each.class_name], (pointer.of(each.class_name).champion, each.ref)
        told = part_of(progress, done, total)
        judged[each.class_name] = judged_homes(fleet, homes, each.windows.test, versions, progress=told)
        done += min(len(homes), MOST_HOMES)
    verdicts = assess_classes({name: assess_class(each.costs) for name, each in judged.items()})
    for each in trained:
        champion = pointer.of(each.class_name).champion
        document = verdicts[each.class_name].document()
        document["against"] = FALLBACK if champion is None else f"version {champion.version}"
        document["test_days"] = [each.windows.test[0].isoformat(), each.windows.test[-1].isoformat()]
        document["left_out"] = by_reason({**each.left_out, **judged[each.class_name].left_out})
        context = fleet.class_context(each.class_name, each.homes[0].own)
        attach_evidence(context, RegisteredModel.of(context).name, each.ref.version, document)
    return {name: Judgement(verdict, judged[name].left_out) for name, verdict in verdicts.items()}


def _home_costs(versions: Sequence[_Version], days: Sequence[date], home: ClassHome) -> _HomeCosts:
    """Return what a home pays by two versions on the days that it can be used on; a problem stops no other home."""
    usable = home.inside(days)
    if not usable:
        return _HomeCosts(problem="no usable day")
    try:
        context = home.open_context()
        champion = _results(context, versions[0], usable)
    except CodedError as error:
        return _HomeCosts(problem=str(error))
    try:
        challenger = _results(context, versions[1], usable)
    except UnverifiedScheduleError as error:
        return _HomeCosts(breaches=1, problem=str(error))
    except CodedError as error:
        return _HomeCosts(problem=str(error))
    both = champion.join(challenger, on="day", suffix="_challenger").sort("day")
    return _HomeCosts(
        days=tuple(both["day"].to_list()),
        champion=tuple(both["cost"].to_list()),
        challenger=tuple(both["cost_challenger"].to_list()),
        breaches=int(both["breaches_challenger"].sum()),
    )


def _results(context: Context, version: _Version, days: Sequence[date]) -> pl.DataFrame:
    """Return `day, cost, breaches` of a home by a version."""
    protocol = site_protocol(context)
    if version.bundle is None:
        schedule = replay_policy(context, FALLBACK, days, protocol)
    else:
        schedule = replay_trained(context, opened(version.name, version.bundle, site=context.site_name), days)
    verified = only_verified(schedule, context.site, protocol)
    return daily_results(verified, protocol, context.site).select("day", "cost", "breaches")
