"""Plans of many homes: those alike are planned together, one bad home never stops the others."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

import numpy as np

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.planning.fleet.champion_plans import BY_VALUE, Origin, plan_by_champion
from darkstar_pipeline.planning.fleet.charged_homes import plan_charged
from darkstar_pipeline.planning.fleet.home_classes import HomeClass, home_classes
from darkstar_pipeline.planning.fleet.homes_ends import HomesEnds
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, HomesRows, read_inputs
from darkstar_pipeline.planning.fleet.prepared_homes import PreparedHomes, SocSource, prepared
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes, priced
from darkstar_pipeline.policies.champions import Champion, Champions, PassedOver
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from env.inverter import Energy
from planner.fault_isolation import isolated
from planner.fleet.value_plans import HomesPlans, plan_homes
from planner.value.scenario_source import SCENARIO_DAYS

MOST_HOMES = 100
"""Homes planned together: more gain nothing, and take 0.5 MB each."""
Problem = Literal["", "settings", "no_price", "no_readings", "failed"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PlannedHomes:
    """Homes with plans that were made together.

    Attributes:
        names: of the homes, in the order of `plans`.
        classes: of each home.
        plans: their schedules, with their costs.
        soc_sources: where each home's stored energy at the start is from.
        ends: what each home's end is valued by.
        origins: the policy that planned for each home.
    """

    names: Sequence[str]
    classes: Sequence[HomeClass]
    plans: HomesPlans
    soc_sources: Sequence[SocSource]
    ends: Sequence[str]
    origins: Sequence[Origin]


@dataclass(frozen=True, eq=False)
class FleetPlans:
    """The plans of many homes, and why the other homes have none.

    Attributes:
        planned: plans in the groups they were made in.
        problems: reason and details, by home.
    """

    planned: Sequence[PlannedHomes]
    problems: Mapping[str, tuple[Problem, str]]


def plan_many(
    rows: HomesRows,
    homes: Mapping[str, SiteSettings],
    at: datetime,
    *,
    expected_percent: Mapping[str, float],
    valued: HomesEnds,
    champions: Champions | None = None,
) -> FleetPlans:
    """Return the plans of homes from the slot of a moment to the last published price.

    Args:
        rows: the tables of the homes.
        homes: settings by name.
        at: the moment.
        expected_percent: state of charge that earlier plans expect now, for homes whose battery was not read [%].
        valued: values of stored energy at the end of the published prices.
        champions: the versions in use; None for a fleet without any, in which `value` plans for every home.

    Raises:
        LakeUnreadableError: a table cannot be read.
        OutsideServiceError: the store failed.
    """
    problems: dict[str, tuple[Problem, str]] = {}
    planned: list[PlannedHomes] = []
    versions = {} if champions is None else {name: champions.of(name, own) for name, own in homes.items()}
    for lookback_days, names in _by_lookback(homes, versions):
        classes = home_classes({name: homes[name] for name in names})
        for inputs in read_inputs(rows, classes, at, lookback_days=lookback_days):
            planning = _Planning(rows, inputs, classes, expected_percent, valued, versions, problems)
            for group in planning.groups():
                planned += planning.planned(group)
    return FleetPlans(planned, problems)


def _by_lookback(
    homes: Mapping[str, SiteSettings], versions: Mapping[str, Champion | PassedOver | None]
) -> list[tuple[int, list[str]]]:
    """Return homes by the days of readings that their scenarios want, those that want most first."""
    found: dict[int, list[str]] = {}
    for name in homes:
        version = versions.get(name)
        days = version.weight_rules.n_days if isinstance(version, Champion) else SCENARIO_DAYS
        found.setdefault(max(days, SCENARIO_DAYS), []).append(name)
    return sorted(found.items(), reverse=True)


@dataclass(frozen=True, eq=False)
class _Planning:
    """The planning of homes whose inputs were read together.

    Attributes:
        rows: the tables of the homes.
        inputs: of the homes.
        classes: of each home.
        expected_percent: as for `plan_many`.
        valued: as for `plan_many`.
        versions: the version of each home that has one in use; where it is passed over, the reason is put here.
        problems: why homes have no plan, to which is added.
    """

    rows: HomesRows
    inputs: HomesInputs
    classes: Mapping[str, HomeClass]
    expected_percent: Mapping[str, float]
    valued: HomesEnds
    versions: dict[str, Champion | PassedOver | None]
    problems: dict[str, tuple[Problem, str]] = field(repr=False)

    def groups(self) -> list[PricedHomes]:
        """Return homes that can be planned together; why others cannot be planned is added to the problems."""
        inputs = self.inputs
        together: dict[tuple[object, ...], list[int]] = {}
        for home, name in enumerate(inputs.names):
            end = _priced_until(inputs.spot[home], inputs.moment.current)
            if end == inputs.moment.current:
                self.problems[name] = ("no_price", "")
            elif not np.isfinite(inputs.load_ahead[home]).any():
                self.problems[name] = ("no_readings", "")
            else:
                own = self.classes[name]
                charges = own.site.tariff.charges_of(inputs.moment.today)
                key = (self._decided_alike(name, charged=bool(charges)), *own.alike, charges, end)
                together.setdefault(key, []).append(home)
        made: list[PricedHomes] = []
        for key, members in together.items():
            for first in range(0, len(members), MOST_HOMES):
                part = members[first : first + MOST_HOMES]
                own = [self.classes[inputs.names[home]] for home in part]
                made.append(priced(self.rows, inputs, part, own, end=int(str(key[-1]))))
        return made

    def _decided_alike(self, name: str, *, charged: bool) -> object:
        """Return what homes that one policy decides for have in common; a learned one does not see demand charges."""
        version = self.versions.get(name)
        if not isinstance(version, Champion):
            return None
        if not charged:
            return version.alike
        self.versions[name] = PassedOver(version.model, "demand_charge")
        return None

    def planned(self, group: PricedHomes) -> list[PlannedHomes]:
        """Return the plans of a group: by the version in use, where that makes none by `value`."""
        own = [self.versions.get(self.inputs.names[home]) for home in group.homes]
        champions = [each for each in own if isinstance(each, Champion)]
        if not champions:
            return self._by_value(group)
        planned: list[PlannedHomes] = []
        for made in plan_by_champion(self.inputs, group, champions, self._prepared):
            self.versions.update(made.passed_over)
            if made.plans is not None:
                planned.append(self._planned_homes(made.group, made.soc_sources, made.ends, made.plans))
        left = [place for place, home in enumerate(group.homes) if self._is_passed_over(self.inputs.names[home])]
        return [*planned, *self._by_value(group.part(left))] if left else planned

    def _is_passed_over(self, name: str) -> bool:
        return isinstance(self.versions.get(name), PassedOver)

    def _prepared(self, group: PricedHomes, champion: Champion) -> PreparedHomes:
        return prepared(self.inputs, group, self.expected_percent, self.valued, champion.weight_rules)

    def _by_value(self, group: PricedHomes) -> list[PlannedHomes]:
        """Return the plans of a group; of homes whose planning fails, what is wrong is noted instead."""

        def planned(places: Sequence[int]) -> PlannedHomes:
            some = group.part(places)
            ready = prepared(self.inputs, some, self.expected_percent, self.valued)
            charged = (self.rows, self.inputs, some, ready.ahead)
            plans = plan_charged(*charged) if some.charges else plan_homes(ready.ahead)
            return self._planned_homes(some, ready.soc_sources, ready.ends, plans)

        made, failed = isolated(planned, range(len(group.homes)), fatal=(LakeUnreadableError, OutsideServiceError))
        for place, error in failed:
            name = self.inputs.names[group.homes[place]]
            _log.warning("no plan for %s: %s", name, error, exc_info=error)
            self.problems[name] = ("failed", f"{type(error).__name__}: {error}")
        return made

    def _planned_homes(
        self, group: PricedHomes, soc_sources: Sequence[SocSource], ends: Sequence[str], plans: HomesPlans
    ) -> PlannedHomes:
        names = [self.inputs.names[home] for home in group.homes]
        origins = [BY_VALUE if (own := self.versions.get(name)) is None else Origin.of(own) for name in names]
        return PlannedHomes(names, group.classes, plans, soc_sources, ends, origins)


def _priced_until(spot: Energy, current: int) -> int:
    """Return the index behind the last slot from the current one on that has a price without a gap."""
    missing = np.flatnonzero(~np.isfinite(spot[current:]))
    return current + (int(missing[0]) if len(missing) else len(spot) - current)
