"""Prices, observations and grades of many homes."""

from collections.abc import Hashable

import polars as pl

from assets.fleet.homes import Homes
from assets.rows.observations import homes_observations
from assets.rows.prices import price_rows, repaired_prices
from darkstar_pipeline.context import Context
from darkstar_pipeline.quality.day_quality import grade_homes
from darkstar_pipeline.quality.graded_homes import GradedHome
from darkstar_pipeline.warehouse.schemas import (
    IMPORT_REMARKS,
    METER_READINGS,
    METER_STATISTICS,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    SPOT_PRICES,
)

_PRICED = ("slot_start", "price", "native_minutes", "imported_at")
"""Columns of raw prices that a repair rests on."""


def priced(homes: Homes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows of `spot_prices` and `price_repairs`: repaired once for all homes with the same prices."""
    raw = homes.read(RAW_SPOT_PRICES)
    digests = raw.group_by("site").agg(pl.struct(_PRICED).hash().bitwise_xor().alias("digest"), pl.len())
    same = {site: (digest, count) for site, digest, count in digests.iter_rows()}

    def form(home: Context) -> Hashable:
        settings = home.site_settings
        market = (settings.area, settings.timezone, settings.currency, settings.second_price_file)
        return (*market, same.get(home.site_name))

    prices, repairs = [pl.DataFrame(schema=SPOT_PRICES.schema)], [pl.DataFrame(schema=PRICE_REPAIRS.schema)]
    for alike in homes.alike(form):
        one = alike.one
        known = raw.filter(pl.col("site") == one.site_name)
        repaired = repaired_prices(one.site_settings, known, homes.first, homes.last)
        rows = price_rows(one.site_name, one.site_settings.area, repaired)
        for found, frame in zip((prices, repairs), rows, strict=True):
            found.append(_handed_to(alike, frame).select(found[0].columns))
    return pl.concat(prices), pl.concat(repairs)


def _handed_to(homes: Homes, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of one home as those of each of the homes."""
    return pl.DataFrame({"site": homes.names}).join(rows.drop("site"), how="cross", maintain_order="left_right")


def observed(homes: Homes) -> pl.DataFrame:
    """Return rows of `slot_observations`: the whole grid of every home."""
    readings = homes.read(METER_READINGS)
    return pl.concat(
        homes_observations(alike.names, readings, homes.first, homes.last, alike.one.timezone)
        for alike in homes.alike(lambda home: home.timezone)
    )


def graded(homes: Homes, observations: pl.DataFrame, prices: pl.DataFrame, repairs: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `data_quality_daily`."""
    tables = homes.read(METER_STATISTICS), repairs, homes.read(IMPORT_REMARKS)
    rows: list[pl.DataFrame] = []
    for alike in homes.alike(lambda home: home.timezone):
        statistics, repaired, remarks = (alike.own(table) for table in tables)
        rows.append(
            grade_homes(
                alike.own(observations),
                alike.own(prices),
                statistics,
                homes.first,
                homes.last,
                alike.one.timezone,
                homes=graded_homes(alike),
                repairs=repaired,
                remarks=remarks,
            )
        )
    return pl.concat(rows)


def graded_homes(homes: Homes) -> dict[str, GradedHome]:
    """Return what the grades of homes rest on besides readings and prices."""
    return {home.site_name: GradedHome(home.site.battery, homes.has_pv[home.site_name]) for home in homes}
