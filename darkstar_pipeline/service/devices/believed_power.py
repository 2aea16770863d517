"""Judges whether a charger's power is believed: a sensor that is stuck would hold the house battery for ever."""

from dataclasses import dataclass

from planner.wording.messages import phrase
from planner.wording.values import power as power_words

STILL_SECONDS = 1800.0
"""A power that has not changed for so long may be stuck: chargers fluctuate, full cars stop [s]."""
GRID_SECONDS = 300.0
"""Time for which the grid has to disagree without a change of the power: both sensors are late now and then [s]."""
DELIVERED_PART = 0.5
"""Less than this part of the charger's power from grid and panels cannot feed it while the battery holds."""
LARGEST_CAR_KWH = 100.0
"""Battery of a car whose capacity nobody has told [kWh]."""
SAME_KW = 1e-4
FULL_PERCENT = 99.5


@dataclass
class BelievedPower:
    """The power of a charger, and for how long it has been the same.

    Attributes:
        most_kwh: what the charger can draw at most until the car is full [kWh].
        power_kw: the power [kW].
        since: when it became what it is [s].
    """

    most_kwh: float
    power_kw: float = 0.0
    since: float = 0.0
    _disagrees_since: float | None = None

    def see(self, power_kw: float, now: float) -> None:
        """Take a reading."""
        if abs(power_kw - self.power_kw) > SAME_KW:
            self.power_kw, self.since, self._disagrees_since = power_kw, now, None

    def compare(self, delivered_kw: float | None, now: float) -> None:
        """Compare with what grid and panels deliver to the house [kW]; None where that is not known."""
        if delivered_kw is None or delivered_kw >= DELIVERED_PART * self.power_kw:
            self._disagrees_since = None
        elif self._disagrees_since is None:
            self._disagrees_since = now

    def doubt(self, now: float, *, plugged: bool | None, soc_percent: float | None) -> str:
        """Return why the power is not believed; empty where it is.

        Args:
            now: the moment [s].
            plugged: whether the car is plugged in; None where nobody knows.
            soc_percent: state of charge that its own sensor shows; None where nobody knows.
        """
        still, power = now - self.since, power_words(self.power_kw)
        if plugged is False:
            return phrase("the charger's power shows {power}, and the car is away: look at its sensor", power=power)
        if still >= STILL_SECONDS and soc_percent is not None and soc_percent >= FULL_PERCENT:
            return phrase("the charger's power shows {power}, and the car is full: look at its sensor", power=power)
        if self._disagrees_since is not None and now - max(self._disagrees_since, self.since) >= GRID_SECONDS:
            return phrase("the charger's power shows {power}, and the grid gives less: look at its sensor", power=power)
        if still >= STILL_SECONDS and self.power_kw * still / 3600 > self.most_kwh:
            return phrase(
                "the charger's power has shown {power} for {hours:.0f} h, more than a car takes: look at its sensor",
                power=power,
                hours=still / 3600,
            )
        return ""
