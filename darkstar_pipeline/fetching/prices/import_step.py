"""From a publication to the lake: the road of price files, whole days only, and corrections that keep the old value."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import exp

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.clock_skew import refuse_skew
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.cross_check import difference
from darkstar_pipeline.fetching.prices.home_currency import in_home_currency
from darkstar_pipeline.fetching.prices.question import Publication, Question
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.fetching.prices.whole_days import WholeDays, whole_days
from darkstar_pipeline.ingest.imports import PRICES, import_parsed
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.parsed import REJECT_SCHEMA, Parsed
from darkstar_pipeline.sources.price_lists.checks import NO_PRICE
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.scale import price_limit
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.remarks import ALTERED, all_remarks, remarks_on
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.time_grid import local_day
from planner.wording.columns import worded

_FEWEST_A_DAY = 23
_DAY = timedelta(hours=24)
_OVERLAP = 16
"""Fewest slots of other days by which an answer is judged: four hours."""
_SAME = 1e-9
_WEEK = timedelta(days=7)
_USUAL_EUR = 0.12
"""A usual highest price of a day [EUR/kWh]: tells factors of ten and more apart where nothing is known yet."""


@dataclass(frozen=True, kw_only=True)
class CheckedPrices:
    """Prices of whole days that passed every check.

    Attributes:
        parsed: the outcome of the reader, reduced to the whole days.
        whole: the whole days, and why the others are none.
    """

    parsed: Parsed
    whole: WholeDays


def check_publication(
    publication: Publication, question: Question, target: ImportTarget, rates: Rates, *, confirmed: bool = False
) -> CheckedPrices:
    """Return the prices of whole days in a publication.

    Args:
        publication: what a source gave.
        question: what was asked.
        target: the home.
        rates: of exchange.
        confirmed: whether another source has the same prices: then they may be far from those of the days around.

    Raises:
        FetchError: there are none, or the road that every price takes refuses them.
    """
    source = publication.offer.file
    refuse_skew(source, publication.server_time, publication.asked_at)
    offer = in_home_currency(publication.offer, question, rates)
    _refuse_few(offer, question)
    try:
        parsed = read_price_lists(offer, target.site, question.now, target.known_prices(), confirmed=confirmed)
    except DataRefusedError as error:
        raise FetchError(source, "wrong", error.message.removeprefix(f"{source} ").strip()) from error
    before = target.known_prices()([question.first - timedelta(days=n) for n in (2, 1, 0)])
    _refuse_hour_too_many(source, parsed, question)
    _refuse_contradiction(source, parsed.rows, question, target)
    whole = whole_days(parsed.rows, question, before)
    if not whole.days:
        raise _no_whole_day(source, parsed, whole, question)
    kept = replace(parsed, rows=whole.rows)
    return CheckedPrices(parsed=kept, whole=whole)


def refuse_prices(rows: pl.DataFrame, source: str, reason: str, target: ImportTarget) -> None:
    """Keep prices in quarantine that passed every check of their own and are refused for another source's."""
    raw = [json.dumps({"price": price}) for price in rows["price"]]
    reasons = rows.select("slot_start", pl.lit(reason).alias("reason"))
    keep_rejects(target.quarantine_dir, _as_rejects(reasons, source, raw))


def usual_highest_price(question: Question, target: ImportTarget) -> float:
    """Return the highest price that is usual in the week around some days, or in a market [money/kWh].

    It is the geometric mean of each day's highest: of true days it is nearer to their own than any other measure.
    """
    known = target.known_prices()(question.days_around(_WEEK))
    highest = known.group_by(local_day(question.zone)).agg(pl.col("price").abs().max())["price"]
    usual = highest.filter(highest > 0).log().mean()
    return exp(usual) if isinstance(usual, float) else price_limit(target.site.currency, _USUAL_EUR)


def store_prices(checked: CheckedPrices, source: str, target: ImportTarget, *, now: datetime) -> ImportReport:
    """Store prices; the old value of one that is corrected is kept in quarantine and remarked.

    Prices that another source gave, and that differ by no more than rounding and rates of exchange, stay.
    """
    stored = stored_prices(target, checked.parsed.rows)
    rows = _without_mere_repeats(checked, stored, source, target.site.currency)
    corrected = rows.join(stored, on="slot_start", suffix="_old").filter(
        (pl.col("price") - pl.col("price_old")).abs() > _SAME
    )
    reasons = corrected.with_columns(
        worded("price {} corrected to {} by {}", "price_old", "price", pl.lit(source)).alias("reason")
    )
    remarks = remarks_on(reasons.select("slot_start", "reason"), "price", ALTERED, target.site.timezone)
    keep_rejects(target.quarantine_dir, _old_values(reasons, source))
    parsed = replace(checked.parsed, rows=rows, remarks=all_remarks([checked.parsed.remarks, remarks]))
    return import_parsed(PRICES, target, parsed, source=source, now=now)


