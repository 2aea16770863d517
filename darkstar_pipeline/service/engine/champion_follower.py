"""Follow the champion: the version that the registry's pointer names is loaded, and replaces the old one if usable.

If a version fails to load, or does not fit the site's tariff or this release's state layout, the old one stays in use
and the problem is reported; the old one is dropped if the tariff has changed.
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.models.champion_pointer import POINTER, load_champion, read_pointer
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.planning.plan_sources import NO_CHAMPION, ActivePolicy
from darkstar_pipeline.policies.trained import opened
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.state.atomic_files import file_identity
from planner.fault_isolation import MISTAKES

Signature = tuple[str, int, int, int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowerState:
    """The version in use and the version that should be.

    Attributes:
        active: the policy in use, or the reason why there is none.
        model: the version of that policy; None if the value function decides.
        wanted_version: version that the champion pointer names; None if it names none.
        problem: reason why the wanted version is not in use; empty if it is.
    """

    active: ActivePolicy = field(default_factory=ActivePolicy)
    model: ModelInfo | None = None
    wanted_version: int | None = None
    problem: str = ""


class ChampionFollower:
    """Keeps the version in use loaded; updated by one thread, read by any."""

    def __init__(self) -> None:
        self.state = FollowerState()
        self._seen: Signature | None = None
        self._tariff = ""
        self._before: FollowerState | None = None

    def follow(self, context: Context) -> bool:
        """Load the version that the pointer names if the pointer has changed.

        Returns:
            Whether the policy in use has changed.
        """
        folder, tariff = RegisteredModel.of(context).folder, tariff_version(context.site_settings)
        seen = (tariff, *file_identity(folder / POINTER))
        if seen == self._seen:
            return False
        before, moved_tariff = self.state, tariff != self._tariff
        self._seen, self._tariff = seen, tariff
        self._before = before if before.model is not None and not moved_tariff else None
        try:
            self.state = _loaded(context)
        except MISTAKES as error:  # whatever is wrong with a version, the old one stays
            self.state = _kept(before, folder, _sentence(error), forget=moved_tariff and before.model is not None)
            _log.warning("the promoted version cannot be used: %s", self.state.problem)
        return self.state.active is not before.active

    def confirm(self) -> None:
        """Clear the problem: the version in use has made a plan."""
        if (
            self.state.problem
            and self.state.model is not None
            and self.state.model.version == self.state.wanted_version
        ):
            self.state = replace(self.state, problem="")

    def revert(self, why: str) -> bool:
        """Go back to the version before, if there is one: the version in use could not plan.

        Returns:
            Whether plans are now made with another version.
        """
        failed, before = self.state, self._before
        self._before = None
        if before is None:
            self.state = replace(failed, problem=why)
            return False
        self.state = replace(before, wanted_version=failed.wanted_version, problem=why)
        return True


def _loaded(context: Context) -> FollowerState:
    """Load the version that the pointer names."""
    champion = load_champion(context)
    if champion is None:
        return FollowerState(ActivePolicy(None, NO_CHAMPION))
    pointer = champion.pointer
    policy = opened("champion", champion.bundle, pointer.version)
    model = ModelInfo(
        name=pointer.model,
        version=pointer.version,
        kind=champion.bundle.manifest.kind,
        identity=champion.bundle.identity,
        promoted_at=pointer.at,
    )
    return FollowerState(ActivePolicy(policy, ""), model, pointer.version)


def _kept(before: FollowerState, folder: Path, problem: str, *, forget: bool) -> FollowerState:
    """Return the state with the old version; with none if that no longer fits either."""
    if forget or before.active.policy is None:
        return FollowerState(ActivePolicy(None, problem), None, _wanted(folder), problem)
    return FollowerState(before.active, before.model, _wanted(folder), problem)


def _wanted(folder: Path) -> int | None:
    """Return the version that the pointer names; None if it cannot be read."""
    try:
        pointer = read_pointer(folder)
    except (DarkstarError, OSError):
        return None
    return None if pointer is None else pointer.version


def _sentence(error: Exception) -> str:
    """Return an error as a sentence."""
    if isinstance(error, DarkstarError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return str(error) or type(error).__name__
