"""A home's version: its own champion, else its class's canary where it is drawn for it, else its class's champion."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.classes import PREFIX
from darkstar_pipeline.models.fleet.pointer import FleetPointer
from darkstar_pipeline.models.version import registered_name

Source = Literal["own", "canary", "champion"]
_WHOLE = 2**64


@dataclass(frozen=True, kw_only=True)
class HomePolicy:
    """The version that plans for a home.

    Attributes:
        site: name of the home.
        class_name: its class.
        source: whether it is the home's own, its class's canary, or its class's champion.
        ref: number, identity and place of the version.
    """

    site: str
    class_name: str
    source: Source
    ref: VersionRef

    @property
    def model(self) -> str:
        """The name of the registered model in MLflow."""
        return registered_name(self.site if self.source == "own" else f"{PREFIX}{self.class_name}")


def policy_for(pointer: FleetPointer, site: str, class_name: str) -> HomePolicy | None:
    """Return the version that plans for a home; None where there is none, so that `value` decides.

    Args:
        pointer: the fleet's pointer, read once for any number of homes.
        site: name of the home.
        class_name: its class (`classes.class_of`).
    """
    if (own := pointer.own.get(site)) is not None:
        return HomePolicy(site=site, class_name=class_name, source="own", ref=own)
    models = pointer.classes.get(class_name)
    if models is None:
        return None
    if models.canary is not None and is_drawn(site, class_name, models.canary.ref.version, models.canary.share):
        return HomePolicy(site=site, class_name=class_name, source="canary", ref=models.canary.ref)
    if models.champion is None:
        return None
    return HomePolicy(site=site, class_name=class_name, source="champion", ref=models.champion)


def is_drawn(site: str, class_name: str, version: int, share: float) -> bool:
    """Return whether a home runs a canary: the same on every machine, for another version other homes.

    A larger share keeps the homes of a smaller one.

    >>> [is_drawn(f"home{number}", "sek-pv", 2, 0.3) for number in range(6)]
    [True, False, False, True, False, False]
    """
    return _draw(site, class_name, version) < share * _WHOLE


def share_of_at_least(n_homes: int, sites: Iterable[str], class_name: str, version: int) -> float:
    """Return the least share of a class that draws so many of its homes; 1 where it has no more than these.

    >>> share = share_of_at_least(2, [f"home{number}" for number in range(6)], "sek-pv", 2)
    >>> [is_drawn(f"home{number}", "sek-pv", 2, share) for number in range(6)]
    [True, False, False, True, False, False]
    """
    draws = sorted(_draw(site, class_name, version) for site in sites)
    return 1.0 if len(draws) <= n_homes else (draws[n_homes - 1] + draws[n_homes]) / 2 / _WHOLE


def _draw(site: str, class_name: str, version: int) -> int:
    drawn = blake2b(f"{class_name}/{version}/{site}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big")
