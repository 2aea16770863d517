"""The correction that homes have in common: towards yesterday's level, by readings before the midnight alone."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from env.time_grid import SLOT
from planner.forecasts.pooled_correction import DAYS_BACK, corrected_days, own_share
from planner.forecasts.slot_series import DAY_SLOTS, SlotSeries, slot_series

N_DAYS = DAYS_BACK + 2
MIDNIGHT = np.array([DAYS_BACK * DAY_SLOTS])
CLEAR = np.maximum(np.sin(np.pi * (np.arange(DAY_SLOTS)[None] - 24) / 48), 0.0)
LOAD = np.full((1, DAY_SLOTS), 0.4)


def series(load: np.ndarray, pv: np.ndarray) -> SlotSeries:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    slots = [start + SLOT * index for index in range(N_DAYS * DAY_SLOTS)]
    frame = pl.DataFrame({"slot_start": slots, "load_kwh": load.ravel(), "pv_kwh": pv.ravel()})
    return slot_series(frame.with_columns(pl.col("slot_start").cast(pl.Datetime("us", "UTC"))), "UTC")


def like_expected() -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(LOAD, N_DAYS, axis=0), np.repeat(0.5 * CLEAR, N_DAYS, axis=0)


def test_load_stays_where_the_days_before_were_as_expected() -> None:
    load, _ = corrected_days(series(*like_expected()), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)
    np.testing.assert_allclose(load, LOAD)


def test_load_rises_by_a_part_of_what_yesterday_had_more() -> None:
    loads, suns = like_expected()
    loads[DAYS_BACK - 1] += 0.2
    load, _ = corrected_days(series(loads, suns), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)
    assert 0.4 * 0.2 < float((load - LOAD).mean()) < 0.6 * 0.2


def test_sun_moves_towards_yesterdays_share_of_the_clear_sky_and_stays_dark_at_night() -> None:
    loads, suns = like_expected()
    plain = corrected_days(series(loads, suns), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)[1]
    suns[DAYS_BACK - 1] = 0.9 * CLEAR
    bright = corrected_days(series(loads, suns), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)[1]
    share = float((bright - plain).sum() / (0.4 * CLEAR).sum())
    assert 0.25 < share < 0.45
    assert (bright[CLEAR == 0] == 0).all()


@pytest.mark.parametrize("times", [0.1, 30.0])
def test_homes_of_any_size_are_corrected_alike(times: float) -> None:
    loads, suns = like_expected()
    loads += np.random.default_rng(3).exponential(0.2, loads.shape)
    small = corrected_days(series(loads, suns), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)
    large = corrected_days(
        series(times * loads, times * suns), MIDNIGHT, times * LOAD, times * 0.5 * CLEAR, times * CLEAR
    )
    for one, other in zip(small, large, strict=True):
        np.testing.assert_allclose(times * one, other)


@pytest.mark.parametrize(("factor", "share"), [(-1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (4.0, 1.0)])
def test_home_takes_the_share_of_the_correction_that_its_days_confirm(factor: float, share: float) -> None:
    rng = np.random.default_rng(7)
    expected, moved = np.ones((5, DAY_SLOTS)), rng.normal(size=(5, DAY_SLOTS))
    read = expected + factor * moved
    read[0, :7] = np.nan
    assert own_share(expected, expected + moved, read) == pytest.approx(share)
    assert own_share(expected, expected, read) == 0.0


def test_days_that_were_not_read_say_nothing() -> None:
    loads, suns = (np.full((N_DAYS, DAY_SLOTS), np.nan) for _ in range(2))
    loads[0] = LOAD[0]
    load, pv = corrected_days(series(loads, suns), MIDNIGHT, LOAD, 0.5 * CLEAR, CLEAR)
    np.testing.assert_allclose(load, LOAD)
    assert np.isfinite(pv).all()
