"""Homes as a plan needs to know them, made once for those whose settings are alike."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.errors import ConfigurationError
from env.site import Site
from planner.value.protocol import Protocol


@dataclass(frozen=True, eq=False)
class HomeClass:
    """Homes whose settings are the same.

    Attributes:
        site: the home; its name is any one's.
        protocol: start and settlement.
        settings: as they are configured.
    """

    site: Site
    protocol: Protocol
    settings: SiteSettings

    @property
    def alike(self) -> tuple[object, ...]:
        """Return what homes have to agree in to be planned together, whatever their prices are."""
        return self.site.battery, self.site.limits, self.site.care, self.protocol, self.site.timezone

    def named(self, name: str) -> Site:
        """Return the home of that name."""
        return replace(self.site, name=name)


def home_classes(homes: Mapping[str, SiteSettings]) -> dict[str, HomeClass]:
    """Return the class of each home; homes whose settings are one object share it."""
    made: dict[int, HomeClass] = {}
    found: dict[str, HomeClass] = {}
    for name, settings in homes.items():
        if id(settings) not in made:
            site = settings.site(name)
            made[id(settings)] = HomeClass(site, protocol_of(settings, site.battery), settings)
        found[name] = made[id(settings)]
    return found


def readable_homes(homes: Mapping[str, SiteSettings]) -> tuple[dict[str, SiteSettings], dict[str, str]]:
    """Return the settings of homes, and of those whose settings are wrong what is wrong with them."""
    found: dict[str, SiteSettings] = {}
    wrong: dict[str, str] = {}
    for name in homes:
        try:
            found[name] = homes[name]
        except ConfigurationError as error:
            wrong[name] = error.message
    return found, wrong
