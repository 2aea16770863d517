"""The numbers by which a day is another area's or day's, each tried on both of its sides."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.sources.parsed import REASON, numbered
from darkstar_pipeline.sources.price_lists.neighbours import Unlike, refuse_unlike_neighbours, unlike_days
from env.time_grid import SLOT_DTYPE, local_day
from env.types import Energy as Numbers

START = datetime(2026, 1, 10, tzinfo=UTC)
DAY = 96
FIRST = date(2026, 1, 10)


def area(seed: int = 1, days: int = 3) -> Numbers:
    """Prices of about 1 whose every slot differs, with a spread of about a tenth."""
    return 1 + np.random.default_rng(seed).normal(0, 0.125, days * DAY)


def wide(own: Numbers, **areas: Numbers) -> pl.DataFrame:
    stamps = pl.Series([START + timedelta(minutes=15 * n) for n in range(len(own))]).cast(SLOT_DTYPE)
    frame = pl.DataFrame({"slot_start": stamps}).with_columns(local_day("UTC"), pl.Series("_own", own))
    return frame.with_columns(pl.Series(name, prices) for name, prices in areas.items())


def unlike(own: Numbers, **areas: Numbers) -> dict[int, Unlike]:
    """The days that are refused, counted from the first."""
    return {(day - FIRST).days: why for day, why in unlike_days(wide(own, **areas), "UTC").items()}


def whys(own: Numbers, **areas: Numbers) -> dict[int, str]:
    return {day: why.reason.rsplit("): ", 1)[1] for day, why in unlike(own, **areas).items()}


def second(prices: Numbers, day: Numbers) -> Numbers:
    """The same with another second day."""
    return np.concatenate([prices[:DAY], day, prices[2 * DAY :]])


@pytest.mark.parametrize(
    ("factor", "refused"),
    [(1.029, False), (1.031, True), (0.971, False), (0.969, True), (0.0004, True), (0.0002, False)],
)
def test_factor_is_further_than_three_percent_from_one_and_not_nothing(factor: float, *, refused: bool):
    true = area()
    found = unlike(second(true, true[DAY : 2 * DAY] * factor), SE2=true)
    assert list(found) == ([1] if refused else [])
    if refused:
        assert found[1].factor == pytest.approx(factor)
        assert f"they are {factor:.3g} times SE2's, slot by slot" in found[1].reason


@pytest.mark.parametrize(("share", "refused"), [(0.019, True), (0.021, False)])
def test_scaled_day_leaves_two_percent_of_the_spread_in_its_worst_slot(share: float, *, refused: bool):
    true = area()
    day = true[DAY : 2 * DAY]
    own = 1.5 * day
    own[40] += 1.5 * share * float(np.mean(np.abs(day - day.mean())))
    assert bool(unlike(second(true, own), SE2=true)) == refused


@pytest.mark.parametrize(("apart", "refused"), [(0.019, False), (0.021, True)])
def test_day_within_two_percent_of_a_neighbour_is_like_it(apart: float, *, refused: bool):
    """Even where another one, moved, is nearer."""
    true = area()
    day = true[DAY : 2 * DAY]
    signs = np.where(np.arange(DAY) % 2 == 0, 1.0, -1.0)
    late = np.roll(day, -4)
    other = second(area(2), late)
    near = second(true, day + apart * float(np.mean(day)) * signs)
    assert whys(true, SE2=near, SE4=other) == ({1: "they are SE4's, an hour late"} if refused else {})
    assert whys(true, SE4=other, SE2=near) == ({1: "they are SE4's, an hour late"} if refused else {})


@pytest.mark.parametrize("step", [4, -4, 3, -3, 5, 8])
@pytest.mark.parametrize(("left", "refused"), [(0.24, True), (0.27, False)])
def test_moved_day_is_so_by_an_hour_and_leaves_a_quarter_of_the_difference(step: int, left: float, *, refused: bool):
    true = area(5)
    day = true[DAY : 2 * DAY]
    moved = np.roll(day, step)
    signs = np.where(np.arange(DAY) % 2 == 0, 1.0, -1.0)
    own = moved + signs * left * float(np.mean(np.abs(moved - day)))
    found = whys(second(true, own), SE2=true)
    words = "late" if step > 0 else "early"
    assert found == ({1: f"they are SE2's, an hour {words}"} if refused and abs(step) == 4 else {})


@pytest.mark.parametrize(("steps", "refused"), [(7, True), (8, False)])
def test_other_day_is_within_a_week(steps: int, *, refused: bool):
    true, split = area(days=10), area(2, days=10)
    own = split.copy()
    own[9 * DAY :] = split[(9 - steps) * DAY : (10 - steps) * DAY]
    assert whys(own, SE2=true) == ({9: f"they are those of {FIRST + timedelta(days=9 - steps)}"} if refused else {})
    own[9 * DAY :] = true[(9 - steps) * DAY : (10 - steps) * DAY]
    words = f"they are those of {FIRST + timedelta(days=9 - steps)} in SE2"
    assert whys(own, SE2=true) == ({9: words} if refused else {})
    ahead = split.copy()
    ahead[:DAY] = true[steps * DAY : (steps + 1) * DAY]
    later = f"they are those of {FIRST + timedelta(days=steps)} in SE2"
    assert whys(ahead, SE2=true) == ({0: later} if refused else {})


@pytest.mark.parametrize("slot", [0, 50])
@pytest.mark.parametrize(("share", "refused"), [(0.095, True), (0.105, False)])
def test_other_day_leaves_a_tenth_of_the_spread_in_its_worst_slot(slot: int, share: float, *, refused: bool):
    true, own = area(), area(2)
    day = true[:DAY].copy()
    day[slot] += share * float(np.mean(np.abs(day - day.mean())))
    assert bool(unlike(second(own, day), SE2=true)) == refused


@pytest.mark.parametrize(("spread", "refused"), [(0.019, False), (0.022, True)])
def test_day_of_nearly_one_price_is_like_that_of_any_day(spread: float, *, refused: bool):
    signs = np.where(np.arange(DAY) % 2 == 0, 1.0, -1.0)
    day = 2 * (1 + spread * signs)
    own = np.concatenate([day, area(2, days=1), day])
    assert list(unlike(own, SE2=area(3))) == ([2] if refused else [])


@pytest.mark.parametrize(("known", "refused"), [(46, True), (45, False)])
def test_day_is_compared_where_half_of_its_prices_are_known(known: int, *, refused: bool):
    true = area()
    other = true.copy()
    other[DAY + known : 2 * DAY] = np.nan
    assert bool(unlike(second(true, true[DAY : 2 * DAY] * 1.5), SE2=other)) == refused


def test_reason_names_the_slot_that_differs_most_from_the_nearest():
    true = area()
    own = true[DAY : 2 * DAY] * 1.5
    own[50] = -1.0
    true[DAY + 50] = -1 / 1.5
    true[DAY + 60], own[60] = 3.0, 4.5
    found = unlike(second(true, own), SE2=true, SE4=true * 5)
    assert "(most at 15:00)" in found[1].reason
    assert found[1].reason.startswith("the prices of 2026-01-11 are unlike those of SE2, SE4 ")


def refused(own: Numbers, other: Numbers) -> tuple[list[int], str]:
    """The days whose rows are refused, and what is told."""
    stamps = pl.Series([START + timedelta(minutes=15 * n) for n in range(len(own))]).cast(SLOT_DTYPE)
    frame = pl.DataFrame(
        {"slot_start": stamps, "price": own, "native_minutes": pl.Series([15] * len(own), dtype=pl.Int32)}
    )
    others = pl.DataFrame({"slot_start": stamps, "area": "SE2", "price": other})
    checked, told = refuse_unlike_neighbours(numbered(frame), others, "UTC")
    bad = checked.filter(pl.col(REASON).is_not_null())["slot_start"].dt.date().unique().sort()
    return [(day - FIRST).days for day in bad], told


@pytest.mark.parametrize(
    ("factor", "scaled", "taken"),
    [
        (2.9, 3, True),
        (3.1, 3, False),
        (0.34, 3, True),
        (0.33, 3, False),
        (1.5, 2, False),
        (1.5, 3, True),
        (-1.0, 3, False),
    ],
)
def test_most_days_of_a_file_may_be_up_to_three_times_a_neighbours(factor: float, scaled: int, *, taken: bool):
    true = area(days=4)
    own = true.copy()
    own[: scaled * DAY] *= factor
    days, told = refused(own, true)
    assert days == ([] if taken else list(range(scaled)))
    assert told.endswith("check whose prices they are") == taken


def test_other_faults_of_a_file_that_is_scaled_are_refused():
    true = area(days=4)
    own = np.concatenate([true[: 3 * DAY] * 1.5, np.roll(true[3 * DAY :], 4)])
    assert refused(own, true)[0] == [3]


@pytest.mark.parametrize(("hourly", "days"), [(slice(None, None, 4), [0]), (slice(None, None, 8), [])])
def test_price_of_an_hour_holds_for_its_quarters_only(hourly: slice, days: list[int]):
    true = np.repeat(area(days=1)[::8], 8)
    stamps = pl.Series([START + timedelta(minutes=15 * n) for n in range(DAY)]).cast(SLOT_DTYPE)
    frame = pl.DataFrame(
        {"slot_start": stamps, "price": true * 5, "native_minutes": pl.Series([15] * DAY, dtype=pl.Int32)}
    )
    others = pl.DataFrame({"slot_start": stamps, "area": "SE2", "price": true})[hourly]
    checked, _ = refuse_unlike_neighbours(numbered(frame).head(88), others, "UTC")
    assert checked[REASON].count() == (88 if days else 0)
