"""The row of a fleet that gives the very settings that a home of its own has; what no row can say is refused."""

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any, cast

from darkstar_pipeline.config.fleet.columns import CLASS_KINDS, HOME_COLUMNS, SITE, TENANT, ClassKind
from darkstar_pipeline.config.fleet.rows import class_section, classes_of, row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError

OF_ITS_OWN_SERVICE: frozenset[str] = frozenset(("service", "home_assistant", "notifications", "language"))
"""Sections that only a home's own planner reads: they stay with it."""


def row_of_home(fleet: FleetSettings, site: str, tenant: str, settings: SiteSettings) -> dict[str, Any]:
    """Return the cells of a home by column; those that the fleet's defaults give are empty.

    Args:
        fleet: what the fleet's homes share.
        site: name of the home.
        tenant: its tenant.
        settings: the settings that it has of its own.

    Raises:
        ConfigurationError: the fleet has no class with its tariff, devices or sources, or a setting that has no column
            is another than the fleet's.
    """
    classes = {kind: _class_name(fleet, kind, settings) for kind in CLASS_KINDS}
    area = {"area": settings.area}
    usual = row_settings(fleet, area)
    cells = {
        name: _at(settings, column.place)
        for name, column in HOME_COLUMNS.items()
        if name == "area" or _at(settings, column.place) != _at(usual, column.place)
    }
    row = {SITE: site, TENANT: tenant, **cells, **classes}
    _refuse_other_settings(site, settings, row_settings(fleet, row))
    return row


def _class_name(fleet: FleetSettings, kind: ClassKind, settings: SiteSettings) -> str | None:
    """Return the class that says what a home says; None where the fleet's defaults do."""
    area, wanted = {"area": settings.area}, getattr(settings, kind)
    if getattr(row_settings(fleet, area), kind) == wanted:
        return None
    for name in classes_of(fleet, kind):
        if getattr(row_settings(fleet, {**area, kind: name}), kind) == wanted:
            return name
    section = class_section(kind)
    message = f"the fleet has no {section} like the home's {kind} (price area {settings.area})"
    written = json.dumps(settings.model_dump(mode="json", include={kind}, exclude_defaults=True).get(kind, []))
    raise ConfigurationError(message, f"add it under fleet.{section} of darkstar.yaml, with a name: `NAME: {written}`")


def _refuse_other_settings(site: str, own: SiteSettings, made: SiteSettings) -> None:
    """Refuse settings that would be others in the fleet, since the home's results would be.

    Raises:
        ConfigurationError: naming them.
    """
    before, after = (each.model_dump(mode="json", exclude=set(OF_ITS_OWN_SERVICE)) for each in (own, made))
    if differing := [f"{place} ({old}, in the fleet {new})" for place, old, new in _differences(before, after)]:
        message = f"{site} has settings that no column of a fleet holds: {', '.join(differing)}"
        raise ConfigurationError(message, "set them under fleet.defaults for all homes, or take them out of the home's")


def _differences(old: object, new: object, place: str = "") -> Iterator[tuple[str, object, object]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = cast("Mapping[str, object]", old), cast("Mapping[str, object]", new)
        for key in sorted({*before, *after}):
            yield from _differences(before.get(key), after.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield place, old, new


def _at(settings: SiteSettings, place: tuple[str, ...]) -> object:
    """Return a setting by its place."""
    return reduce(getattr, place, cast("Any", settings))
