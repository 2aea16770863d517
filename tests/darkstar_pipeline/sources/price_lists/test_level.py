"""Days of prices in another unit are refused by what no market does; of the true days none is."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.sources.parsed import REASON, ROW
from darkstar_pipeline.sources.price_lists.level import refuse_other_unit
from env.time_grid import SLOT_DTYPE

ZONE = ZoneInfo("Europe/Stockholm")
FREE = {"tariff": [{"vat": 0.0, "transfer_fee": 0.0, "energy_tax": 0.0}]}
SITE = SiteSettings.model_validate({"area": "SE3", **FREE})
DAY = date(2026, 3, 29)


def day_of(day: date, price: float, step: float = 0.002) -> pl.DataFrame:
    """A day of quarter-hours whose prices differ: 92, 96 or 100 of them."""
    start = datetime.combine(day, datetime.min.time(), ZONE).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZONE).astimezone(UTC)
    starts = [start + timedelta(minutes=15 * n) for n in range(int((end - start) / timedelta(minutes=15)))]
    prices = [round(price + step * (n * 37 % 89), 7) for n in range(len(starts))]
    frame = pl.DataFrame({"slot_start": starts, "price": prices}, schema_overrides={"slot_start": SLOT_DTYPE})
    return frame.with_columns(pl.lit(15).alias("native_minutes"))


def refused(rows: pl.DataFrame, known: Sequence[pl.DataFrame] = (), **options: bool) -> pl.Series:
    """The reasons of a frame's rows beside known days."""
    frame = rows.with_row_index(ROW, 1).with_columns(
        pl.col(ROW).cast(pl.Int64), pl.lit(None, dtype=pl.String).alias(REASON)
    )
    every = pl.concat([day.select("slot_start", "price") for day in known]) if known else rows.clear()
    checked = refuse_other_unit(frame, SITE, lambda _: every.select("slot_start", "price"), **options)
    return checked[REASON]


def weeks(price: float, days: int = 10) -> list[pl.DataFrame]:
    return [day_of(DAY - timedelta(days=n), price) for n in range(1, days + 1)]


@pytest.mark.parametrize("day", [DAY, date(2025, 10, 26), date(2026, 1, 30)], ids=str)
def test_a_thousandth_is_finer_than_a_market_without_any_history(day: date):
    rows = day_of(day, 0.4)
    assert refused(rows).null_count() == rows.height
    small = refused(rows.with_columns(pl.col("price") / 1000))
    assert small.null_count() == 0
    assert "different prices of " in small[0]


@pytest.mark.parametrize(
    ("price", "words"), [(40.0, "times the highest of the 10 days around"), (0.001, "of the lowest day's among the 10")]
)
def test_a_day_far_from_those_around_is_refused_unless_another_source_confirms_it(price: float, words: str):
    rows = day_of(DAY, price, step=0.0)
    found = refused(rows, weeks(0.4))
    assert found.null_count() == 0
    assert words in found[0]
    assert refused(rows, weeks(0.4), confirmed=True).null_count() == rows.height
    assert refused(rows, weeks(0.4, days=6)).null_count() == rows.height, "six days say too little"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(day_of(DAY, 0.0, step=0.0), id="zero all day"),
        pytest.param(day_of(DAY, -0.35), id="negative"),
        pytest.param(day_of(DAY, 0.4).with_columns(pl.col("price") * pl.lit(np.arange(92) == 70) * 9), id="one spike"),
        pytest.param(day_of(DAY, 4.0), id="ten times"),
        pytest.param(day_of(DAY, 0.01, step=0.0001), id="a fortieth"),
    ],
)
def test_what_a_market_does_is_taken(rows: pl.DataFrame):
    assert refused(rows, weeks(0.4)).null_count() == rows.height


def test_an_unknown_currency_is_judged_by_the_days_around_alone():
    site = SiteSettings.model_validate({"area": "SE3", "currency": "XTS", **FREE})
    frame = day_of(DAY, 0.4).with_columns(pl.col("price") / 1000).with_row_index(ROW, 1)
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(REASON))
    assert refuse_other_unit(frame, site)[REASON].null_count() == frame.height


@pytest.mark.slow  # 9 256 days: 5 s
def test_no_true_day_is_refused(shared_data: Path):
    every = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(pl.col("src") != "interpolated")
    euro, krona = (
        pl.col("eur_per_mwh").cast(pl.Float64).round(2) / 1000,
        pl.col("sek_per_kwh").cast(pl.Float64).round(5),
    )
    days = 0
    for area in ("SE1", "SE2", "SE3", "SE4"):
        rows = every.filter(pl.col("area") == area).sort("slot_start").with_row_index(ROW, 1)
        days += rows["slot_start"].dt.convert_time_zone("Europe/Stockholm").dt.date().n_unique()
        for currency, price in (("EUR", euro), ("SEK", krona)):
            site = SiteSettings.model_validate({"area": area, "currency": currency, **FREE})
            frame = rows.select(ROW, pl.col("slot_start").cast(SLOT_DTYPE), price.alias("price")).with_columns(
                pl.lit(15).alias("native_minutes"), pl.lit(None, dtype=pl.String).alias(REASON)
            )
            assert refuse_other_unit(frame, site)[REASON].null_count() == frame.height
    assert days > 9000
