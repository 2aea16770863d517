"""Units of prices as exports state them: `öre/kWh`, `EUR/MWh`, `c/kWh`, `SEK_per_kWh`, `SpotPriceDKK`.

What does not belong here: what to do with a unit (`stated`), and the size of prices (`scale`).
"""

import re
from dataclasses import dataclass

from planner.currencies import PER_EURO

_SYMBOLS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "euro": ("EUR",),
    "euros": ("EUR",),
    "£": ("GBP",),
    "gbp": ("GBP",),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kronor": ("SEK",),
    "zł": ("PLN",),
    "zl": ("PLN",),
    "kč": ("CZK",),
    "ft": ("HUF",),
    "lei": ("RON",),
    "fr": ("CHF",),
    "$": (),
}
_HUNDREDTHS: dict[str, tuple[str, ...]] = {
    "öre": ("SEK",),
    "ore": ("SEK", "NOK", "DKK"),
    "øre": ("NOK", "DKK"),
    "oere": ("NOK", "DKK"),
    "p": ("GBP",),
    "pence": ("GBP",),
    "c€": ("EUR",),
    "€c": ("EUR",),
    "ct€": ("EUR",),
    "€ct": ("EUR",),
    "eurocent": ("EUR",),
    "eurocents": ("EUR",),
    "snt": ("EUR",),
    "rp": ("CHF",),
    "gr": ("PLN",),
    "c": (),
    "ct": (),
    "cts": (),
    "cent": (),
    "cents": (),
    "¢": (),
}
_PER_KWH = {"kwh": 1.0, "mwh": 1000.0, "wh": 0.001, "gwh": 1e6, "megawatthour": 1000.0, "kilowatthour": 1.0}
_UNIT = re.compile(r"^\s*(?P<money>[^/0-9]*?)\s*(?:/|[ _]?per[ _])\s*(?P<energy>[a-z]+)\s*$", re.IGNORECASE)
_MORE = re.compile(
    r"in[ck]l|inc_|moms|vat|tax|skatt|mwst|btw|\balv|total|brutto|gross|avgift|fee|costs?\b", re.IGNORECASE
)
_LESS = re.compile(
    r"(?<![a-z])(?:ex|exc|exkl?|excl|exklusive|excluding|utan|uten|without|ohne|zonder|before|före)(?![a-z])|no_?(?:tax|vat)"
)
_HUNDRED = 100.0


@dataclass(frozen=True, kw_only=True)
class PriceUnit:
    """A unit of a price.

    Attributes:
        text: as it was stated.
        currencies: those it may be of; empty: any.
        divisor: what its numbers are divided by to give money per kWh.
        energy: whether it states an energy.
    """

    text: str
    currencies: tuple[str, ...]
    divisor: float
    energy: bool = True


def price_unit(text: str) -> PriceUnit | None:
    """Return a unit of a price; None where the text is none.

    >>> [unit and (unit.currencies, unit.divisor) for unit in map(price_unit, ("öre/kWh", "EUR/MWh", "/MWh", "kWh"))]
    [(('SEK',), 100.0), (('EUR',), 1000.0), ((), 1000.0), None]
    """
    found = _UNIT.match(text)
    if found is None:
        money = _money(text) if text.strip() else None
        return money and PriceUnit(text=text.strip(), currencies=money[0], divisor=money[1], energy=False)
    energy = _PER_KWH.get(found["energy"].lower())
    money = _money(found["money"]) if found["money"] else ((), 1.0)
    if energy is None or money is None:
        return None
    return PriceUnit(text=text.strip(), currencies=money[0], divisor=money[1] * energy)


def says_more_than_spot(name: str) -> bool:
    """Return whether a column's name tells of tax or fees in its prices: `Pris inkl moms (öre/kWh)`."""
    plain = name.lower()
    return bool(_MORE.search(plain)) and not _LESS.search(plain)


def unit_of_name(name: str) -> PriceUnit | None:
    """Return the unit that the name of a column or key states; None where it states none.

    >>> [unit_of_name(n).divisor for n in ("SEK_per_kWh", "SpotPriceDKK", "Day-ahead Price (EUR/MWh)", "ore_per_kwh")]
    [1.0, 1000.0, 1000.0, 100.0]
    """
    bracket = re.search(r"[(\[]\s*([^()\[\]]+?/\s*[a-z]+)\s*[)\]]", name, re.IGNORECASE)
    if bracket:
        return price_unit(bracket[1])
    market = re.fullmatch(r"(?:spot|day_?ahead)_?price_?([a-z]{3})", name, re.IGNORECASE)
    if market and market[1].upper() in PER_EURO:
        return PriceUnit(text=f"{market[1].upper()}/MWh", currencies=(market[1].upper(),), divisor=1000.0)
    bare = re.sub(r"^(?:spot_?)?price_?(?=.)", "", name, flags=re.IGNORECASE)
    shown = re.sub(r"(?:^|_| )per[_ ]", "/", bare, flags=re.IGNORECASE)
    if shown == bare:  # `ct_kwh`, but not `p_kwh`, which may be any energy
        shown = re.sub(r"(?<=\w\w)_(?=(?:k|m|g)wh$)", "/", bare, flags=re.IGNORECASE)
    unit = price_unit(shown)
    return unit if unit is not None and unit.energy else None


def _money(text: str) -> tuple[tuple[str, ...], float] | None:
    """Return the currencies that a text may mean and how many of it make one of theirs; None where it is no money."""
    word = text.strip(" _.").lower()
    if word.upper() in PER_EURO or word.upper() in ("XTS", "XXX"):
        return (word.upper(),), 1.0
    if word in _SYMBOLS:
        return _SYMBOLS[word], 1.0
    if word in _HUNDREDTHS:
        return _HUNDREDTHS[word], _HUNDRED
    parts = re.fullmatch(r"([a-z]{3})[ -_]?(ct|cts|cent|cents|c)|(ct|cts|cent|cents|c)[ -_]?([a-z]{3})", word)
    code = (parts[1] or parts[4]).upper() if parts else ""
    return ((code,), _HUNDRED) if code in PER_EURO else None
