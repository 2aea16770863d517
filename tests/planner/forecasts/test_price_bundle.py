from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from env.time_grid import grid
from planner.errors import PolicyMismatchError
from planner.forecasts.price_bundle import ARRAYS, PriceFitSummary, load_price_fit, save_price_fit
from planner.forecasts.price_forecast import NEEDED_DAYS, PriceFit, PriceForecaster, path_coverage

ZONE = "Europe/Stockholm"
FIRST = date(2025, 9, 1)
PUBLISHED = date(2026, 2, 14)


@pytest.fixture(scope="module")
def prices() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    slots = grid(FIRST, PUBLISHED + timedelta(days=30), ZONE)
    level = np.repeat(rng.random(slots.height // 96 + 1), 96)[: slots.height]
    return slots.select("slot_start", price=pl.Series(0.3 + level + 0.1 * rng.standard_normal(slots.height)))


@pytest.fixture
def bundle(prices: pl.DataFrame, tmp_path: Path) -> Path:
    month = PUBLISHED.replace(day=1)
    fit = PriceForecaster(prices, ZONE).fit(month)
    assert fit is not None
    summary = PriceFitSummary(timezone=ZONE, month=month, first_day=FIRST, last_day=month - timedelta(days=1))
    save_price_fit(tmp_path / "bundle", fit, summary)
    return tmp_path / "bundle"


def test_stored_weights_forecast_the_same_from_the_last_weeks_alone(prices: pl.DataFrame, bundle: Path) -> None:
    loaded = load_price_fit(bundle)
    day = pl.col("slot_start").dt.convert_time_zone(ZONE).dt.date()
    last_weeks = prices.filter(day.is_between(PUBLISHED - timedelta(days=NEEDED_DAYS), PUBLISHED))
    whole, short = (
        PriceForecaster(prices, ZONE),
        PriceForecaster(last_weeks, ZONE, {loaded.summary.month: loaded.fit}),
    )
    expected, found = whole.paths(PUBLISHED), short.paths(PUBLISHED)
    assert expected is not None
    assert found is not None
    assert np.array_equal(found, expected)
    assert PriceForecaster(last_weeks, ZONE).paths(PUBLISHED) is None


def test_damaged_and_other_bundles_are_refused(bundle: Path) -> None:
    assert {field.name for field in fields(PriceFit)} == {"centre", "scale", "weights", "constant", "errors"}
    manifest = bundle / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace("ridge_1", "ridge_0"))
    with pytest.raises(PolicyMismatchError, match="run `darkstar train prices`"):
        load_price_fit(bundle)
    manifest.write_text(text)
    (bundle / ARRAYS).write_bytes(b"")
    with pytest.raises(PolicyMismatchError, match="not the file that the manifest speaks of"):
        load_price_fit(bundle)


def test_paths_hold_about_the_share_of_hours_that_they_should(prices: pl.DataFrame) -> None:
    days = [PUBLISHED + timedelta(days=number) for number in range(-20, 20)]
    forecaster = PriceForecaster(prices, ZONE)
    assert 0.6 < path_coverage(forecaster, days, 0.8) < 0.95
    assert path_coverage(forecaster, days, 0.2) < path_coverage(forecaster, days, 0.8)
    assert np.isnan(path_coverage(forecaster, [FIRST], 0.8))
