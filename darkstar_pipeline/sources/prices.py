"""Files of spot prices: tidy tables (`slot_start` and a price per kWh before fees) and the lists of services.

What does not belong here: the shapes of services (`price_lists`), the repair of prices (`darkstar_pipeline.quality`).
"""

import re
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.dialects import text_of
from darkstar_pipeline.sources.duplicates import resolve_duplicates
from darkstar_pipeline.sources.files import decode, read_bytes, read_table
from darkstar_pipeline.sources.meter_exports import format_of
from darkstar_pipeline.sources.numbers import with_numbers
from darkstar_pipeline.sources.parquet import PARQUET_MAGIC
from darkstar_pipeline.sources.parsed import REASON, Parsed, ReadAs, numbered, object_to, refused_note, rejects_of
from darkstar_pipeline.sources.price_lists.areas import refuse_other_area, same_area
from darkstar_pipeline.sources.price_lists.checks import PRICE_MINUTES, price_checks, refuse_future
from darkstar_pipeline.sources.price_lists.level import refuse_other_unit
from darkstar_pipeline.sources.price_lists.neighbours import NEIGHBOURS, refuse_unlike_neighbours
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from darkstar_pipeline.sources.price_lists.publication import KnownSlots, refuse_partial_days
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.recognition import offer_of_text
from darkstar_pipeline.sources.price_lists.scale import refuse_wrong_price_scale, size_note
from darkstar_pipeline.sources.price_lists.stated import Stated, conversion
from darkstar_pipeline.sources.price_lists.units import says_more_than_spot, unit_of_name
from darkstar_pipeline.sources.price_lists.zeros import refuse_unlikely_zeros
from darkstar_pipeline.sources.resampling import repeat_prices
from darkstar_pipeline.sources.resolution import resolution_note, with_resolution
from darkstar_pipeline.sources.stamps import placed_by_clock, refuse_all_naive, stamp_checks, with_instants
from darkstar_pipeline.sources.unread_formats import refuse_unread
from env.time_grid import SLOT_MINUTES

_STAMP = "stamp"
_HEAD = 4096


def read_prices(
    file: Path,
    *,
    site: SiteSettings,
    area: str | None,
    now: datetime,
    known: KnownSlots | None = None,
    clock: str | None = None,
) -> Parsed:
    """Read a file of spot prices.

    Args:
        file: a tidy Parquet or CSV, or a list that a service writes (`price_lists`); either also gzipped.
        site: its area and currency.
        area: price area that the person named; None is the site's.
        now: the present instant; a slot more than two days ahead is refused.
        known: gives the slots whose price is already known; they count towards the completeness of a day.
        clock: zone whose clock stamps without offset show; None refuses them. Of tidy files only.

    Returns:
        Rows `[slot_start, price, native_minutes]`, sorted, one a slot.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole cannot be used; the error says why and what to do.
    """
    name = file.name
    content = read_bytes(file)
    offer = None if content.startswith(PARQUET_MAGIC) else _offer(decode(content, name), name)
    if offer is not None:
        refuse_other_area(area, site, name)
        return read_price_lists(offer, site, now, known)
    value_names = ("price", f"{site.currency.lower()}_per_kwh")
    wanted = ("slot_start", *value_names, *_united_names(content, site), "area", "currency", "unit")
    raw, others = read_table(file, wanted)
    column, unit = _price_column(raw, others, name, value_names)
    way = conversion(Stated(unit=unit), site, name) if unit else None
    every = _checked_currency(numbered(raw), site, name)
    mine = _of_area(every, site, area, name)
    stamped = with_instants(mine.rename({"slot_start": _STAMP, column: "price"}), _STAMP, "slot_start", name)
    stamped = placed_by_clock(stamped, "slot_start", clock)
    refuse_all_naive(stamped, _STAMP, "slot_start", name)
    frame = object_to(with_numbers(stamped, ["price"]), stamp_checks(_STAMP, "slot_start"))
    if way is not None:
        frame = frame.with_columns(pl.col("price") / way.divisor)
    timed = with_resolution(frame, name, PRICE_MINUTES, grid=SLOT_MINUTES)
    refuse_future(timed, name, now)
    refuse_wrong_price_scale(timed.filter(pl.col(REASON).is_null())["price"].drop_nulls(), site.currency, name)
    checked = resolve_duplicates(object_to(timed, price_checks(site)), ["price"])
    copies = timed.height - checked.height
    beside = _of_other_areas(every, site, column, name)
    others_in_unit = beside.with_columns(pl.col("price") / (1.0 if way is None else way.divisor))
    like, told = refuse_unlike_neighbours(checked, others_in_unit, site.timezone)
    believed = refuse_unlikely_zeros(like, site.timezone, site.currency, now, known)
    in_unit = refuse_other_unit(believed, site, known)
    whole = refuse_partial_days(in_unit, site.timezone, known)
    good = whole.filter(pl.col(REASON).is_null())
    notes = (
        resolution_note(good, name) if good.height else "",
        size_note(site.currency),
        *(() if way is None else way.notes),
        f"{name}: {told}" if told else "",
        f"{name}: columns not used: {', '.join(others)}" if others else "",
        f"{name}: {copies} repeated rows are equal and count once" if copies else "",
        ""
        if frame["slot_start"].drop_nulls().is_sorted()
        else f"{name}: rows were not in order of time and were sorted",
    )
    rejects = rejects_of(whole, raw, name)
    treatment = "" if way is None else "; ".join(way.notes)
    unit = unit if unit else f"{site.currency}/kWh"
    read_as = ReadAs(quantity="price", format="tidy file", sensor="", unit=unit, treatment=treatment)
    parsed = Parsed(rows=repeat_prices(good), rejects=rejects, rows_read=mine.height, read_as=(read_as,))
    return parsed.noting(*notes, refused_note(rejects, name))


