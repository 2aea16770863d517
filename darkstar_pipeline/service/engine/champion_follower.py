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
from darkstar_pipeline.models.names import model_folder, registered_name
from darkstar_pipeline.planning.plan_sources import NO_CHAMPION, Seated
from darkstar_pipeline.policies.trained import opened
from darkstar_pipeline.service.schemas import ModelTold
from darkstar_pipeline.state.atomic_files import file_identity

Signature = tuple[str, int, int, int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Following:
    """What is in use, and what should be.

    Attributes:
        seated: what plans are made with.
        told: the same for people; None where the value function decides.
        wanted: version that the pointer names; None for none.
        problem: why the wanted one is not in use; empty where it is.
    """

    seated: Seated = field(default_factory=Seated)
    told: ModelTold | None = None
    wanted: int | None = None
    problem: str = ""


class ChampionFollower:
    """Keeps the version in use loaded; asked by one thread, read by any."""

    def __init__(self) -> None:
        self.now = Following()
        self._seen: Signature | None = None
        self._tariff = ""
        self._before: Following | None = None

    def follow(self, context: Context) -> bool:
        """Look at the pointer, and load what it names where it has moved.

        Returns:
            Whether what plans are made with has changed.
        """
        folder, tariff = (
            model_folder(context, registered_name(context.site_name)),
            tariff_version(context.site_settings),
        )
        seen = (tariff, *file_identity(folder / POINTER))
        if seen == self._seen:
            return False
        before, moved_tariff = self.now, tariff != self._tariff
        self._seen, self._tariff = seen, tariff
        self._before = before if before.told is not None and not moved_tariff else None
        try:
            self.now = _loaded(context)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a version, the old one stays
            self.now = _kept(before, folder, f"{_told(error)}", forget=moved_tariff and before.told is not None)
            _log.warning("the promoted version cannot be used: %s", self.now.problem)
        return self.now.seated is not before.seated

    def planned(self) -> None:
        """The version in use has planned: what was wrong with it is over."""
        if self.now.problem and self.now.told is not None and self.now.told.version == self.now.wanted:
            self.now = replace(self.now, problem="")

    def go_back(self, why: str) -> bool:
        """The version in use was loaded and could not plan: take the one before, where there is one.

        Returns:
            Whether plans are now made with another version.
        """
        failed, before = self.now, self._before
        self._before = None
        if before is None:
            self.now = replace(failed, problem=why)
            return False
        self.now = replace(before, wanted=failed.wanted, problem=why)
        return True


def _loaded(context: Context) -> Following:
    """What the pointer names, loaded."""
    champion = load_champion(context)
    if champion is None:
        return Following(Seated(None, NO_CHAMPION))
    pointer = champion.pointer
    policy = opened("champion", champion.bundle, pointer.version)
    told = ModelTold(
        name=pointer.model,
        version=pointer.version,
        kind=champion.bundle.manifest.kind,
        identity=champion.bundle.identity,
        promoted_at=pointer.at,
    )
    return Following(Seated(policy, ""), told, pointer.version)


def _kept(before: Following, folder: Path, problem: str, *, forget: bool) -> Following:
    """What stays in use; nothing where the old version no longer fits either."""
    if forget or before.seated.policy is None:
        return Following(Seated(None, problem), None, _wanted(folder), problem)
    return Following(before.seated, before.told, _wanted(folder), problem)


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
