"""The faults put into the sample on purpose, so that repair and grading have something to show.

Their days were chosen once by hand: ordinary days, one kind of fault each, prices well above zero where prices are
hit, away from the clock changes, so that what ought to happen is beyond doubt. Nothing is drawn at random and no price
that is truly zero or negative is touched. Repairing and grading them is the business of others; `docs/sample.md` has
the same list.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sample.recording import NATIVE_MINUTES, SAMPLE_TIMEZONE, Sample
from env.time_grid import SLOT_DTYPE, SLOT_MINUTES, zone

HOUR = timedelta(minutes=NATIVE_MINUTES)
SLOTS_PER_HOUR = NATIVE_MINUTES // SLOT_MINUTES

LOAD_ERROR_KWH = 0.35
"""Added to each hour of a load mismatch [kWh]; a day's grade counts hours that are more than 0.2 kWh off."""
LEAST_PRICE_HIT = 0.04
"""Only prices from here on are overwritten or removed [EUR/kWh]: a zero there cannot be a true one."""


class FaultKind(StrEnum):
    """Faults of the recording."""

    PRICE_ZERO_HOUR = "price_zero_hour"
    PRICE_ZERO_RUN = "price_zero_run"
    PRICE_ZERO_ALTERNATING = "price_zero_alternating"
    PRICE_ZERO_DAY = "price_zero_day"
    PRICE_GAP = "price_gap"
    OBSERVATION_GAP = "observation_gap"
    LOAD_MISMATCH = "load_mismatch"
    PV_STUCK = "pv_stuck"


class Expected(StrEnum):
    """The result of a sound pipeline."""

    REPAIRED = "repaired"
    """The zeros are recognised and replaced; the day counts."""
    FILLED = "filled"
    """The missing prices are filled from their neighbours; the day counts."""
    CLEAN = "clean"
    """Too little to matter; the day counts as it is."""
    EXCLUDED = "excluded"
    """The day is refused and left out of every result."""