def _offer(text: str, name: str) -> PriceOffer | None:
    """Return the price lists in a text; None where it is a tidy table.

    Raises:
        DataRefusedError: it holds no prices, or no list of them.
    """
    offer = offer_of_text(text, name)
    if offer is None and text.lstrip("\ufeff \n")[:1] in ("[", "{"):
        refuse_unread(text, name)
        message = f"{name} holds no list of prices with start times"
        raise DataRefusedError(message, "docs/importing.md lists the formats; histories go to `darkstar import ha`")
    if offer is None and (noun := format_of(text)):
        raise DataRefusedError(
            f"{name} is {noun}: readings, not spot prices", "import it with `darkstar import observations`"
        )
    return offer


def _united_names(content: bytes, site: SiteSettings) -> tuple[str, ...]:
    """Return the names in the head of a table that state a unit of price in the site's currency."""
    if content.startswith(PARQUET_MAGIC):
        return ()
    head = (text_of(content[:_HEAD]) or "").lstrip().split("\n", 1)[0]
    names = [name.strip().strip('"').lower() for name in re.split(r"[,;\t]", head)]
    units = {name: unit_of_name(name) for name in names}
    own = site.currency.upper()
    return tuple(name for name, unit in units.items() if unit and (not unit.currencies or own in unit.currencies))


def _price_column(raw: pl.DataFrame, others: tuple[str, ...], file: str, names: tuple[str, ...]) -> tuple[str, str]:
    """Return the name of the column that holds the spot price in the site's currency, and the unit that is stated."""
    present = [name for name in names if name in raw.columns]
    if present and "slot_start" in raw.columns:
        units = raw["unit"].drop_nulls().unique().to_list() if "unit" in raw.columns else []
        if len(units) > 1:
            message = f"{file}: prices are in several units: {', '.join(sorted(map(str, units))[:6])}"
            raise DataRefusedError(message, "write one unit, per kWh in the site's currency")
        return present[-1], str(units[0]) if units else ""
    united = [name for name in raw.columns if unit_of_name(name) is not None]
    if united and "slot_start" in raw.columns:
        spot = next((name for name in united if not says_more_than_spot(name)), None)
        if spot is None:
            message = f"{file}: {united[0]} holds tax or fees, by its name"
            raise DataRefusedError(message, "export the spot price before VAT; tax and fees belong in the tariff")
        unit = unit_of_name(spot)
        return spot, "" if unit is None else unit.text
    missing = "slot_start" if "slot_start" not in raw.columns else " or ".join(names)
    columns = ", ".join([*raw.columns, *others][:12])
    hint = (
        f"name the columns slot_start and price; prices are {names[1].replace('_per_', ' per ')}, before VAT and fees"
    )
    raise DataRefusedError(f"{file} has no column {missing}; it has {columns}", hint)


def _checked_currency(frame: pl.DataFrame, site: SiteSettings, file: str) -> pl.DataFrame:
    """Refuse prices whose column `currency` names another currency."""
    if "currency" in frame.columns:
        stated = frame["currency"].cast(pl.String).str.strip_chars().str.to_uppercase().drop_nulls().unique().to_list()
        others = {str(code) for code in stated} - {site.currency.upper()}
        if others:
            message = f"{file}: prices are in {', '.join(sorted(others))}, the site's currency is {site.currency}"
            raise DataRefusedError(message, f"convert them to {site.currency} per kWh")
    return frame


def _of_other_areas(frame: pl.DataFrame, site: SiteSettings, column: str, file: str) -> pl.DataFrame:
    """Return the prices of the other areas in a file: `NEIGHBOURS`."""
    if "area" not in frame.columns:
        return pl.DataFrame(schema=NEIGHBOURS)
    rows = frame.filter(~_is_area(frame, site))
    if rows.is_empty():
        return pl.DataFrame(schema=NEIGHBOURS)
    timed = with_instants(rows.rename({"slot_start": _STAMP, column: "price"}), _STAMP, "slot_start", file)
    read = with_numbers(timed, ["price"]).select(pl.col(name).cast(dtype) for name, dtype in NEIGHBOURS.items())
    return read.drop_nulls()


def _of_area(frame: pl.DataFrame, site: SiteSettings, area: str | None, file: str) -> pl.DataFrame:
    """Return the rows of the site's price area.

    Raises:
        DataRefusedError: another area was named, or the file does not have it.
    """
    refuse_other_area(area, site, file)
    if "area" not in frame.columns:
        return frame
    wanted = site.area.upper()
    mine = frame.filter(_is_area(frame, site))
    if mine.is_empty():
        areas = ", ".join(str(name) for name in frame["area"].unique().sort().to_list()[:12])
        raise DataRefusedError(f"{file} has no prices of {wanted}; it has {areas}", "use a file of the site's area")
    return mine


def _is_area(frame: pl.DataFrame, site: SiteSettings) -> pl.Expr:
    """Return which rows are of the site's area, by whatever name of it."""
    names = frame["area"].cast(pl.String)
    own = [name for name in names.drop_nulls().unique().to_list() if same_area(str(name), site.area)]
    return pl.col("area").cast(pl.String).is_in(own).fill_null(value=False)
