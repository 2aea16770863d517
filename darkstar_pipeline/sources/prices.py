"""Tidy files of spot prices: `slot_start` and a price per kWh before fees, hourly or quarter-hourly.

What does not belong here: services that publish prices, and the repair of prices (`darkstar_pipeline.quality`).
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.duplicates import resolve_duplicates
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.numbers import number_checks, with_numbers
from darkstar_pipeline.sources.parsed import REASON, ROW, Parsed, numbered, object_to, reason_if, rejects_of
from darkstar_pipeline.sources.price_lists.scale import MAX_PRICE_EUR, price_limit, refuse_wrong_price_scale, size_note
from darkstar_pipeline.sources.resampling import repeat_prices
from darkstar_pipeline.sources.resolution import NATIVE, resolution_note, with_resolution
from darkstar_pipeline.sources.stamps import refuse_all_naive, stamp_checks, with_instants
from env.time_grid import SLOT_MINUTES, local_day, slot_count

PRICE_MINUTES = (15, 30, 60)
AHEAD = timedelta(days=2)
"""Tomorrow's prices are known a day and a half ahead at most; anything later is a wrong date."""
_LONGEST_DAY = 100
PARTIAL_SHARE = 0.5
"""A day with a smaller share of its prices is a publication that was cut off, not a day with a gap."""
_STAMP = "stamp"

KnownSlots = Callable[[Sequence[date]], pl.Series]
"""Called with local days; returns their slots whose spot price is already known."""


def read_prices(
    file: Path, *, site: SiteSettings, area: str | None, now: datetime, known: KnownSlots | None = None
) -> Parsed:
    """Read a tidy file of spot prices.

    Args:
        file: Parquet or CSV, either also gzipped.
        site: its area and currency.
        area: price area that the person named; None is the site's.
        now: the present instant; a slot more than two days ahead is refused.
        known: gives the slots whose price is already known; they count towards the completeness of a day.

    Returns:
        Rows `[slot_start, price, native_minutes]`, sorted, one a slot.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole cannot be used; the error says why and what to do.
    """
    name = file.name
    value_names = ("price", f"{site.currency.lower()}_per_kwh")
    raw, others = read_table(file, ("slot_start", *value_names, "area", "currency"))
    column = _price_column(raw, others, name, value_names)
    mine = _of_area(_checked_currency(numbered(raw), site, name), site, area, name)
    stamped = with_instants(mine.rename({"slot_start": _STAMP, column: "price"}), _STAMP, "slot_start", name)
    refuse_all_naive(stamped, _STAMP, "slot_start", name)
    frame = object_to(with_numbers(stamped, ["price"]), stamp_checks(_STAMP, "slot_start"))
    timed = with_resolution(frame, name, PRICE_MINUTES, grid=SLOT_MINUTES)
    refuse_future(timed, name, now)
    refuse_wrong_price_scale(timed.filter(pl.col(REASON).is_null())["price"].drop_nulls(), site.currency, name)
    checked, copies = resolve_duplicates(object_to(timed, price_checks(site)), ["price"])
    whole = refuse_partial_days(checked, site.timezone, known)
    good = whole.filter(pl.col(REASON).is_null())
    notes = (
        resolution_note(good, name) if good.height else "",
        size_note(site.currency),
        f"{name}: columns not used: {', '.join(others)}" if others else "",
        f"{name}: {copies} repeated rows are equal and count once" if copies else "",
        ""
        if frame["slot_start"].drop_nulls().is_sorted()
        else f"{name}: rows were not in order of time and were sorted",
    )
    parsed = Parsed(rows=repeat_prices(good), rejects=rejects_of(whole, raw, name), rows_read=mine.height)
    return parsed.noting(*notes)


def _price_column(raw: pl.DataFrame, others: tuple[str, ...], file: str, names: tuple[str, ...]) -> str:
    """Return the name of the column that holds the spot price in the site's currency."""
    present = [name for name in names if name in raw.columns]
    if present and "slot_start" in raw.columns:
        return present[-1]
    missing = "slot_start" if "slot_start" not in raw.columns else " or ".join(names)
    columns = ", ".join([*raw.columns, *others][:12])
    hint = (
        f"name the columns slot_start and price; prices are {names[1].replace('_per_', ' per ')}, before VAT and fees"
    )
    raise DataRefusedError(f"{file} has no column {missing}; it has {columns}", hint)


