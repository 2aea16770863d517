"""The embedded recording: one real home and one real price area, hour by hour, read from the package.

`make_sample` made the file and `ATTRIBUTION.md` says from what; nothing here writes, repairs or grades.
"""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from io import BytesIO

import polars as pl

SAMPLE_TIMEZONE = "Europe/Amsterdam"
SAMPLE_AREA = "NL"
SAMPLE_CURRENCY = "EUR"
SAMPLE_FILE = "sample.parquet"
FIRST_DAY = date(2023, 10, 23)
"""First local day: six days before the clock goes back."""
LAST_DAY = date(2024, 5, 5)
"""Last local day: 28 whole weeks, with both clock changes and a spring of negative prices."""
NATIVE_MINUTES = 60
"""Resolution of both sources [min]."""


@dataclass(frozen=True)
class Sample:
    """A home and its prices as they come in, before repair and grading; all three frames are sorted by time.

    Attributes:
        observations: `slot_start` [UTC, hourly], `load_kwh`, `pv_kwh` [kWh in the hour]; a missing hour has no row.
        hourly_statistics: `hour_start` [UTC], `quantity` ("load" or "pv"), `energy_kwh` [kWh]: the independent hourly
            series the observations are held against.
        prices: `slot_start` [UTC, hourly], `price` [EUR/kWh, day-ahead, before fees and VAT]; a missing hour has none.
    """

    observations: pl.DataFrame
    hourly_statistics: pl.DataFrame
    prices: pl.DataFrame


def load_sample() -> Sample:
    """Read the embedded sample as it was measured and published, without the injected faults.

    Returns:
        196 local days: 4,704 hours of load and PV, and their prices less the one hour that the publisher left out.
    """
    recording = pl.read_parquet(BytesIO(files("darkstar_pipeline.sample").joinpath(SAMPLE_FILE).read_bytes()))
    observations = recording.select("slot_start", "load_kwh", "pv_kwh")
    prices = recording.select("slot_start", price="price_eur_per_kwh").drop_nulls("price")
    return Sample(observations, _hourly_statistics(observations), prices)


def _hourly_statistics(observations: pl.DataFrame) -> pl.DataFrame:
    """The observed hours as one tidy series a quantity, as a home's long-term statistics keep them."""
    return (
        observations.select(hour_start="slot_start", load="load_kwh", pv="pv_kwh")
        .unpivot(index="hour_start", variable_name="quantity", value_name="energy_kwh")
        .sort("hour_start", "quantity")
    )
