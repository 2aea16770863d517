"""The context of a command or an asset: the configuration, one site of it, and where its state lives.

What does not belong here: anything that reads or writes the lake, or decides anything.
"""

from dataclasses import dataclass
from pathlib import Path

from darkstar_pipeline.config.settings import Settings, home_dir, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.state.migrations import migrate_state
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.tables import Tables
from env.site import Site

LAKE_FOLDER = "lake"
QUARANTINE_FOLDER = "quarantine"
PICTURES_FOLDER = "pictures"
DAGSTER_FOLDER = "dagster"
MLFLOW_FOLDER = "mlflow"


@dataclass(frozen=True, kw_only=True)
class Context:
    """One site and its state folder.

    Attributes:
        settings: the whole configuration.
        site_name: the site that is meant.
        site_settings: its part of the configuration.
        site: the same home in the types the rooms compute with.
        lake: the tables of every site; of a fleet's home its own alone.
        home: the state folder.
    """

    settings: Settings
    site_name: str
    site_settings: SiteSettings
    site: Site
    lake: Tables
    home: Path

    @property
    def timezone(self) -> str:
        """The IANA zone whose calendar days are the site's days."""
        return self.site_settings.timezone

    @property
    def quarantine(self) -> Path:
        """Folder of refused rows."""
        return self.home / QUARANTINE_FOLDER

    @property
    def pictures(self) -> Path:
        """Folder of drawn days."""
        return self.home / PICTURES_FOLDER


def open_context(site: str | None = None, *, settings: Settings | None = None, home: Path | None = None) -> Context:
    """The context of a site, read from `DARKSTAR_CONFIG` and `DARKSTAR_HOME` unless given.

    Args:
        site: name of the site, or of a home of the fleet; None is the only site, or the default.
        settings: configuration to use instead of the file's.
        home: state folder to use instead of the environment's.

    Raises:
        ConfigurationError: the configuration is missing or wrong, no site can be chosen, the fleet has a home of the
            site's name too, or a newer release made the state folder.
    """
    folder = home_dir() if home is None else home
    chosen = with_fleet_home(load_settings() if settings is None else settings, site, folder)
    name = chosen.site_name(site)
    if chosen.fleet is not None and not chosen.is_of_fleet(name):
        from darkstar_pipeline.fleet.homes_file import refuse_second_home

        refuse_second_home(chosen, folder, name)
    migrate_state(folder)
    return Context(
        settings=chosen,
        site_name=name,
        site_settings=chosen.sites[name],
        site=chosen.sites[name].site(name),
        lake=tables_of(chosen, folder, name),
        home=folder,
    )


def tables_of(settings: Settings, home: Path, site: str) -> Tables:
    """Return the tables that hold a site: those of single homes, or its own in the fleet.

    Args:
        settings: the whole configuration, with the site among its sites (see `with_fleet_home`).
        home: the state folder.
        site: name of the site, or of a home of the fleet.
    """
    if not settings.is_of_fleet(site):
        return Lake(home / LAKE_FOLDER)
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.fleet.lake import fleet_lake

    return fleet_lake(fleet_of(settings), home).site(site)


def with_fleet_home(settings: Settings, site: str | None, home: Path) -> Settings:
    """Return the configuration with a home of the fleet among its sites, where that is the site that is named.

    Args:
        settings: the whole configuration.
        site: name of a site or of a home of the fleet; None where none was named.
        home: the state folder.

    Raises:
        ConfigurationError: there is a fleet, and neither it nor the configuration has the site.
    """
    if site is None or settings.fleet is None or site in settings.sites:
        return settings
    from darkstar_pipeline.fleet.homes_file import home_of_fleet

    return settings.with_home_of_fleet(site, home_of_fleet(settings, home, site))
