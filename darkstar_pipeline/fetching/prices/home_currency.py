"""A publication in the currency of the home: its own lists of that currency, else those in euro at the day's rate."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import Question
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.price_lists.price_list import PriceList, PriceOffer
from darkstar_pipeline.sources.price_lists.units import PriceUnit, price_unit

_EURO = "EUR"
_PER_MWH = 1000.0


def in_home_currency(offer: PriceOffer, question: Question, rates: Rates) -> PriceOffer:
    """Return the lists of an offer in the home's currency.

    Args:
        offer: as the source gave it.
        question: area and currency of the home.
        rates: units of the home's currency a euro.

    Raises:
        FetchError: it has no prices of the area, they are in another currency than euro, or the rate is not known.
    """
    own = [part for part in offer.lists if part.stated.area is None or same_area(part.stated.area, question.area)]
    if not own:
        named = ", ".join(sorted({str(part.stated.area) for part in offer.lists})[:8])
        raise FetchError(offer.file, "wrong", f"it gives prices of {named} instead of {question.area}")
    if any(_currency(part) in ("", question.currency) and _is_complete(part) for part in own):
        lists = tuple(part for part in offer.lists if _currency(part) in ("", question.currency))
        return replace(offer, lists=lists)
    euro = [part for part in own if _currency(part) == _EURO]
    if not euro and any(_currency(part) == question.currency for part in own):
        return offer  # its gaps are told like those of any list
    if not euro:
        stated = ", ".join(sorted({_currency(part) for part in own}))
        remedy = "take the source out of the order, or set the site's currency"
        raise FetchError(offer.file, "wrong", f"its prices are in {stated}, not {question.currency} or euro", remedy)
    rates.ensure(question.first, question.last)
    converted = tuple(_converted(part, question, rates) for part in offer.lists if _currency(part) == _EURO)
    return replace(offer, lists=converted, notes=(*offer.notes, _note(question, rates)))


def _note(question: Question, rates: Rates) -> str:
    """Return a note on the conversion, with the first and the last rate."""
    days = dict.fromkeys((question.first, question.last))
    each = [rates.of(day) for day in days]
    dated = [f"{rate.per_euro:g}{f' of {rate.day}' if rate.day else ''}" for rate in dict.fromkeys(each)]
    return f"prices in euro were converted to {question.currency} at {' to '.join(dated)} ({each[-1].source})"


def _currency(part: PriceList) -> str:
    """Return the currency that a list states; empty where it states none."""
    unit = _unit(part)
    if unit is not None and len(unit.currencies) == 1:
        return unit.currencies[0]
    return (part.stated.currency or "").upper()


def _unit(part: PriceList) -> PriceUnit | None:
    return price_unit(part.stated.unit) if part.stated.unit.strip() else None


def _is_complete(part: PriceList) -> bool:
    """Return whether a list has a price in every row; kroner may come after euro, once the day's rate is known."""
    return part.rows.height > 0 and part.rows["price"].null_count() == 0


def _converted(part: PriceList, question: Question, rates: Rates) -> PriceList:
    """Return a list in euro in the home's currency per MWh, each row at the rate of its day."""
    unit = _unit(part)
    divisor = 1.0 if unit is None else unit.divisor
    factors: dict[date, float] = {}

    def convert(row: tuple[str | None, ...]) -> str | None:
        day, price = _day(row[0], part.zone, question), _number(row[1])
        if day is None or price is None:
            return row[1]
        if day not in factors:
            near = min(max(day, question.first), question.last)
            factors[day] = rates.of(near).per_euro * _PER_MWH / divisor
        return f"{price * factors[day]:.3f}"

    prices = [convert(row) for row in part.rows.select("stamp", "price").iter_rows()]
    stated = replace(part.stated, unit=f"{question.currency}/MWh", currency=question.currency)
    return replace(part, rows=part.rows.with_columns(pl.Series("price", prices, dtype=pl.String)), stated=stated)


def _day(stamp: str | None, zone: str | None, question: Question) -> date | None:
    """Return the day of the market that a stamp lies in; None where it cannot be read."""
    try:
        at = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(zone or "UTC"))
    return at.astimezone(ZoneInfo(question.zone)).date()


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
