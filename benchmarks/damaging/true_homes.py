"""Random homes by the minute, and what a sensor, a file or the statistics of each records when nothing goes wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals

DAYS, MINUTES = 4, 1440
TIMEZONE = "Europe/Stockholm"
START = datetime(2026, 1, 9, 23, tzinfo=UTC)
"""The first local midnight."""
FIRST = START.timestamp()
AFTER = 180
"""An export ends some time after the last day that is judged [min]."""


class Form(StrEnum):
    """The way in which readings are recorded."""

    LIFETIME = "lifetime counter"
    DAILY = "daily counter"
    POWER = "power"
    TIDY = "tidy file"
    STATISTICS = "statistics"

    @property
    def counts(self) -> bool:
        """Return whether a value is a level that rises, and not what flows."""
        return self in (Form.LIFETIME, Form.DAILY, Form.STATISTICS)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The record of one quantity.

    Attributes:
        column: `load_kwh` or `pv_kwh`.
        truth: energy by the minute, shape (DAYS * MINUTES,) [kWh].
        step: minutes between two polls or rows.
        resolution: smallest step of a value.
        changes_only: whether a value is recorded only where it differs from the one before.
        seconds: instants, shape (n,) [s].
        values: kWh, kW, or kWh per row, shape (n,).
    """

    form: Form
    column: str
    truth: Reals
    step: int
    resolution: float
    changes_only: bool
    seconds: Reals
    values: Reals

    @property
    def slack_kwh(self) -> float:
        """Return what the last digit hides of a day's energy [kWh]."""
        return self.resolution * (MINUTES / 60 / 2 if self.form is Form.POWER else 2)


def recorded(random: np.random.Generator, form: Form) -> Recording:
    """Draw a home and record it."""
    column = "pv_kwh" if random.random() < 0.25 else "load_kwh"  # noqa: PLR2004 - one in four
    truth = _pv(random) if column == "pv_kwh" else _load(random)
    if form is Form.TIDY:
        step = int(random.choice([15, 60]))
        values = np.round(np.append(truth, truth[:AFTER]).reshape(-1, step).sum(axis=1), 4)
        seconds = FIRST + 60.0 * step * np.arange(len(values), dtype=np.float64)
        return Recording(
            form=form,
            column=column,
            truth=truth,
            step=step,
            resolution=1e-4,
            changes_only=False,
            seconds=seconds,
            values=values,
        )
    step = 60 if form is Form.STATISTICS else int(random.choice([1, 2, 5]))
    resolution = 0.001 if form is Form.POWER else float(random.choice([0.001, 0.01, 0.1]))
    at = np.arange(0, DAYS * MINUTES + AFTER + 1, step)
    counted = counted_by_minute(truth)
    if form is Form.POWER:
        values = np.append(np.diff(counted[at]) / step * 60, truth[AFTER] * 60)
    elif form is Form.DAILY:
        values = counted[at] - counted[at // MINUTES * MINUTES]
    else:
        values = counted[at] + random.uniform(500, 60_000)
    cut = np.round if form is Form.POWER else np.floor  # a power shows its nearest digit, a counter what is full
    values = cut(values / resolution + 1e-6) * resolution
    changes_only = form is not Form.STATISTICS and bool(random.random() < 0.5)  # noqa: PLR2004 - one in two
    keep = np.append(True, np.diff(values) != 0) if changes_only else np.ones(len(at), dtype=np.bool_)
    late = 0.0 if form is Form.STATISTICS else random.uniform(0, 0.9)
    return Recording(
        form=form,
        column=column,
        truth=truth,
        step=step,
        resolution=resolution,
        changes_only=changes_only,
        seconds=(FIRST + 60.0 * at.astype(np.float64) + late)[keep],
        values=values[keep],
    )


def counted_by_minute(truth: Reals) -> Reals:
    """Return what flowed since the first midnight, up to the end of the recording: the first day begins again [kWh]."""
    return np.concatenate(([0.0], np.cumsum(np.append(truth, truth[:AFTER]))))


def _load(random: np.random.Generator) -> Reals:
    """A base load, mornings, evenings, appliances; now and then a car, or a day away [kWh by the minute]."""
    minute = np.arange(DAYS * MINUTES)
    hour = minute / 60 % 24
    base = random.uniform(0.1, 0.6) * (1 + 0.3 * np.sin(minute / 37))
    lived = random.uniform(0.2, 2) * np.exp(-(((hour - 19) / 2) ** 2))
    for start in random.integers(0, len(minute), random.integers(0, 12)):
        lived[start : start + random.integers(5, 120)] += random.uniform(1, 6)
    if random.random() < 0.2:  # noqa: PLR2004 - one in five
        start = int(random.integers(0, len(minute)))
        lived[start : start + random.integers(60, 300)] += random.choice([3.7, 7.4, 11.0])
    if random.random() < 0.1:  # noqa: PLR2004 - one in ten
        away = int(random.integers(DAYS)) * MINUTES
        lived[away : away + MINUTES] = 0
    return (base + lived) / 60


def _pv(random: np.random.Generator) -> Reals:
    """Short days, each with its own sky, from under snow to clear [kWh by the minute]."""
    minute = np.arange(DAYS * MINUTES)
    hour = minute / 60 % 24
    sky = np.repeat(random.choice([0.02, 0.1, 0.5, 1.0], DAYS), MINUTES)
    clouds = np.repeat(random.uniform(0.4, 1, len(minute) // 10), 10)
    power = random.uniform(2, 10) * sky * clouds * np.maximum(np.cos((hour - 12) / 8.5 * np.pi), 0)
    return power / 60
