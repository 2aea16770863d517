"""A page of the homes that fit some conditions, in the order of their names."""

from dataclasses import dataclass

import polars as pl

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.fleet.homes import FleetHomes


@dataclass(frozen=True, kw_only=True)
class HomesPage:
    """A page of homes.

    Attributes:
        rows: their rows.
        matching: number of homes that fit, on all pages.
        next_after: last name of the page, behind which the next begins; None on the last page.
    """

    rows: pl.DataFrame
    matching: int
    next_after: str | None


def page_of(
    homes: FleetHomes,
    *,
    tenant: str | None = None,
    area: str | None = None,
    tariff: str | None = None,
    like: str | None = None,
    after: str | None = None,
    limit: int,
) -> HomesPage:
    """Return a page of homes; an empty cell counts as the fleet's default.

    Args:
        homes: all homes.
        tenant: only those of this tenant.
        area: only those in this price area.
        tariff: only those that name this tariff.
        like: only those whose name holds this text.
        after: begin behind this name.
        limit: most homes of the page.
    """
    usual = homes.fleet.defaults.area
    wanted = (
        None if tenant is None else pl.col("tenant") == tenant,
        None if area is None else pl.col("area").fill_null(usual) == area,
        None if tariff is None else pl.col("tariff") == tariff,
        None if like is None else pl.col(SITE).str.contains(like, literal=True),
    )
    matching = homes.rows.filter(pl.lit(value=True), *(each for each in wanted if each is not None))
    left = matching if after is None else matching.filter(pl.col(SITE) > after)
    rows = left.head(limit)
    more = left.height > rows.height
    return HomesPage(rows=rows, matching=matching.height, next_after=rows[SITE][-1] if more else None)
