"""Format numbers, prices, clock times and ranks for explanations: the same words for the same values."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from env.inverter import Energy
from planner.wording.messages import figures, joined, phrase

WEEKDAYS_TELL = timedelta(days=6)
"""Time ahead in which a weekday names one day alone."""
LEAST_SHOWN = 0.005  # anything less rounds to 0.00
WEEKDAYS = (
    phrase("day|Mon"),
    phrase("day|Tue"),
    phrase("day|Wed"),
    phrase("day|Thu"),
    phrase("day|Fri"),
    phrase("day|Sat"),
    phrase("day|Sun"),
)

MONTHS = (
    phrase("January"),
    phrase("February"),
    phrase("March"),
    phrase("April"),
    phrase("May"),
    phrase("June"),
    phrase("July"),
    phrase("August"),
    phrase("September"),
    phrase("October"),
    phrase("November"),
    phrase("December"),
)
SHORT_MONTHS = (
    phrase("Jan"),
    phrase("Feb"),
    phrase("Mar"),
    phrase("Apr"),
    phrase("short|May"),
    phrase("Jun"),
    phrase("Jul"),
    phrase("Aug"),
    phrase("Sep"),
    phrase("Oct"),
    phrase("Nov"),
    phrase("Dec"),
)


class Words:
    """Formats values in one home's currency and timezone.

    Args:
        currency: currency of prices.
        timezone: timezone of clock times.
    """

    def __init__(self, currency: str, timezone: str) -> None:
        self.currency = currency
        self.zone = ZoneInfo(timezone)

    def price(self, price: float) -> str:
        """Format a price: `0.82 SEK/kWh`."""
        return figures(f"{_two(price)} {self.currency}/kWh")

    def money(self, amount: float) -> str:
        """Format an amount: `2.10 SEK`."""
        return figures(f"{_two(amount)} {self.currency}")

    def clock(self, instant: datetime, seen_from: datetime) -> str:
        """Format local time, with the day if it is another one, and the zone's letters if the clock shows it twice."""
        local, here = instant.astimezone(self.zone), seen_from.astimezone(self.zone)
        text = self._hour(local)
        days = (local.date() - here.date()).days
        if days == 0:
            return text
        if days == 1:
            return phrase("{time} tomorrow", time=text)
        return phrase("{time} on {day}", time=text, day=f"{local:%Y-%m-%d}")

    def span(self, start: datetime, end: datetime) -> str:
        """Format a span of local time with its weekday: `Wed 17:00–Thu 00:45`; midnight ends the day before."""
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        same = first.date() == (last - timedelta(minutes=1)).date()
        return joined("–", [self.moment(start), self._hour(last) if same else self.moment(end)])

    def far_span(self, start: datetime, end: datetime, seen_from: datetime) -> str:
        """Format a span as `span`, with dates where it ends so late that weekdays are those of another week."""
        if end - seen_from < WEEKDAYS_TELL:
            return self.span(start, end)
        ends = (each.astimezone(self.zone) for each in (start, end))
        return joined("–", [joined(" ", [f"{local:%Y-%m-%d}", self._hour(local)]) for local in ends])

    def moment(self, instant: datetime) -> str:
        """Format a local weekday and time: `Wed 17:00`."""
        local = instant.astimezone(self.zone)
        return joined(" ", [weekday(local), self._hour(local)])

    @staticmethod
    def _hour(local: datetime) -> str:
        """Format the time of day, with the zone's letters if the clock shows it twice."""
        text = f"{local:%H:%M}"
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{text} {local.tzname()}" if twice else text

    def day(self, instant: datetime, seen_from: datetime) -> str:
        """Format a local day: `tomorrow`, `the day after tomorrow`, or its date."""
        local, here = instant.astimezone(self.zone), seen_from.astimezone(self.zone)
        near = {1: phrase("tomorrow"), 2: phrase("the day after tomorrow")}
        return near.get((local.date() - here.date()).days, f"{local:%Y-%m-%d}")


def energy(kwh: float) -> str:
    """Format an energy: `1.90 kWh`; a value that would round to zero is written as less than the smallest one."""
    return figures(f"{kwh:.2f} kWh") if kwh >= LEAST_SHOWN else phrase("less than {energy}", energy=figures("0.01 kWh"))


def power(kw: float) -> str:
    """Format a power: `4.2 kW`, without trailing zeros."""
    return figures(f"{round(kw, 2):g} kW")


def _two(value: float) -> str:
    """Format with two decimals and no negative zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def cheapest(rank: int) -> str:
    """Format a price rank: `cheapest`, `2nd cheapest`, `11th cheapest`."""
    if rank == 1:
        return phrase("cheapest")
    ending = 0 if 10 < rank % 100 < 14 else rank % 10  # noqa: PLR2004 - eleven to thirteen
    by_ending = {
        1: phrase("{rank}st cheapest", rank=rank),
        2: phrase("{rank}nd cheapest", rank=rank),
        3: phrase("{rank}rd cheapest", rank=rank),
    }
    return by_ending.get(ending, phrase("{rank}th cheapest", rank=rank))


def month_and_year(day: date) -> str:
    """Return a month with its year: `January 2026`."""
    return phrase("{month} {year}", month=MONTHS[day.month - 1], year=str(day.year))


def day_and_time(local: datetime) -> str:
    """Return the day of the month, the month's short name and the time: `31 Jan 17:00`."""
    return phrase("{day} {month} {time}", day=f"{local:%d}", month=SHORT_MONTHS[local.month - 1], time=f"{local:%H:%M}")


def weekday(local: date) -> str:
    """Return the short name of a day of the week: `Wed`."""
    return WEEKDAYS[local.weekday()]


def ranks(values: Energy) -> Energy:
    """Return the rank of each value from 1, the lowest first; equal values share a rank."""
    ascending = np.sort(values)
    return np.searchsorted(ascending, values, side="left").astype(np.float64) + 1


def command_words(command: tuple[float, float, float], most_kw: float, import_limit_kw: float | None = None) -> str:
    """Describe a command (charge, discharge and export power [kW]); `most_kw` is the battery's largest power.

    >>> command_words((0.0, 8.0, 0.0), 8.0)
    'self-consumption'
    >>> command_words((3.0, 0.0, 0.0), 8.0, 4.25)
    'charge 3.0 kW, import at most 4.25 kW'
    """
    words = _powers_words(command, most_kw)
    if import_limit_kw is None:
        return words
    return phrase("{command}, import at most {power}", command=words, power=power(import_limit_kw))


def _powers_words(command: tuple[float, float, float], most_kw: float) -> str:
    """Describe the powers of a command."""
    charge_kw, discharge_kw, export_kw = command
    if charge_kw > 0:
        return phrase("charge {kw:.1f} kW", kw=charge_kw)
    if discharge_kw > 0 and export_kw > 0:
        if export_kw < most_kw:
            return phrase("cover load and sell {kw:.1f} kW", kw=export_kw)
        return phrase("cover load and sell")
    if discharge_kw > 0:
        if discharge_kw >= most_kw:
            return phrase("self-consumption")
        return phrase("cover load up to {kw:.1f} kW", kw=discharge_kw)
    return phrase("sell surplus") if export_kw > 0 else phrase("hold")
