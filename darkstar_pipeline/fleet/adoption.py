"""The row of a home that comes into the fleet: added once, never in the place of another home."""

from pathlib import Path
from typing import Any

import polars as pl

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA, SITE
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import change_homes, read_homes


def refuse_foreign_home(settings: Settings, home: Path, row: dict[str, Any]) -> None:
    """Refuse a name that stands for another home already, so that no two homes' days are mixed.

    Args:
        settings: the fleet's configuration.
        home: its state folder.
        row: cells of the home by column.

    Raises:
        ConfigurationError: the name is a site of the configuration, or a home of the fleet with other settings.
    """
    site = row[SITE]
    if site in settings.sites:
        message = f"{site} stands under sites of the fleet's own configuration"
        raise ConfigurationError(message, "take it out there, or give the fleet a configuration of its own")
    _with_row(read_homes(home), row)


def add_row(home: Path, row: dict[str, Any]) -> None:
    """Add the row of a home to the fleet, unless it stands there.

    Raises:
        ConfigurationError: another home has its name.
    """
    change_homes(home, lambda rows: _with_row(rows, row))


def _with_row(rows: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame | None:
    """Return the homes with one more; None where it is among them."""
    added = pl.DataFrame([row], schema=HOMES_SCHEMA)
    stored = rows.filter(pl.col(SITE) == row[SITE])
    if stored.is_empty():
        return pl.concat([rows, added])
    if stored.equals(added):
        return None
    differing = ", ".join(name for name in HOMES_SCHEMA if not stored[name].equals(added[name]))
    message = f"{row[SITE]} is a home of the fleet with another {differing}"
    raise ConfigurationError(
        message, "if it is the same home, change its row first (darkstar fleet import), else rename one of the two"
    )
