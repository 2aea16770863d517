"""The rows of what is missing, in names and in words; light, since the service starts with it."""

HINDSIGHT, MONTH = "hindsight", "month_known"
_WORDS = {
    HINDSIGHT: "everything known (perfect hindsight)",
    "sun_known": "sun known",
    "load_known": "load known",
    "sun_and_load_known": "sun and load known",
    "prices_known": "next day's prices known",
    "all_known": "sun, load and next day's prices known",
    MONTH: "beyond that, the month's peaks known",
}


def battery_name(capacity_kwh: float) -> str:
    """Return the name of the row of a battery.

    >>> battery_name(15.0)
    'battery_15_kwh'
    """
    return f"battery_{capacity_kwh:.4g}_kwh"


def in_words(what: str) -> str:
    """Return the name of a row in words.

    >>> in_words("sun_known"), in_words("battery_15_kwh")
    ('sun known', 'battery of 15 kWh, same power')
    """
    return _WORDS[what] if what in _WORDS else f"battery of {what.split('_')[1]} kWh, same power"
