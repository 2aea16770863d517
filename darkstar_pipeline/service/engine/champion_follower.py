"""Follows the champion: what the registry's pointer names is loaded beside the old one, and takes its place when whole.

A version that fails to load, or does not fit the site's tariff or this version's state, leaves the old one in place and
says so; the old one itself gives way where the tariff changed under it.
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

Signature = tuple[str, int, int, int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FollowerState:
    """What is in use, and what should be.

    Attributes:
        active: the policy that plans are made with, or the reason why there is none.
        model: the version of that policy; None where the value function decides.
        wanted_version: version that the champion pointer names; None where it names none.
        problem: why the wanted version is not in use; empty where it is.
    """

    active: ActivePolicy = field(default_factory=ActivePolicy)
    model: ModelInfo | None = None
    wanted_version: int | None = None
    problem: str = ""


class ChampionFollower:
    """Keeps the version in use loaded; asked by one thread, read by any."""

    def __init__(self) -> None:
        self.state = FollowerState()
        self._seen: Signature | None = None
        self._tariff = ""
        self._before: FollowerState | None = None

    def follow(self, context: Context) -> bool:
        """Look at the pointer, and load what it names where it has moved.

        Returns:
            Whether what plans are made with has changed.
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
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a version, the old one stays
            self.state = _kept(before, folder, f"{_told(error)}", forget=moved_tariff and before.model is not None)
            _log.warning("the promoted version cannot be used: %s", self.state.problem)
        return self.state.active is not before.active

    def confirm(self) -> None:
        """The version in use has planned: what was wrong with it is over."""
        if (
            self.state.problem
            and self.state.model is not None
            and self.state.model.version == self.state.wanted_version
        ):
            self.state = replace(self.state, problem="")

    def revert(self, why: str) -> bool:
        """The version in use was loaded and could not plan: take the one before, where there is one.

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
    """What the pointer names, loaded."""
    champion = load_champion(context)
    if champion is None:
        return FollowerState(ActivePolicy(None, NO_CHAMPION))
    pointer = champion.pointer
    policy = opened("champion", champion.bundle, pointer.version)
    told = ModelInfo(
        name=pointer.model,
        version=pointer.version,
        kind=champion.bundle.manifest.kind,
        identity=champion.bundle.identity,
        promoted_at=pointer.at,
    )
    return FollowerState(ActivePolicy(policy, ""), told, pointer.version)


def _kept(before: FollowerState, folder: Path, problem: str, *, forget: bool) -> FollowerState:
    """What stays in use; nothing where the old version no longer fits either."""
    if forget or before.active.policy is None:
        return FollowerState(ActivePolicy(None, problem), None, _wanted(folder), problem)
    return FollowerState(before.active, before.model, _wanted(folder), problem)


def _wanted(folder: Path) -> int | None:
    """The version that the pointer names, as far as it can be read."""
    try:
        pointer = read_pointer(folder)
    except (DarkstarError, OSError):
        return None
    return None if pointer is None else pointer.version


def _told(error: Exception) -> str:
    """An error in a sentence."""
    if isinstance(error, DarkstarError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return str(error) or type(error).__name__
