"""Currencies by their order of magnitude: they tell kWh from MWh, and built-in money in others.

Orders of magnitude are enough: between the units lie factors of 100 and 1000, and money that is built in is a guess in
its own currency too. A currency that is not listed is used like any other, only without a check of the size of its
prices, and without money that is built in.
"""

PER_EURO = {
    "EUR": 1.0,
    "SEK": 11.0,
    "NOK": 11.5,
    "DKK": 7.46,
    "ISK": 145.0,
    "GBP": 0.85,
    "CHF": 0.95,
    "PLN": 4.3,
    "CZK": 25.0,
    "HUF": 400.0,
    "RON": 5.0,
    "BGN": 1.96,
    "BAM": 1.96,
    "RSD": 117.0,
    "MKD": 61.5,
    "ALL": 100.0,
    "MDL": 20.0,
    "UAH": 47.0,
    "TRY": 45.0,
    "GEL": 3.1,
    "AMD": 430.0,
    "AZN": 1.9,
    "KZT": 560.0,
    "ILS": 4.0,
    "EGP": 55.0,
    "MAD": 10.7,
    "ZAR": 20.0,
    "KES": 145.0,
    "NGN": 1700.0,
    "AED": 4.1,
    "SAR": 4.2,
    "USD": 1.1,
    "CAD": 1.55,
    "MXN": 21.0,
    "BRL": 6.2,
    "CLP": 1050.0,
    "COP": 4500.0,
    "ARS": 1500.0,
    "PEN": 4.1,
    "UYU": 46.0,
    "AUD": 1.7,
    "NZD": 1.9,
    "JPY": 165.0,
    "KRW": 1550.0,
    "CNY": 8.0,
    "HKD": 8.8,
    "TWD": 35.0,
    "SGD": 1.45,
    "MYR": 4.9,
    "THB": 37.0,
    "PHP": 63.0,
    "IDR": 18_000.0,
    "VND": 28_000.0,
    "INR": 97.0,
    "PKR": 315.0,
    "LKR": 340.0,
    "BDT": 133.0,
}
"""Units of a currency that a euro costs, by ISO 4217 code: rounded rates of 2026, good to a factor of two.

They are never updated by themselves: a setting that follows from them would change, and with it stored results.
"""
SWEDISH_KRONA = "SEK"
_HUNDREDTHS = {"SEK": "öre", "NOK": "øre", "DKK": "øre", "GBP": "pence", "HUF": "fillér", "PLN": "grosze"}


def hundredths(currency: str) -> str:
    """Return the name of a currency's hundredths."""
    return _HUNDREDTHS.get(currency.upper(), "cents")


def worth(amount: float, currency: str, *, of: str = SWEDISH_KRONA) -> float | None:
    """Return so much money in another currency, to two digits; None where that currency's worth is not known.

    >>> worth(0.2, "SEK"), worth(0.2, "EUR"), worth(0.2, "huf"), worth(0.2, "XTS")
    (0.2, 0.018, 7.3, None)

    Args:
        amount: money of the currency `of`.
        currency: the one that is wanted.
        of: the one that it is given in.
    """
    rate = PER_EURO.get(currency.strip().upper())
    return None if rate is None else float(f"{amount * rate / PER_EURO[of]:.2g}")
