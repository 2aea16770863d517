"""The one road of price lists: choose those of the site, convert, place on the grid, and check."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.duplicates import resolve_duplicates
from darkstar_pipeline.sources.numbers import with_numbers
from darkstar_pipeline.sources.parsed import (
    REASON,
    Parsed,
    ReadAs,
    numbered,
    object_to,
    reason_if,
    refused_note,
    rejects_of,
)
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.price_lists.checks import PRICE_MINUTES, price_checks, refuse_future
from darkstar_pipeline.sources.price_lists.entries import NORD_POOL_ACTION
from darkstar_pipeline.sources.price_lists.level import refuse_other_unit
from darkstar_pipeline.sources.price_lists.neighbours import NEIGHBOURS, refuse_unlike_neighbours
from darkstar_pipeline.sources.price_lists.price_list import PriceList, PriceOffer
from darkstar_pipeline.sources.price_lists.publication import KnownSlots, refuse_partial_days
from darkstar_pipeline.sources.price_lists.scale import price_limit, refuse_wrong_price_scale, size_note
from darkstar_pipeline.sources.price_lists.stated import Conversion, conversion
from darkstar_pipeline.sources.price_lists.units import price_unit
from darkstar_pipeline.sources.price_lists.zeros import refuse_unlikely_zeros
from darkstar_pipeline.sources.resampling import repeat_prices
from darkstar_pipeline.sources.resolution import with_resolution
from darkstar_pipeline.sources.stamps import refuse_all_naive, stamp_checks, with_instants, with_naive_read_as
from env.time_grid import SLOT_MINUTES

_FINE_DECIMALS = r"\.\d{4,}$"
_LOW_PER_MWH_EUR = 1.5e-3
"""A market's typical price below this [EUR/kWh], written with many decimals, is not per MWh."""


def read_price_lists(
    offer: PriceOffer, site: SiteSettings, now: datetime, known: KnownSlots | None = None, *, confirmed: bool = False
) -> Parsed:
    """Return the spot prices of the site in the price lists of a file.

    Args:
        offer: the lists that were recognised.
        site: its area and currency must be among them.
        now: the present instant.
        known: gives the slots whose price is already known.
        confirmed: whether another source has the same prices.

    Returns:
        Rows `[slot_start, price, native_minutes]`.

    Raises:
        DataRefusedError: another area, currency or unit, costs in the prices, or no row that can be used.
    """
    name = f"{offer.file} ({offer.format})"
    lists, way = _chosen(offer, site, name)
    raw = pl.concat([part.rows for part in lists])
    frame = with_numbers(with_instants(numbered(raw), "stamp", "slot_start", name), ["price"])
    placed = _placed(frame, lists, name)
    checked = _checked(object_to(placed, stamp_checks("stamp", "slot_start")), way, site, name, now)
    like, told = refuse_unlike_neighbours(checked[0], _neighbours(offer, lists, way, name), site.timezone)
    believed = refuse_unlikely_zeros(like, site.timezone, site.currency, now, known)
    in_unit = refuse_other_unit(believed, site, known, confirmed=confirmed)
    whole = refuse_partial_days(in_unit, site.timezone, known)
    good = whole.filter(pl.col(REASON).is_null())
    rejects = rejects_of(whole, raw, offer.file)
    if good.is_empty():
        first = f"row {rejects['row'][0]}: {rejects['reason'][0]}" if rejects.height else "it has no row"
        message = f"{name}: every one of its {raw.height} prices was refused; the first is {first}"
        raise DataRefusedError(message, "look at that price and export the list again")
    notes = (
        f"{offer.file} was read as {offer.format}: {good.height} prices of {site.area}",
        *offer.notes,
        *way.notes,
        size_note(site.currency),
        f"{offer.file}: {told}" if told else "",
        refused_note(rejects, offer.file),
        f"{offer.file}: {checked[1]} repeated prices are equal and count once" if checked[1] else "",
    )
    treatment = "; ".join((*offer.notes, *way.notes))
    unit = lists[0].stated.unit
    read_as = ReadAs(quantity="price", format=offer.format, sensor="", unit=unit, treatment=treatment)
    return Parsed(rows=repeat_prices(good), rejects=rejects, rows_read=raw.height, read_as=(read_as,)).noting(*notes)


def _neighbours(offer: PriceOffer, own: Sequence[PriceList], way: Conversion, name: str) -> pl.DataFrame:
    """Return the prices of the other areas of an offer, in its own currency and unit: `NEIGHBOURS`."""
    stated = own[0].stated
    rows: list[pl.DataFrame] = []
    for part in offer.lists:
        if part.stated != stated and replace(part.stated, area=stated.area) == stated and part.zone == own[0].zone:
            timed = with_instants(numbered(part.rows), "stamp", "slot_start", name)
            frame = _placed(with_numbers(timed, ["price"]), [part], name)
            rows.append(frame.with_columns(pl.lit(part.stated.area).alias("area"), pl.col("price") / way.divisor))
    if not rows:
        return pl.DataFrame(schema=NEIGHBOURS)
    return pl.concat(rows).select(pl.col(column).cast(dtype) for column, dtype in NEIGHBOURS.items()).drop_nulls()


