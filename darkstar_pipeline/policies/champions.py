"""The versions that plan for the homes of a fleet, from one reading of its pointer; each bundle is opened once.

A version that cannot be had is no error here: its homes are told why, and `value` plans for them. A replay is no plan:
where the store failed it has to fail too (`PassedOver.failure`), or the money of `value` stands as the version's.
"""

import logging
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DarkstarError, OutsideServiceError
from darkstar_pipeline.models.fleet.classes import class_of
from darkstar_pipeline.models.fleet.pointer import FleetPointer
from darkstar_pipeline.models.fleet.resolution import HomePolicy, policy_for
from darkstar_pipeline.models.fleet.store import FleetModels
from darkstar_pipeline.policies.trained import opened
from planner.artifacts.bundle import Bundle
from planner.fault_isolation import MISTAKES
from planner.forecasts.embedded_aurora import embedded_aurora
from planner.policies.adapted_policy import WHOLE, Adaptation, Adaptations, adaptations_of
from planner.policies.learned_policy import LearnedPolicy
from planner.policy_names import MODEL_REFERENCE
from planner.value.scenario_weights import NAIVE, WeightRules

Obstacle: TypeAlias = Literal["unreadable", "aurora", "demand_charge", "failed", "refused", "careless"]
_log = logging.getLogger(__name__)
OBSTACLES: tuple[Obstacle, ...] = get_args(Obstacle)
"""Why `value` plans for a home that has a version in use."""


@dataclass(frozen=True, eq=False)
class Champion:
    """The version that plans for a home, with what the home takes of it.

    Attributes:
        model: reference of the version, as MLflow names it.
        identity: content hash of its bundle.
        policy: the policy, whole.
        adaptation: what the home takes.
    """

    model: str
    identity: str
    policy: LearnedPolicy
    adaptation: Adaptation

    @property
    def alike(self) -> Hashable:
        """Return what homes have to agree in to be decided for together."""
        return self.identity, self.adaptation.follows

    @property
    def weight_rules(self) -> WeightRules:
        """Return the rules by which the home weighs scenarios."""
        return self.policy.weight_rules if self.adaptation.follows else NAIVE


@dataclass(frozen=True)
class PassedOver:
    """A version that should plan for a home and does not.

    Attributes:
        model: reference of the version; empty where not even the pointer can be read.
        obstacle: why.
        details: the same in words; empty where the obstacle says all.
        failure: what failed where the version itself may well be right: its store, or this machine's disk.
    """

    model: str
    obstacle: Obstacle
    details: str = ""
    failure: Exception | None = None


@dataclass(frozen=True)
class _Version:
    """A bundle that was opened."""

    bundle: Bundle
    policy: LearnedPolicy
    adaptations: Adaptations | None
    needs_aurora: bool


class Champions:
    """The versions of a fleet's homes, as the pointer named them when this was made.

    Args:
        models: the fleet's models.
    """

    def __init__(self, models: FleetModels) -> None:
        self._models, self._pointer = models, FleetPointer()
        self._problem: Exception | None = None
        self._versions: dict[str, _Version | Exception] = {}
        self._kinds: dict[int, tuple[SiteSettings, str, str]] = {}  # holds the settings, so that no id is used again
        try:
            self._pointer = models.pointer()
        except DarkstarError as error:
            self._problem = error

    def of(self, site: str, settings: SiteSettings) -> Champion | PassedOver | None:
        """Return the version that plans for a home, or why it does not; None where none is in use.

        Args:
            site: name of the home.
            settings: of the home; homes that are alike share them.
        """
        if self._problem is not None:
            return _unreadable("", self._problem)
        if not self._pointer.classes and not self._pointer.own:
            return None
        class_name, tariff = self._kind(settings)
        found = policy_for(self._pointer, site, class_name)
        return None if found is None else self._taken(found, tariff)

    def _taken(self, found: HomePolicy, tariff: str) -> Champion | PassedOver:
        """Return a version as its home takes it, or why it does not."""
        model = f"{MODEL_REFERENCE}{found.model}/{found.ref.version}"
        version = self._version(found)
        if isinstance(version, Exception):
            return _unreadable(model, version)
        if version.bundle.manifest.tariff not in ("", tariff):
            return PassedOver(model, "unreadable", "it was trained under another tariff than the home has")
        if version.needs_aurora:
            return PassedOver(model, "aurora")
        taken = WHOLE if version.adaptations is None else version.adaptations.of(found.site)
        return Champion(model, found.ref.identity, version.policy, taken)

    def _kind(self, settings: SiteSettings) -> tuple[str, str]:
        """Return the class of a home and its tariff's fingerprint, worked out once for homes that are alike."""
        key = id(settings)
        if key not in self._kinds:
            self._kinds[key] = (settings, class_of(settings), tariff_version(settings))
        return self._kinds[key][1:]

    def _version(self, found: HomePolicy) -> _Version | Exception:
        """Return a version, or why it cannot be used."""
        identity = found.ref.identity
        if identity not in self._versions:
            try:
                self._versions[identity] = self._opened(found)
            except MISTAKES as error:  # whatever a bundle or its store raises, `value` plans
                _log.warning("%s cannot be opened", identity, exc_info=True)
                self._versions[identity] = error
        return self._versions[identity]

    def _opened(self, found: HomePolicy) -> _Version:
        bundle = self._models.bundle(found.ref)
        policy = opened(found.source, bundle, found.ref.version).policy
        aurora = policy.weight_rules.forecast_share > 0 and embedded_aurora(bundle) is not None
        return _Version(bundle, policy, adaptations_of(bundle), aurora)


def _unreadable(model: str, error: Exception) -> PassedOver:
    words = " ".join(str(error).split()) or type(error).__name__
    return PassedOver(model, "unreadable", words, error if isinstance(error, (OutsideServiceError, OSError)) else None)
