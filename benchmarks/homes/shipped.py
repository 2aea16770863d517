"""The homes that come with the project: the embedded sample, moved onto the benchmarks' calendar, and seeded homes."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

import polars as pl

from benchmarks.homes import seeded
from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY, BenchHomes
from darkstar_pipeline.sample import SAMPLE_AREA, load_sample
from env.time_grid import SLOT, SLOT_DTYPE, days_between, grid

SAMPLE = "sample"
SAMPLE_SHIFT = timedelta(weeks=104)
"""Two years of whole weeks: both changes of the clock of 2023/24 fall on those of 2025/26."""
SEK_PER_EUR = 11.5  # about the mean of the sample's winter
QUARTERS = 4
TEST_EVERY_WEEKS = 4  # as in the measured homes: every fourth ISO week is a test week


@dataclass(frozen=True)
class ShippedHomes(BenchHomes):
    """Three seeded homes in two seeded areas, and the embedded sample (a real home, real Dutch prices)."""

    description = "homes that ship (seeded ones, the embedded sample)"
    measured = False
    villa, gaps, no_pv = seeded.HOMES
    served = villa
    pairs = (*product(seeded.HOMES, seeded.AREAS), (SAMPLE, SAMPLE_AREA))
    every_pair = pairs
    price_areas = (*seeded.AREAS, SAMPLE_AREA)

    def readings(self, home: str) -> pl.DataFrame:
        """See `BenchHomes.readings`."""
        if home == SAMPLE:
            energy = pl.col("load_kwh", "pv_kwh") / QUARTERS
            return _quarters(load_sample().observations).with_columns(energy)
        span = grid(FIRST_DAY, LAST_DAY, seeded.ZONE)["slot_start"]
        return seeded.seeded_readings(home).filter(pl.col("slot_start").is_between(span[0], span[-1]))

    def all_prices(self, area: str) -> pl.DataFrame:
        """See `BenchHomes.all_prices`."""
        if area == SAMPLE_AREA:
            return _quarters(load_sample().prices).with_columns(pl.col("price") * SEK_PER_EUR)
        return seeded.seeded_prices(area)

    def pv_forecast(self, home: str) -> pl.DataFrame | None:
        """See `BenchHomes.pv_forecast`."""
        if home != self.gaps:
            return None
        return self.readings(home).select("slot_start").join(seeded.seeded_pv_forecast(home), on="slot_start")

    def days(self, home: str, split: str, timezone: str) -> list[date]:  # noqa: ARG002 - the calendar is everybody's
        """See `BenchHomes.days`."""
        test = split == "test"
        return [
            day for day in days_between(FIRST_DAY, LAST_DAY) if (day.isocalendar().week % TEST_EVERY_WEEKS == 0) == test
        ]


def _quarters(hours: pl.DataFrame) -> pl.DataFrame:
    """Return hours of the sample as four equal slots each, moved onto the calendar."""
    moved = hours.with_columns(pl.col("slot_start").cast(SLOT_DTYPE) + SAMPLE_SHIFT)
    offsets = pl.DataFrame({"offset": [number * SLOT for number in range(QUARTERS)]})
    return (
        moved.join(offsets, how="cross")
        .with_columns(pl.col("slot_start") + pl.col("offset"))
        .drop("offset")
        .sort("slot_start")
    )
