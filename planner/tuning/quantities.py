"""The quantities of a site that drift, each with its range and the most it may change in a day.

A quantity begins at its configured value and moves towards what readings show by at most `most_step` a day, never out
of its range. What does not belong here: what readings show (`evidence`), and who uses a value (`planner.strategy`).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from env.battery import Battery

QuantityName: TypeAlias = Literal[
    "load_night",
    "load_morning",
    "load_day",
    "load_evening",
    "pv_morning",
    "pv_midday",
    "pv_afternoon",
    "round_trip_efficiency",
    "capacity_kwh",
    "s_share",
]
QUANTITIES: tuple[QuantityName, ...] = get_args(QuantityName)

BANDS: dict[QuantityName, tuple[int, int]] = {
    "load_night": (0, 6),
    "load_morning": (6, 10),
    "load_day": (10, 16),
    "load_evening": (16, 24),
    "pv_morning": (0, 10),
    "pv_midday": (10, 14),
    "pv_afternoon": (14, 24),
}
"""Local hours of each correction of a forecast, from and to."""

S_SHARE = 0.25
"""Part of the day's uncertainty that the adjustment `s_index` keeps, before anything is learned."""
LEAST_FACTOR, MOST_FACTOR, FACTOR_STEP = 0.8, 1.25, 0.01
EFFICIENCY_BELOW, EFFICIENCY_ABOVE, EFFICIENCY_STEP = 0.15, 0.05, 0.002
LEAST_EFFICIENCY = 0.5
CAPACITY_RANGE, CAPACITY_STEP = 0.2, 0.005
"""Parts of the configured capacity."""
MOST_S_SHARE, S_STEP = 0.5, 0.02
FOLLOWED = 0.2
"""Part of the distance to what readings show that a value goes in a day, before `most_step` bounds it."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity that is learned.

    Attributes:
        name: one of `QUANTITIES`.
        unit: of its values; empty for a factor or a share.
        configured: value that it begins at and is reset to.
        least: lower end of its range.
        most: upper end of its range.
        most_step: largest change in a day.
    """

    name: QuantityName
    unit: str
    configured: float
    least: float
    most: float
    most_step: float

    def clamped(self, value: float) -> float:
        """Return a value inside the range."""
        return min(max(value, self.least), self.most)

    def stepped(self, value: float, target: float) -> float:
        """Return the value of the next day: towards a target, by at most a day's step, inside the range."""
        step = FOLLOWED * (self.clamped(target) - value)
        return self.clamped(value + min(max(step, -self.most_step), self.most_step))


def quantities_of(battery: Battery) -> dict[QuantityName, Quantity]:
    """Return the quantities of a home, by name."""
    efficiency, capacity = battery.charge_efficiency * battery.discharge_efficiency, battery.capacity_kwh
    found = [
        Quantity(name=name, unit="", configured=1.0, least=LEAST_FACTOR, most=MOST_FACTOR, most_step=FACTOR_STEP)
        for name in BANDS
    ]
    found += [
        Quantity(
            name="round_trip_efficiency",
            unit="",
            configured=efficiency,
            least=max(efficiency - EFFICIENCY_BELOW, min(efficiency, LEAST_EFFICIENCY)),
            most=min(efficiency + EFFICIENCY_ABOVE, 1.0),
            most_step=EFFICIENCY_STEP,
        ),
        Quantity(
            name="capacity_kwh",
            unit="kWh",
            configured=capacity,
            least=(1 - CAPACITY_RANGE) * capacity,
            most=(1 + CAPACITY_RANGE) * capacity,
            most_step=CAPACITY_STEP * capacity,
        ),
        Quantity(name="s_share", unit="", configured=S_SHARE, least=0.0, most=MOST_S_SHARE, most_step=S_STEP),
    ]
    return {each.name: each for each in found}