def _placed(frame: pl.DataFrame, lists: Sequence[PriceList], name: str) -> pl.DataFrame:
    """Read stamps without offset by the zone that the format states; refuse where it states none."""
    zone = lists[0].zone
    if zone is None:
        refuse_all_naive(frame, "stamp", "slot_start", name)
        return frame
    return with_naive_read_as(
        frame.with_columns(pl.lit(name).alias("_file")), "slot_start", zone, "_file"
    ).with_columns(pl.when(pl.col("slot_start").is_null()).then(pl.col("_naive")).alias("_naive"))


def _checked(
    stamped: pl.DataFrame, way: Conversion, site: SiteSettings, name: str, now: datetime
) -> tuple[pl.DataFrame, int]:
    """Convert and check; return also how many rows repeat another one."""
    _refuse_fine_decimals(stamped, way, site, name)
    converted = stamped.with_columns(pl.col("price") / way.divisor)
    timed = with_resolution(object_to(converted, [_repeats_today(converted)]), name, PRICE_MINUTES, grid=SLOT_MINUTES)
    refuse_future(timed, name, now)
    refuse_wrong_price_scale(timed.filter(pl.col(REASON).is_null())["price"].drop_nulls(), site.currency, name)
    single = resolve_duplicates(object_to(timed, price_checks(site)), ["price"])
    return single, timed.height - single.height


def _chosen(offer: PriceOffer, site: SiteSettings, name: str) -> tuple[list[PriceList], Conversion]:
    """Return the lists of the site's area and currency, and how their numbers are converted.

    Raises:
        DataRefusedError: there are none.
    """
    areas = [part for part in offer.lists if part.stated.area is None or same_area(part.stated.area, site.area)]
    if not areas:
        named = ", ".join(sorted({str(part.stated.area) for part in offer.lists})[:12])
        if len(offer.lists) > 1:
            raise DataRefusedError(f"{name} has no prices of {site.area}; it has {named}", "use a file of that area")
        raise DataRefusedError(
            f"{name}: prices of {named} offered, the site is in {site.area}",
            f"use prices of {site.area}, or set the site's area to {named} in darkstar.yaml",
        )
    own = [part for part in areas if _in_currency(part, site)]
    chosen = (own or areas)[0]
    same = [part for part in areas if part.stated == chosen.stated and part.zone == chosen.zone]
    way = conversion(chosen.stated, site, name)
    if offer.format == NORD_POOL_ACTION and chosen.stated.currency is None:
        note = f"{offer.file}: the action does not say its currency; its prices are taken as {site.currency}/MWh"
        way = Conversion(divisor=way.divisor, notes=(note,))
    return same, way


def _in_currency(part: PriceList, site: SiteSettings) -> bool:
    unit = price_unit(part.stated.unit)
    if unit is not None and unit.currencies:
        return site.currency.upper() in unit.currencies
    return part.stated.currency is None or part.stated.currency.upper() == site.currency.upper()


def _refuse_fine_decimals(frame: pl.DataFrame, way: Conversion, site: SiteSettings, name: str) -> None:
    """Refuse prices that are said to be per MWh and look like prices per kWh: small, with many decimals."""
    texts = frame.filter(pl.col("price").is_not_null() & (pl.col("price") != 0))
    typical = texts["price"].abs().median()
    if way.divisor != 1000 or not isinstance(typical, float):  # noqa: PLR2004 - kWh of a MWh
        return
    fine = texts["_raw_price"].str.contains(_FINE_DECIMALS).mean()
    if isinstance(fine, float) and fine > 0.5 and typical / way.divisor < price_limit(site.currency, _LOW_PER_MWH_EUR):  # noqa: PLR2004 - most
        message = f"{name}: this format is in {site.currency}/MWh, but a typical price is {typical:.5g}"
        raise DataRefusedError(
            message, f"name the sensor's unit (unit_of_measurement: {site.currency}/kWh) in the file"
        )


def _repeats_today(frame: pl.DataFrame) -> pl.Expr:
    """A check: tomorrow's list is today's once more, which some sensors show until the new prices are out."""
    names = frame["list"].unique().to_list()
    today = [name for name in names if name and name.endswith("today")]
    tomorrow = [name for name in names if name and name.endswith("tomorrow")]
    if not (today and tomorrow):
        return reason_if(pl.lit(value=False), pl.lit(""))
    first = frame.filter(pl.col("list") == today[0])["price"].to_list()
    second = frame.filter(pl.col("list") == tomorrow[0])["price"].to_list()
    repeated = first == second and len(set(first)) > 1
    return reason_if(pl.lit(repeated) & pl.col("list").is_in(tomorrow), pl.lit("tomorrow's prices are today's again"))