def _checked_currency(frame: pl.DataFrame, site: SiteSettings, file: str) -> pl.DataFrame:
    """Refuse prices whose column `currency` names another currency."""
    if "currency" in frame.columns:
        others = {str(code) for code in frame["currency"].drop_nulls().unique().to_list()} - {site.currency}
        if others:
            message = f"{file}: prices are in {', '.join(sorted(others))}, the site's currency is {site.currency}"
            raise DataRefusedError(message, f"convert them to {site.currency} per kWh")
    return frame


def _of_area(frame: pl.DataFrame, site: SiteSettings, area: str | None, file: str) -> pl.DataFrame:
    """Return the rows of the site's price area.

    Raises:
        DataRefusedError: another area was named, or the file does not have it.
    """
    refuse_other_area(area, site, file)
    if "area" not in frame.columns:
        return frame
    wanted = site.area.upper()
    mine = frame.filter(pl.col("area").cast(pl.String).str.strip_chars().str.to_uppercase() == wanted)
    if mine.is_empty():
        areas = ", ".join(str(name) for name in frame["area"].unique().sort().to_list()[:12])
        raise DataRefusedError(f"{file} has no prices of {wanted}; it has {areas}", "use a file of the site's area")
    return mine


def refuse_other_area(area: str | None, site: SiteSettings, file: str) -> None:
    """Refuse prices of an area that the site is not in.

    Raises:
        DataRefusedError: the area is not the site's.
    """
    if area is not None and area.upper() != site.area.upper():
        message = f"{file}: prices of {area} offered, the site is in {site.area}"
        raise DataRefusedError(message, f"use prices of {site.area}, or set the site's area to {area} in darkstar.yaml")


def refuse_future(frame: pl.DataFrame, file: str, now: datetime) -> None:
    """Refuse a file with prices of days that no market has published yet."""
    later = frame.filter(pl.col(REASON).is_null() & (pl.col("slot_start") > now + AHEAD))
    if later.height:
        last = later["slot_start"].max()
        message = f"{file}: {later.height} prices lie more than two days ahead, up to {last:%Y-%m-%d %H:%MZ}"
        raise DataRefusedError(message, f"check slot_start and this machine's clock (now {now:%Y-%m-%d %H:%MZ})")


def price_checks(site: SiteSettings) -> list[pl.Expr]:
    """Return the checks of one spot price; zero and negative ones are valid."""
    limit = price_limit(site.currency, MAX_PRICE_EUR)
    beyond = pl.format(
        "price {} is beyond what a market pays ({} {}/kWh)", "price", pl.lit(limit), pl.lit(site.currency)
    )
    return [
        *number_checks(["price"]),
        reason_if(pl.col("price").is_null(), pl.lit("price is empty")),
        reason_if(pl.col("price").abs() > limit, beyond),
    ]


def refuse_partial_days(frame: pl.DataFrame, timezone: str, known: KnownSlots | None = None) -> pl.DataFrame:
    """Refuse the rows of days that have less than half of their prices.

    Args:
        frame: rows with `slot_start`, `native_minutes`, `_row` and `_reason`.
        timezone: of the local days.
        known: gives the slots whose price is already known.
    """
    good = frame.filter(pl.col(REASON).is_null()).with_columns(local_day(timezone))
    if good.is_empty():
        return frame
    slots = repeat_prices(good).select("slot_start")
    partial = _partial_days(slots, timezone)
    if known is not None and partial.height:
        before = pl.DataFrame({"slot_start": known(partial["local_day"].to_list())}, schema=slots.schema)
        partial = _partial_days(pl.concat([slots, before]).unique(), timezone)
    per_row = pl.col(NATIVE) // SLOT_MINUTES
    reason = pl.format("day {} has {} of {} prices", "local_day", pl.col("have") // per_row, pl.col("total") // per_row)
    reasons = good.join(partial, on="local_day").select(ROW, reason.alias("_partial"))
    joined = frame.join(reasons, on=ROW, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(REASON, "_partial").alias(REASON)).drop("_partial")


def _partial_days(slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the days with less than half of their slots: `[local_day, have, total]`."""
    counts = slots.with_columns(local_day(timezone)).group_by("local_day").len("have")
    few = counts.filter(pl.col("have") < PARTIAL_SHARE * _LONGEST_DAY)
    totals = pl.Series([slot_count(day, timezone) for day in few["local_day"].to_list()], dtype=pl.Int64)
    return few.with_columns(totals.alias("total")).filter(pl.col("have") < PARTIAL_SHARE * pl.col("total"))
