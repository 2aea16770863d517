"""One row of a fleet's homes as the settings of a site: the same that a section of `darkstar.yaml` would give."""

from collections.abc import Mapping
from typing import Any, cast

from darkstar_pipeline.config.base import SettingError
from darkstar_pipeline.config.fleet.columns import CLASS_KINDS, HOME_COLUMNS, ClassKind
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.site import SiteSettings

Row = Mapping[str, Any]
"""Cells by column; those that are missing or None take the fleet's default."""


def row_settings(fleet: FleetSettings, row: Row) -> SiteSettings:
    """Return the settings of a home.

    Args:
        fleet: what the homes share.
        row: the home.

    Raises:
        SettingError: the row names a class that is not in the fleet's settings.
        ValidationError: the settings are wrong, as they would be in `darkstar.yaml`.
    """
    return SiteSettings.model_validate(row_values(fleet, row))


def row_values(fleet: FleetSettings, row: Row) -> dict[str, Any]:
    """Return what a section of `darkstar.yaml` would hold for a home: the row over its classes over the defaults.

    Raises:
        SettingError: see `row_settings`.
    """
    values = fleet.defaults.model_dump(exclude_unset=True)
    for kind in CLASS_KINDS:
        if (name := row.get(kind)) is not None:
            values[kind] = class_values(fleet, kind, name)
    for column in HOME_COLUMNS.values():
        if (cell := row.get(column.name)) is not None:
            _put(values, column.place, cell)
    return values


def class_values(fleet: FleetSettings, kind: ClassKind, name: str) -> object:
    """Return what was written for a class.

    Raises:
        SettingError: there is none of that name.
    """
    known = classes_of(fleet, kind)
    if name not in known:
        section = f"fleet.{class_section(kind)}"
        names = ", ".join(sorted(known)[:8]) or "none"
        raise SettingError((kind,), f"{name!r} is not under {section} of darkstar.yaml: there are {names}")
    found = known[name]
    if isinstance(found, tuple):
        return [version.model_dump(exclude_unset=True) for version in cast("tuple[Any, ...]", found)]
    return found.model_dump(exclude_unset=True)


def classes_of(fleet: FleetSettings, kind: ClassKind) -> Mapping[str, Any]:
    """Return the classes of a kind by name."""
    return getattr(fleet, class_section(kind))


def class_section(kind: ClassKind) -> str:
    """Return the section of the fleet's settings that holds the classes of a kind."""
    return "tariffs" if kind == "tariff" else kind


def _put(values: dict[str, Any], place: tuple[str, ...], cell: object) -> None:
    """Set a value at its place; sections on the way are made."""
    for key in place[:-1]:
        values = values.setdefault(key, {})
    values[place[-1]] = cell
