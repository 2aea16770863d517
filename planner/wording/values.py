"""Format numbers, prices, clock times and ranks for explanations: the same words for the same values."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from env.inverter import Energy

LEAST_SHOWN = 0.005  # anything less rounds to 0.00
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


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
        return f"{_two(price)} {self.currency}/kWh"

    def money(self, amount: float) -> str:
        """Format an amount: `2.10 SEK`."""
        return f"{_two(amount)} {self.currency}"

    def clock(self, instant: datetime, seen_from: datetime) -> str:
        """Format local time, with the day if it is another one, and the zone's letters if the clock shows it twice."""
        local, here = instant.astimezone(self.zone), seen_from.astimezone(self.zone)
        text = self._hour(local)
        days = (local.date() - here.date()).days
        if days == 0:
            return text
        return f"{text} tomorrow" if days == 1 else f"{text} on {local:%Y-%m-%d}"

    def span(self, start: datetime, end: datetime) -> str:
        """Format a span of local time with its weekday: `Wed 17:00–Thu 00:45`; midnight ends the day before."""
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        same = first.date() == (last - timedelta(minutes=1)).date()
        return f"{self.moment(start)}–{self._hour(last) if same else self.moment(end)}"

    def moment(self, instant: datetime) -> str:
        """Format a local weekday and time: `Wed 17:00`."""
        local = instant.astimezone(self.zone)
        return f"{local:%a} {self._hour(local)}"

    @staticmethod
    def _hour(local: datetime) -> str:
        """Format the time of day, with the zone's letters if the clock shows it twice."""
        text = f"{local:%H:%M}"
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{text} {local.tzname()}" if twice else text

    def day(self, instant: datetime, seen_from: datetime) -> str:
        """Format a local day: `tomorrow`, `the day after tomorrow`, or its date."""
        local, here = instant.astimezone(self.zone), seen_from.astimezone(self.zone)
        near = {1: "tomorrow", 2: "the day after tomorrow"}
        return near.get((local.date() - here.date()).days, f"{local:%Y-%m-%d}")


def energy(kwh: float) -> str:
    """Format an energy: `1.90 kWh`; a value that would round to zero is written as less than the smallest one."""
    return f"{kwh:.2f} kWh" if kwh >= LEAST_SHOWN else "less than 0.01 kWh"


def power(kw: float) -> str:
    """Format a power: `4.2 kW`, without trailing zeros."""
    return f"{round(kw, 2):g} kW"


def _two(value: float) -> str:
    """Format with two decimals and no negative zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def ordinal(rank: int) -> str:
    """Format a rank: `1st`, `2nd`, `11th`, `23rd`."""
    tens = rank % 100
    return f"{rank}{'th' if 10 < tens < 14 else _ENDINGS.get(rank % 10, 'th')}"  # noqa: PLR2004 - eleven to thirteen


def cheapest(rank: int) -> str:
    """Format a price rank: `cheapest`, `2nd cheapest`."""
    return "cheapest" if rank == 1 else f"{ordinal(rank)} cheapest"


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
    return words if import_limit_kw is None else f"{words}, import at most {power(import_limit_kw)}"


def _powers_words(command: tuple[float, float, float], most_kw: float) -> str:
    """Describe the powers of a command."""
    charge_kw, discharge_kw, export_kw = command
    if charge_kw > 0:
        return f"charge {charge_kw:.1f} kW"
    if discharge_kw > 0 and export_kw > 0:
        return f"cover load and sell {export_kw:.1f} kW" if export_kw < most_kw else "cover load and sell"
    if discharge_kw > 0:
        return "self-consumption" if discharge_kw >= most_kw else f"cover load up to {discharge_kw:.1f} kW"
    return "sell surplus" if export_kw > 0 else "hold"
