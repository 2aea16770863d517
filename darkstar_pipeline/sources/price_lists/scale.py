"""The size of prices, which shows a wrong unit where nothing states it."""

import math

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from planner.currencies import PER_EURO, hundredths

MAX_TYPICAL_PRICE_EUR = 0.75
"""The median price of a file may not exceed this [EUR/kWh]; the most expensive day of 2022 had a median of 0.53."""
MAX_PRICE_EUR = 6.0
"""No single price may exceed this either way [EUR/kWh]; the market's own cap was never above 5."""


def price_limit(currency: str, per_euro: float) -> float:
    """Convert a limit from EUR/kWh to another currency [money/kWh]; a currency of unknown size has none.

    >>> price_limit("SEK", 1.0), price_limit("XTS", 1.0)
    (11.0, inf)
    """
    return per_euro * PER_EURO.get(currency.upper(), math.inf)


def size_note(currency: str) -> str:
    """Return a note where the size of prices cannot be checked; empty where it can."""
    if currency.upper() in PER_EURO:
        return ""
    return f"the worth of {currency} is not known here, so the size of its prices was not checked: they must be per kWh"


def refuse_wrong_price_scale(prices: pl.Series, currency: str, file: str) -> None:
    """Refuse prices per MWh or in hundredths.

    Args:
        prices: readable prices [money/kWh if right].
        currency: the site's currency.
        file: name that is reported.

    Raises:
        DataRefusedError: with what to divide by.
    """
    finite = prices.filter(prices.is_finite() & (prices != 0))
    typical = finite.abs().median()
    limit = price_limit(currency, MAX_TYPICAL_PRICE_EUR)
    if isinstance(typical, float) and typical > limit:
        message = f"{file}: the typical price is {typical:,.4g}, too much for {currency}/kWh (at most {limit:.2g})"
        hint = f"prices are {currency} per kWh: divide {currency}/MWh by 1000, {hundredths(currency)}/kWh by 100"
        raise DataRefusedError(message, hint)