@dataclass(frozen=True)
class Fault:
    """One fault on one local day.

    Attributes:
        kind: what went wrong.
        start: start of the first hour hit [UTC].
        slots: quarter-hours hit.
        description: what a person would have seen.
        expected: what is to become of the day.
        every_hours: 1 for a run, 2 where every other hour is hit [h].
    """

    kind: FaultKind
    start: datetime
    slots: int
    description: str
    expected: Expected
    every_hours: int = 1

    def hours(self) -> tuple[datetime, ...]:
        """Starts of the hours hit [UTC], ascending."""
        return tuple(self.start + HOUR * self.every_hours * n for n in range(self.slots // SLOTS_PER_HOUR))


def _at(day: str, hour: int) -> datetime:
    """The instant of a local clock hour of an ISO day, in UTC."""
    local = datetime.fromisoformat(day).replace(hour=hour, tzinfo=zone(SAMPLE_TIMEZONE))
    return local.astimezone(UTC)


_KIND, _EXPECTED = FaultKind, Expected

FAULTS: tuple[Fault, ...] = (
    Fault(_KIND.PRICE_ZERO_HOUR, _at("2023-11-08", 18), 4, "zero at the evening peak", _EXPECTED.REPAIRED),
    Fault(_KIND.OBSERVATION_GAP, _at("2023-11-16", 14), 4, "meter silent for an hour", _EXPECTED.EXCLUDED),
    Fault(_KIND.PRICE_ZERO_HOUR, _at("2023-11-22", 7), 4, "zero in the morning", _EXPECTED.REPAIRED),
    Fault(_KIND.PRICE_ZERO_HOUR, _at("2023-11-22", 19), 4, "and in the evening of that day", _EXPECTED.REPAIRED),
    Fault(_KIND.PRICE_ZERO_RUN, _at("2023-12-05", 13), 12, "recorder restarted: three hours", _EXPECTED.EXCLUDED),
    Fault(_KIND.LOAD_MISMATCH, _at("2023-12-13", 10), 8, "load 0.35 kWh too high for two hours", _EXPECTED.CLEAN),
    Fault(_KIND.PRICE_ZERO_RUN, _at("2024-01-10", 6), 32, "recorder down: eight hours", _EXPECTED.EXCLUDED),
    Fault(_KIND.PRICE_GAP, _at("2024-01-17", 17), 4, "dearest hour not delivered", _EXPECTED.FILLED),
    Fault(_KIND.LOAD_MISMATCH, _at("2024-01-25", 17), 16, "load 0.35 kWh too high for four hours", _EXPECTED.EXCLUDED),
    Fault(_KIND.PRICE_ZERO_ALTERNATING, _at("2024-02-08", 8), 24, "every other hour zero", _EXPECTED.REPAIRED, 2),
    Fault(_KIND.PRICE_GAP, _at("2024-02-14", 9), 20, "five hours not delivered", _EXPECTED.EXCLUDED),
    Fault(_KIND.OBSERVATION_GAP, _at("2024-02-20", 2), 24, "meter silent for six hours", _EXPECTED.EXCLUDED),
    Fault(_KIND.PRICE_ZERO_DAY, _at("2024-03-05", 0), 96, "zero from midnight to midnight", _EXPECTED.EXCLUDED),
    Fault(_KIND.PV_STUCK, _at("2024-03-12", 9), 4, "PV repeats its last reading", _EXPECTED.CLEAN),
    Fault(_KIND.PRICE_GAP, _at("2024-03-20", 18), 8, "two hours at the peak not delivered", _EXPECTED.FILLED),
    Fault(_KIND.PV_STUCK, _at("2024-04-17", 9), 12, "PV repeats its last reading for three hours", _EXPECTED.EXCLUDED),
    Fault(_KIND.PRICE_ZERO_HOUR, _at("2024-04-22", 13), 4, "zero at noon, amid true negatives", _EXPECTED.REPAIRED),
)
"""The faults in order of time."""


def inject_faults(sample: Sample) -> tuple[Sample, tuple[Fault, ...]]:
    """Put the faults into a copy of the sample; the hourly statistics stay as they were.

    Args:
        sample: the undisturbed sample of `load_sample`.

    Returns:
        The disturbed sample, and what was done to it in order of time.

    Raises:
        DataRefusedError: the sample lacks an hour to disturb, or a price to disturb is too close to zero.
    """
    _check_hours(sample.observations)
    _check_prices(sample.prices)
    disturbed = Sample(
        observations=_disturb_observations(sample.observations),
        hourly_statistics=sample.hourly_statistics,
        prices=_disturb_prices(sample.prices),
    )
    return disturbed, FAULTS


def _hours_of(*kinds: FaultKind) -> list[datetime]:
    """Every hour hit by faults of these kinds [UTC]."""
    return [hour for fault in FAULTS if fault.kind in kinds for hour in fault.hours()]


def _among(hours: Collection[datetime]) -> pl.Expr:
    """Return whether `slot_start` is one of these hours."""
    return pl.col("slot_start").is_in(pl.Series(list(hours), dtype=SLOT_DTYPE).implode())


_ZERO_KINDS = (
    FaultKind.PRICE_ZERO_HOUR,
    FaultKind.PRICE_ZERO_RUN,
    FaultKind.PRICE_ZERO_ALTERNATING,
    FaultKind.PRICE_ZERO_DAY,
)


def _disturb_prices(prices: pl.DataFrame) -> pl.DataFrame:
    """Overwrite with zeros what a recorder lost, and drop what was not delivered."""
    zeroed = pl.when(_among(_hours_of(*_ZERO_KINDS))).then(0.0).otherwise(pl.col("price")).alias("price")
    return prices.filter(~_among(_hours_of(FaultKind.PRICE_GAP))).with_columns(zeroed)


def _disturb_observations(observations: pl.DataFrame) -> pl.DataFrame:
    """Shift load, let PV stick at its last reading, and drop the hours the meter was silent."""
    mismatch = pl.when(_among(_hours_of(FaultKind.LOAD_MISMATCH))).then(LOAD_ERROR_KWH).otherwise(0.0)
    moving_pv = pl.when(~_among(_hours_of(FaultKind.PV_STUCK))).then(pl.col("pv_kwh"))
    disturbed = observations.with_columns(load_kwh=pl.col("load_kwh") + mismatch, pv_kwh=moving_pv.forward_fill())
    return disturbed.filter(~_among(_hours_of(FaultKind.OBSERVATION_GAP)))


def _check_hours(observations: pl.DataFrame) -> None:
    """Refuse a sample that does not have every hour that a fault hits."""
    hours = {hour for fault in FAULTS for hour in fault.hours()}
    present = observations.filter(_among(hours)).height
    if present != len(hours):
        raise DataRefusedError(
            f"{len(hours) - present} of {len(hours)} hours to disturb are not in the sample",
            "inject the faults once, into the sample of load_sample",
        )


def _check_prices(prices: pl.DataFrame) -> None:
    """Refuse to touch a price that could be a true zero or negative one."""
    hit = prices.filter(_among(_hours_of(*_ZERO_KINDS, FaultKind.PRICE_GAP)))
    too_low = hit.filter(pl.col("price") < LEAST_PRICE_HIT)
    if too_low.height > 0:
        slot, price = too_low.row(0)
        raise DataRefusedError(
            f"price {price:.5f} EUR/kWh at {slot:%Y-%m-%d %H:%M} UTC is below {LEAST_PRICE_HIT} EUR/kWh",
            "inject the faults once, on days whose prices lie well above zero",
        )
