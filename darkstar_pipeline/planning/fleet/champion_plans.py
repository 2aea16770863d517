"""Plans of homes by the version that each has in use; where it plans no home, the reason, so that `value` does.

As a single home's fallback chain (`planning.plan_sources`): a plan that is refused, or leaves more of the reserve and
care undone than `value` does, is passed over.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs
from darkstar_pipeline.planning.fleet.prepared_homes import PreparedHomes, SocSource
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.policies.champions import Champion, Obstacle, PassedOver
from env.types import Mask
from planner.errors import PolicyMismatchError
from planner.fault_isolation import isolated
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.learned_plans import LearnedView, roll_out_learned
from planner.fleet.value_plans import HomesPlans, plan_homes
from planner.plans.fallback_chain import CHAMPION, VALUE
from planner.plans.release import PLAN
from planner.policies.adapted_policy import AdaptedHomes
from planner.tolerances import EQUAL_COST

_log = logging.getLogger(__name__)
Preparation = Callable[[PricedHomes, Champion], PreparedHomes]
"""Returns homes ready to be planned, with the scenarios that a version asks for."""


@dataclass(frozen=True)
class Origin:
    """The policy that planned for a home.

    Attributes:
        source: champion or value.
        model: reference of the version in use; empty where there is none.
        obstacle: why not the version planned; empty where it did, or there is none.
        details: the same in words.
    """

    source: str
    model: str = ""
    obstacle: Obstacle | None = None
    details: str = ""

    @classmethod
    def of(cls, version: Champion | PassedOver) -> "Origin":
        """Return the origin of the plan of a home that has a version in use: that, or `value` where it was not able."""
        if isinstance(version, PassedOver):
            return cls(VALUE, version.model, version.obstacle, version.details)
        return cls(CHAMPION, version.model)


BY_VALUE = Origin(VALUE)
"""The origin of the plan of a home that has no version in use."""


@dataclass(frozen=True, eq=False)
class ByChampion:
    """Homes for which their version planned, and those for which it did not.

    Attributes:
        group: the homes that it planned for.
        soc_sources: where the stored energy at the start of each is from.
        ends: what the end of each is valued by.
        plans: their plans; None for none.
        passed_over: why the version did not plan for other homes, by name.
    """

    group: PricedHomes
    soc_sources: Sequence[SocSource]
    ends: Sequence[str]
    plans: HomesPlans | None
    passed_over: Mapping[str, PassedOver]


def plan_by_champion(
    inputs: HomesInputs, group: PricedHomes, versions: Sequence[Champion], prepare: Preparation
) -> list[ByChampion]:
    """Return the plans of homes by the version that all of them have in use; those that it fails for are passed over.

    Args:
        inputs: of the homes.
        group: homes that can be planned together.
        versions: of each home, alike.
        prepare: returns some of the homes ready to be planned.
    """

    def planned(places: Sequence[int]) -> ByChampion:
        some = group.part(places)
        return _planned(inputs, some, [versions[place] for place in places], prepare(some, versions[0]))

    every = range(len(versions))
    try:
        made, failed = isolated(planned, every, fatal=PolicyMismatchError)
    except PolicyMismatchError as error:  # of the version, whichever home it is
        made, failed = [], [(place, error) for place in every]
    if failed:
        model, error = versions[0].model, failed[0][1]
        _log.warning("%s does not plan for %d homes: %s", model, len(failed), error, exc_info=error)
        why = {
            inputs.names[group.homes[place]]: PassedOver(model, "failed", f"{type(error).__name__}: {error}")
            for place, error in failed
        }
        made.append(ByChampion(group.part([]), [], [], None, why))
    return made


def _planned(inputs: HomesInputs, group: PricedHomes, versions: Sequence[Champion], ready: PreparedHomes) -> ByChampion:
    policy = AdaptedHomes(versions[0].policy, [each.adaptation for each in versions])
    plans = plan_homes(ready.ahead, partial(roll_out_learned, policy, _view(inputs, group)))
    careless, released = _careless(ready.ahead, plans), plans.homes["released"]
    passed: dict[str, PassedOver] = {}
    kept: list[int] = []
    for place, (name, version) in enumerate(zip(ready.ahead.names, versions, strict=True)):
        if careless[place]:
            passed[name] = PassedOver(version.model, "careless")
        elif released[place] != PLAN:
            passed[name] = PassedOver(version.model, "refused")
        else:
            kept.append(place)
    return ByChampion(
        group=group.part(kept),
        soc_sources=[ready.soc_sources[place] for place in kept],
        ends=[ready.ends[place] for place in kept],
        plans=plans.part(kept) if kept else None,
        passed_over=passed,
    )


def _careless(homes: HomesAhead, plans: HomesPlans) -> Mask:
    """Return the homes whose plans leave more of the reserve and care undone than `value` does `(n_homes,)`."""
    undone = plans.missed
    if not (undone > EQUAL_COST).any():
        return np.zeros(len(homes.names), dtype=np.bool_)
    return undone > plan_homes(homes).missed + EQUAL_COST


def _view(inputs: HomesInputs, group: PricedHomes) -> LearnedView:
    moment = inputs.moment
    span = slice(group.opened - moment.midnight, group.end - moment.midnight)
    load, pv = (np.nan_to_num(ahead[list(group.homes), span]) for ahead in (inputs.load_ahead, inputs.pv_ahead))
    clock = moment.slots["local_clock"][group.opened : group.end]
    return LearnedView(
        load_forecast=load,
        pv_forecast=pv,
        clock_minutes=clock.cast(pl.Float64).to_numpy(),
        start_soc_kwh=group.classes[0].protocol.start_soc_kwh,
        settlement_value=group.settlement_values,
    )
