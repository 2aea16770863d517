"""Keeps a live state of charge believable: a level is taken only where the battery can have got there.

Sensors of batteries read 0 for seconds to minutes when an inverter restarts or a gateway loses its battery. Planned on,
such a 0 charges the home from the grid at any price. Power times time bounds what is possible. A level out of reach is
taken once it has stood for ten minutes, as after a recalibration; an empty battery only once it is within reach, and
below the range that is planned with only once it has stood for half an hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from env.battery import Battery

SLACK_PERCENT = 3.0
"""Whole percents at both ends, and a little more [points]."""
POWER_FACTOR = 1.25
"""Batteries exceed the power of their data sheet for a while, and their usable capacity is below the nominal one."""
SETTLED = timedelta(minutes=10)
"""A level out of reach that has stood for so long is no glitch."""
EMPTY_SETTLED = timedelta(minutes=30)
"""A battery that is kept above a minimum is empty only when it has said so for so long."""
SEED_AGE = timedelta(hours=3)
"""A stored reading older than this says nothing about a live level."""


@dataclass(frozen=True)
class Level:
    """A state of charge [%], and when it was read."""

    percent: float
    at: datetime


class BelievableSoc:
    """The last believable state of charge of a battery.

    Args:
        battery: its capacity and powers bound what it can reach.
    """

    def __init__(self, battery: Battery) -> None:
        self._battery = battery
        self.level: Level | None = None
        self._doubtful: Level | None = None
        self._doubtful_since: datetime | None = None

    def seed(self, level: Level | None, now: datetime) -> None:
        """Begin from a stored reading, if it is not too old, not empty, and nothing was read live."""
        if self.level is None and level is not None and level.percent > 0 and _is_within(now - level.at, SEED_AGE):
            self.level = level

    def take(self, percent: float, at: datetime, now: datetime) -> str:
        """Take a live level if the battery can have got there; return why not, empty where it was taken.

        Args:
            percent: what the sensor says [%].
            at: when it said so.
            now: the present instant.
        """
        new = Level(percent, at)
        if self._is_believable(new) or self._has_settled(new, now):
            self.level, self._doubtful, self._doubtful_since = new, None, None
            return ""
        last = self.level
        if last is None:
            return f"reads {percent:g} %, and nothing was read before: it is not believed yet"
        way, power_kw = self._way(last, new)
        return (
            f"reads {percent:g} %, which the battery cannot have reached from {last.percent:g} % at "
            f"{last.at:%H:%M:%SZ} ({way} {power_kw:g} kW at most); {last.percent:g} % is kept"
        )

    def _is_believable(self, new: Level) -> bool:
        """Return whether the battery can have got there from the last believable level."""
        if self.level is None:
            return new.percent > 0
        is_odd = new.percent <= 0 < self.level.percent and self._minimum_percent > SLACK_PERCENT
        return self._is_reachable(self.level, new) and not is_odd

    @property
    def _minimum_percent(self) -> float:
        return 100 * self._battery.min_soc_kwh / self._battery.capacity_kwh

    def _is_reachable(self, last: Level, new: Level) -> bool:
        """Return whether power times time allows the change; a clock that was set back far starts over."""
        passed = new.at - last.at
        if passed < -SEED_AGE:
            return True
        _, power_kw = self._way(last, new)
        hours = max(passed.total_seconds(), 0.0) / 3600
        reach = SLACK_PERCENT + POWER_FACTOR * 100 * power_kw * hours / self._battery.capacity_kwh
        return abs(new.percent - last.percent) <= reach

    def _has_settled(self, new: Level, now: datetime) -> bool:
        """Return whether a doubtful level has stood long enough; an empty battery's is believed when within reach."""
        if self._doubtful is None or self._doubtful_since is None or not self._is_reachable(self._doubtful, new):
            self._doubtful_since = now
        self._doubtful = new
        stood = now - self._doubtful_since
        if new.percent <= 0 and self.level is not None:
            return self._is_reachable(self.level, new) and stood >= EMPTY_SETTLED
        # An empty battery that is full of energy a minute later was the glitch itself.
        needed = SETTLED / 10 if self.level is not None and self.level.percent <= 0 else SETTLED
        return stood >= needed

    def _way(self, last: Level, new: Level) -> tuple[str, float]:
        battery = self._battery
        return ("up", battery.charge_kw) if new.percent > last.percent else ("down", battery.discharge_kw)


def _is_within(age: timedelta, most: timedelta) -> bool:
    return timedelta(0) <= age <= most
