"""The rows of what is missing, in names and in words; light, since the service starts with it."""

from planner.wording.messages import figures, phrase

HINDSIGHT, MONTH = "hindsight", "month_known"
_WORDS = {
    HINDSIGHT: phrase("everything known (perfect hindsight)"),
    "sun_known": phrase("sun known"),
    "load_known": phrase("load known"),
    "sun_and_load_known": phrase("sun and load known"),
    "prices_known": phrase("next day's prices known"),
    "all_known": phrase("sun, load and next day's prices known"),
    MONTH: phrase("beyond that, the month's peaks known"),
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
    if what in _WORDS:
        return _WORDS[what]
    return phrase("battery of {kwh} kWh, same power", kwh=figures(what.split("_")[1]))
