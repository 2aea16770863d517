"""Storms in a forecast of the weather: the spans in which an outage is likely, each with what is forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class StormHour:
    """Forecast of an hour.

    Attributes:
        ends: its end.
        gust_ms: strongest gust; None where nothing is said of it [m/s].
        thunder: whether it thunders; None where nothing is said of it.
    """

    ends: datetime
    gust_ms: float | None
    thunder: bool | None


@dataclass(frozen=True, kw_only=True)
class Storm:
    """A span of hours that warn.

    Attributes:
        begins: its begin.
        ends: its end.
        gust_ms: strongest gust; None where nothing is said of it [m/s].
        thunder: whether it thunders.
    """

    begins: datetime
    ends: datetime
    gust_ms: float | None
    thunder: bool


def storms_in(hours: Sequence[StormHour], *, gusts_above: float | None, thunder: bool, apart: timedelta) -> list[Storm]:
    """Return the storms of a forecast, in order.

    Args:
        hours: of the forecast, ascending.
        gusts_above: gusts that warn are stronger; None: gusts do not warn [m/s].
        thunder: whether thunder warns.
        apart: hours that warn and are nearer to each other are one storm.
    """
    found: list[Storm] = []
    for hour in hours:
        blows = gusts_above is not None and hour.gust_ms is not None and hour.gust_ms > gusts_above
        thunders = thunder and bool(hour.thunder)
        if not blows and not thunders:
            continue
        begins, gust = hour.ends - HOUR, hour.gust_ms if blows else None
        if found and begins - found[-1].ends <= apart:
            last = found.pop()
            gusts = [each for each in (last.gust_ms, gust) if each is not None]
            begins, gust, thunders = last.begins, max(gusts, default=None), thunders or last.thunder
        found.append(Storm(begins=begins, ends=hour.ends, gust_ms=gust, thunder=thunders))
    return found
