"""The file of a fleet's homes, `<state>/fleet/homes.parquet`: replaced whole or not at all."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA, SITE
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.state.atomic_files import FileIdentity, file_identity
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.warehouse.checksums import parquet_bytes
from darkstar_pipeline.warehouse.day_files import UNREADABLE, decoded
from planner.artifacts.atomic_files import atomic_file
from planner.wording.counts import counted

_log = logging.getLogger(__name__)
_NO_FILE: FileIdentity = (0, 0, 0)
FLEET_FOLDER, _HOMES_FILE, _LOCK = "fleet", "homes.parquet", ".homes.lock"


def fleet_of(settings: Settings) -> FleetSettings:
    """Return the fleet's settings.

    Raises:
        ConfigurationError: there are none.
    """
    if settings.fleet is None:
        hint = "add `fleet: {}` to it and run `darkstar fleet import HOMES.csv`; docs/fleet.md begins there"
        raise ConfigurationError("the configuration has no fleet", hint)
    return settings.fleet


def open_homes(settings: Settings, home: Path) -> FleetHomes:
    """Return the homes of a fleet; none where no file was imported.

    Args:
        settings: the whole configuration.
        home: the state folder.

    Raises:
        ConfigurationError: the configuration has no fleet, or the file cannot be read.
    """
    homes = FleetHomes(fleet_of(settings), read_homes(home))
    for name in settings.sites:
        if name in homes and not settings.is_of_fleet(name):
            _tell_once(f"{_stands_twice(name)}; the fleet goes by its row")
    return homes


def refuse_second_home(settings: Settings, home: Path, site: str) -> None:
    """Refuse a site that the fleet has a home of the same name of: nobody knows which of them is meant.

    Where the fleet's file cannot be read, the site is taken for what it is; the fleet's own commands tell of the file.

    Args:
        settings: the whole configuration.
        home: the state folder.
        site: a name under `sites`.

    Raises:
        ConfigurationError: both have it.
    """
    path = homes_path(home)
    if settings.fleet is None or not _has(path, file_identity(path), site):
        return
    hint = "take its section out of darkstar.yaml, or its row out of the fleet (darkstar fleet import HOMES.csv "
    raise ConfigurationError(_stands_twice(site), hint + "--remove-missing, with a file of the homes that stay)")


def _stands_twice(site: str) -> str:
    return f"{site} stands under sites of darkstar.yaml and among the homes of the fleet, whose tables are others"


@lru_cache(maxsize=256)
def _has(path: Path, identity: FileIdentity, site: str) -> bool:
    """Return whether a file of homes has one; of a million homes' only the part is read that may have it."""
    if identity == _NO_FILE:
        return False
    try:
        found = pl.scan_parquet(path).select(SITE).filter(pl.col(SITE) == site).collect()
    except (*UNREADABLE, OSError):
        _log.warning("%s cannot be read, so whether %s is a home of the fleet is not known", path, site)
        return False
    return found.height > 0


@lru_cache(maxsize=256)
def _tell_once(words: str) -> None:
    """Log words, once in a process: a service reads its homes every few seconds."""
    _log.warning(words)


def home_of_fleet(settings: Settings, home: Path, site: str) -> SiteSettings:
    """Return the settings of a home of a fleet.

    Raises:
        ConfigurationError: there is none of that name, or its settings are wrong by now.
    """
    homes = open_homes(settings, home)
    try:
        return homes[site]
    except KeyError as error:
        message = f"site {site!r} is neither under sites nor among the fleet's {counted(len(homes), 'home')}"
        raise ConfigurationError(message, "list them: darkstar fleet homes") from error


def homes_path(home: Path) -> Path:
    """Return the file of homes in a state folder, whether or not it exists."""
    return home / FLEET_FOLDER / _HOMES_FILE


def read_homes(home: Path) -> pl.DataFrame:
    """Return the rows of the homes, of `HOMES_SCHEMA`; no rows where there is no file.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    path = homes_path(home)
    try:
        return _conformed(decoded([path.read_bytes()]))
    except FileNotFoundError:
        return pl.DataFrame(schema=HOMES_SCHEMA)
    except (*UNREADABLE, OSError) as error:
        reason = " ".join(str(error).split())
        hint = "restore it from a backup, or move it away and import the homes again: darkstar fleet import FILE"
        raise ConfigurationError(f"{path} cannot be read: {reason}", hint) from error


def _conformed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `HOMES_SCHEMA`; columns that a file of an older release lacks are null."""
    later = [pl.lit(None, dtype).alias(name) for name, dtype in HOMES_SCHEMA.items() if name not in rows.columns]
    return rows.with_columns(later).select(HOMES_SCHEMA.names()).cast(dict(HOMES_SCHEMA))  # pyright: ignore[reportArgumentType]


def change_homes(home: Path, change: Callable[[pl.DataFrame], pl.DataFrame | None]) -> None:
    """Replace the homes by what `change` makes of them; other processes that change them wait meanwhile.

    Args:
        home: the state folder.
        change: given the rows, returns all rows that are to stand there; None where nothing changes.
    """
    path = homes_path(home)
    with hold_lock(path.parent / _LOCK):
        rows = change(read_homes(home))
        if rows is not None:
            with atomic_file(path) as temporary:
                temporary.write_bytes(parquet_bytes(rows.sort(SITE)))
