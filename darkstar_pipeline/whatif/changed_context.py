"""The context of a what-if: the site with its changes, over a lake that is read with them."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from darkstar_pipeline.config.checks.doubts import doubts
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.sources.prices import read_prices
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from darkstar_pipeline.whatif.changed_lake import ChangedLake
from darkstar_pipeline.whatif.changes import Changes, Relaxation
from darkstar_pipeline.whatif.settings_changes import changed_settings, differences
from env.site import Site
from planner.whatif.export_bounds import BoundedExport


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """A site and what it would be.

    Attributes:
        site: the context as it is.
        changed: the context as it would be; its lake refuses to be written.
        changes: what was changed.
        rows: `setting, before, after` of each change, of settings and of the house.
        doubts: what is allowed and seldom meant.
    """

    site: Context
    changed: Context
    changes: Changes
    rows: list[dict[str, Any]]
    doubts: list[str]

    @property
    def relaxed(self) -> list[str]:
        """Return what is not the home's own economics; empty where all is."""
        return self.changes.relaxation.words()


def what_if(context: Context, changes: Changes) -> WhatIf:
    """Return a site beside what it would be with changes.

    Args:
        context: the site; it is left as it is.
        changes: settings, area, house and relaxation.

    Raises:
        ConfigurationError: a setting or a bound is wrong; the message names every wrong setting.
        DataMissingError: there are no prices of another area.
        DataRefusedError: the file of prices cannot be used.
    """
    settings = changed_settings(context.site_settings, context.site_name, changes.every_setting)
    prices = _prices(context, changes, settings.area)
    whole = context.settings.model_copy(update={"sites": {**context.settings.sites, context.site_name: settings}})
    lake = ChangedLake(
        context.lake,
        context.timezone,
        house=changes.house,
        prices=prices,
        stored_results=changes.house.is_none and prices is None and _bounds(changes.relaxation) is None,
    )
    changed = replace(
        context,
        settings=whole,
        site_settings=settings,
        site=_bounded(settings.site(context.site_name), changes.relaxation),
        lake=lake,
    )
    rows = differences(context.site_settings, settings) + _house_rows(changes)
    return WhatIf(site=context, changed=changed, changes=changes, rows=rows, doubts=doubts(settings))


def own_economics(case: WhatIf) -> Context:
    """Return the changed context with the site's own economics: to price what relaxed ones decided."""
    if case.changes.relaxation.is_none:
        return case.changed
    return what_if(case.site, replace(case.changes, relaxation=Relaxation())).changed


def _bounds(relaxation: Relaxation) -> tuple[float | None, float | None] | None:
    bounds = relaxation.least_export, relaxation.most_export
    return None if bounds == (None, None) else bounds


def _bounded(site: Site, relaxation: Relaxation) -> Site:
    """Return the site with its bounds of the export price.

    Raises:
        ConfigurationError: the lower one is above the upper one.
    """
    bounds = _bounds(relaxation)
    if bounds is None:
        return site
    least, most = bounds
    if least is not None and most is not None and least > most:
        raise ConfigurationError(f"an export price of at least {least:g} is not at most {most:g}", "swap the two")
    return replace(site, tariff=BoundedExport(site.tariff.versions, least=least, most=most))


def _house_rows(changes: Changes) -> list[dict[str, Any]]:
    """Return the changes of the house in the form of those of settings."""
    house = changes.house
    scaled = [
        {"setting": name, "before": 1.0, "after": factor}
        for name, factor in (("load_scale", house.load_scale), ("pv_scale", house.pv_scale))
        if factor != 1
    ]
    added = [
        {"setting": "added_load", "before": None, "after": f"{load.kw:g} kW {_clock(load.start_minute)}–{end}"}
        for load in house.added
        if (end := _clock(load.end_minute))
    ]
    return [*scaled, *added]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _prices(context: Context, changes: Changes, area: str) -> pl.DataFrame | None:
    """Return the prices of another area, by a file or by another site of it; None where the site's own stay.

    Raises:
        DataMissingError: there are none.
    """
    if changes.prices is not None:
        settings = context.site_settings.model_copy(update={"area": area})
        parsed = read_prices(changes.prices, site=settings, area=area, now=datetime.now(UTC))
        return parsed.rows.select("slot_start", "price")
    if area == context.site_settings.area:
        return None
    for name, other in context.settings.sites.items():
        if name != context.site_name and (other.area, other.currency) == (area, context.site_settings.currency):
            return stored_prices(context, name)
    raise DataMissingError(
        f"there are no prices of {area}: no site of darkstar.yaml is there",
        "give them with --prices FILE, or add a site of that area and `darkstar fetch prices` for it",
        subject="prices",
    )


def stored_prices(
    context: Context, site_name: str, first: date | None = None, last: date | None = None
) -> pl.DataFrame:
    """Return the prices that the lake has of a site, repaired where they are: `slot_start, price`."""
    repaired, raw = (
        context.lake.read(table, site_name, first, last).select("slot_start", "price")
        for table in (SPOT_PRICES, RAW_SPOT_PRICES)
    )
    return pl.concat([repaired, raw.join(repaired, on="slot_start", how="anti")]).sort("slot_start")
