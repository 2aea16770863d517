"""Weather as it was, made into forecasts that err as forecasts do; only where nobody kept a forecast."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.time_grid import SLOT, day_bounds, days_between, grid
from planner.forecasts.archived_weather import ENOUGH_PAIRS, USUAL_ERRORS, archive_as_forecasts
from planner.forecasts.clear_sky import PvSystem
from tests.builders.homes import STOCKHOLM

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 31)
PLACE = PvSystem(latitude=59.3, longitude=18.1)


def measured(first: date = FIRST, last: date = LAST) -> pl.DataFrame:
    slots = grid(first, last, STOCKHOLM)["slot_start"]
    return pl.DataFrame({"slot_start": slots}).with_columns(
        known_at=pl.col("slot_start") + SLOT, temp_c=pl.lit(5.0), cloud=pl.lit(50.0), irradiance=pl.lit(100.0)
    )


def test_every_slot_has_a_forecast_of_each_lead_from_its_midnights() -> None:
    short_day = date(2026, 3, 29)
    made = archive_as_forecasts(measured(), STOCKHOLM, PLACE)
    start, end = day_bounds(short_day, STOCKHOLM)
    day = made.filter(pl.col("slot_start").is_between(start, end, closed="left"))
    known = [day_bounds(short_day - timedelta(days=lead), STOCKHOLM)[0] for lead in (3, 2, 1, 0)]
    assert day.height == 4 * 92
    assert day["known_at"].unique().sort().to_list() == known
    assert (made["known_at"] <= made["slot_start"]).all()
    assert made["cloud"].is_between(0, 100).all()


@pytest.mark.thorough
def test_errors_are_as_large_as_is_usual_and_grow_with_the_lead() -> None:
    made = archive_as_forecasts(measured(date(2024, 1, 1), date(2025, 12, 31)), STOCKHOLM, None)
    lead = ((pl.col("slot_start") - pl.col("known_at")).dt.total_hours() // 24).alias("lead")
    errors = made.group_by(lead).agg((pl.col("temp_c") - 5.0).std()).sort("lead")["temp_c"].to_numpy()[:4]
    np.testing.assert_allclose(errors, USUAL_ERRORS["temp_c"], rtol=0.1)
    assert abs(float(made["temp_c"].mean()) - 5.0) < 0.1  # type: ignore[arg-type]


def test_days_are_the_same_however_long_the_range_is() -> None:
    whole = archive_as_forecasts(measured(), STOCKHOLM, PLACE)
    part = archive_as_forecasts(measured(date(2026, 4, 1), date(2026, 4, 3)), STOCKHOLM, PLACE)
    same = whole.join(part, on=["slot_start", "known_at"], how="semi").sort("slot_start", "known_at")
    assert same.equals(part.sort("slot_start", "known_at"))


def test_kept_forecasts_are_left_alone() -> None:
    start, end = day_bounds(date(2026, 4, 1), STOCKHOLM)
    kept = measured(date(2026, 4, 1), date(2026, 4, 1)).with_columns(
        known_at=pl.lit(start - timedelta(hours=8)), cloud=pl.lit(None, pl.Float64)
    )
    made = archive_as_forecasts(pl.concat([measured(), kept]), STOCKHOLM, PLACE)
    day = made.filter(pl.col("slot_start").is_between(start, end, closed="left"))
    assert day["temp_c"].null_count() == day.height
    assert day["irradiance"].null_count() == day.height
    assert day["cloud"].null_count() == 0


def test_dark_stays_dark_and_no_sky_is_brighter_than_clear() -> None:
    dark = measured().with_columns(irradiance=pl.lit(0.0))
    made = archive_as_forecasts(dark, STOCKHOLM, PLACE)
    midnights = made.filter(pl.col("slot_start").dt.hour() == 0)
    assert midnights["irradiance"].max() == 0.0
    assert (made["irradiance"] < 1100).all()


def test_errors_are_the_homes_own_when_it_has_pairs_enough() -> None:
    days = list(days_between(FIRST, LAST))[:40]
    rng = np.random.default_rng(1)
    pairs = measured(days[0], days[-1])
    said = pairs.with_columns(
        known_at=pl.col("slot_start") - timedelta(hours=12), temp_c=5.0 + pl.Series(rng.normal(0, 4.0, pairs.height))
    )
    assert said.height >= ENOUGH_PAIRS
    made = archive_as_forecasts(pl.concat([measured(), said]), STOCKHOLM, PLACE)
    late = made.filter(pl.col("slot_start") - pl.col("known_at") < timedelta(hours=24))
    assert (late["temp_c"] - 5.0).std() == pytest.approx(4.0, rel=0.2)


def test_nothing_is_made_when_nothing_was_measured() -> None:
    said = measured().with_columns(known_at=pl.col("slot_start") - timedelta(hours=12))
    assert archive_as_forecasts(said, STOCKHOLM, PLACE).is_empty()
    assert archive_as_forecasts(said.head(0), STOCKHOLM, PLACE).is_empty()
