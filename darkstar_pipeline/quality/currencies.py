"""Currencies by their order of magnitude, which tells a price per kWh from one per MWh or in hundredths.

Orders of magnitude are enough: between the units lie factors of 100 and 1000. A currency that is not listed is used
like any other, only without a check of the size of its prices.
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
"""Units of a currency that a euro costs, by ISO 4217 code; good to a factor of two."""
_HUNDREDTHS = {"SEK": "öre", "NOK": "øre", "DKK": "øre", "GBP": "pence", "HUF": "fillér", "PLN": "grosze"}


def hundredths(currency: str) -> str:
    """Return the name of a currency's hundredths."""
    return _HUNDREDTHS.get(currency.upper(), "cents")