def stored_prices(target: ImportTarget, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what the lake has of the days of some rows: `[slot_start, price, source, imported_at]`."""
    days = rows.select(local_day(target.site.timezone))["local_day"].unique().sort()
    first, last = days.min(), days.max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return target.lake.read(RAW_SPOT_PRICES, target.site_name, date.max, date.max).select(_KNOWN)
    return target.lake.read(RAW_SPOT_PRICES, target.site_name, first, last).select(_KNOWN)


_KNOWN = ("slot_start", "price", "native_minutes", "source", "imported_at")


def _without_mere_repeats(checked: CheckedPrices, stored: pl.DataFrame, source: str, currency: str) -> pl.DataFrame:
    """Leave out rows that another source gave before, where the two agree."""
    rows, others = checked.parsed.rows, stored.filter(pl.col("source") != source)
    same = rows.join(others, on="slot_start", how="semi")
    if same.is_empty() or difference(others, same, currency):
        return rows
    return rows.join(same, on="slot_start", how="anti")


def _old_values(corrected: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return the values that are replaced, as rows of quarantine."""
    raw = [
        json.dumps({"price": price, "source": before, "imported_at": str(at)})
        for price, before, at in corrected.select("price_old", "source", "imported_at").iter_rows()
    ]
    return _as_rejects(corrected, source, raw)


def _as_rejects(refused: pl.DataFrame, source: str, raw: list[str]) -> pl.DataFrame:
    """Return slots with a `reason`, and what was given for them, as rows of quarantine."""
    named = refused.select(
        pl.lit(source).alias("file"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"),
        "reason",
        pl.Series("raw", raw, dtype=pl.String),
        "slot_start",
        pl.lit("price").alias("quantity"),
    )
    return named.select(pl.col(name).cast(dtype) for name, dtype in REJECT_SCHEMA.items())


def _refuse_few(offer: PriceOffer, question: Question) -> None:
    """Refuse a publication of tomorrow that has hardly begun."""
    most = max((part.rows.height for part in offer.lists), default=0)
    if question.first == question.last and question.is_of_the_future and most < _FEWEST_A_DAY:
        raise FetchError(offer.file, "late", f"it has {most} prices of {question.first} so far")


def _refuse_hour_too_many(source: str, parsed: Parsed, question: Question) -> None:
    """Refuse a day from which the clock leaves an hour out and that has 24 all the same: those behind it are moved."""
    stamps = pl.concat([parsed.rows["slot_start"], parsed.rejects["slot_start"]]).drop_nulls()
    first, last = stamps.min(), stamps.max()
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        return
    hour = timedelta(hours=1)
    if question.end - question.start == 23 * hour and first == question.start and question.end <= last < first + _DAY:
        raise FetchError(source, "wrong", f"it gives 24 hours of {question.first}, which has 23")


def _refuse_contradiction(source: str, rows: pl.DataFrame, question: Question, target: ImportTarget) -> None:
    """Refuse an answer whose other days are not as they are known: its days are moved, or of another area."""
    day = local_day(question.zone).alias("_day")
    beside = rows.with_columns(day).filter(~pl.col("_day").is_between(question.first, question.last)).drop("_day")
    known = stored_prices(target, beside).join(beside, on="slot_start", how="semi")
    if known.height < _OVERLAP:
        return
    apart = difference(known, beside.join(known, on="slot_start", how="semi"), target.site.currency)
    if apart:
        raise FetchError(source, "wrong", f"beside {question.first} it contradicts known prices: {apart}")


def _no_whole_day(source: str, parsed: Parsed, whole: WholeDays, question: Question) -> FetchError:
    """Return the error of an answer that has no whole day of those that were asked for."""
    day, reason = next(iter(whole.refused.items()))
    refused = f"; first {parsed.rejects['reason'][0]}" if parsed.rejects.height else ""
    gaps = bool((parsed.rejects["reason"] == NO_PRICE).all())
    partial = question.is_of_the_future and gaps and "again" not in reason
    cause = "late" if partial else "wrong"
    days = parsed.rows.select(local_day(question.zone))["local_day"]
    if not days.is_between(question.first, question.last).any():
        return FetchError(source, cause, f"it gives {days.min()} to {days.max()} instead of {day}")
    return FetchError(source, cause, f"{reason}{refused}")
