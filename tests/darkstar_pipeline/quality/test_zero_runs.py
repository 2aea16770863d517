from datetime import date

import polars as pl
import pytest

from darkstar_pipeline.quality.market_hours import with_market_hours
from darkstar_pipeline.quality.zero_runs import with_recorder_zeros
from env.time_grid import grid

DAY = date(2026, 1, 15)
HOURLY = [0.42, 0.40, 0.38, 0.37, 0.39, 0.45, 0.60, 0.85, 0.95, 0.80, 0.66, 0.58]
HOURLY += [0.52, 0.50, 0.54, 0.63, 0.78, 1.02, 1.15, 0.98, 0.76, 0.61, 0.53, 0.47]
BY_HOUR = [price for price in HOURLY for _ in range(4)]
BY_QUARTER = [price + 0.003 * quarter for price in HOURLY for quarter in range(4)]
NEAR_ZERO_DAY = [price if slot >= 24 else price / 100 for slot, price in enumerate(BY_HOUR)]


def marked(prices, zeros=(), missing=(), second=None):
    seen = [0.0 if slot in zeros else None if slot in missing else price for slot, price in enumerate(prices)]
    frame = grid(DAY, DAY, "Europe/Stockholm").with_columns(
        price=pl.Series(seen, dtype=pl.Float64),
        native_minutes=pl.lit(15, pl.Int32),
        second=pl.Series([None] * 96 if second is None else second, dtype=pl.Float64),
    )
    return with_recorder_zeros(with_market_hours(frame))


def found(frame):
    return frame.with_row_index().filter("recorder_zero")["index"].to_list()


@pytest.mark.parametrize(
    ("prices", "zeros", "words"),
    [
        (BY_HOUR, [33], "zero, but the market hour 07:00 UTC is at 0.95"),
        (BY_HOUR, range(30, 42), "12 slots of zeros begin and end inside market hours at 0.85 and 0.66"),
        (BY_HOUR, range(28, 36), "8 slots of zeros between 0.6 and 0.8"),
        (BY_QUARTER, [33], "1 slots of zeros between 0.95 and 0.956"),
        (BY_HOUR, range(8), "8 slots of zeros at the day's edge beside 0.38, no price near zero"),
        (BY_HOUR, range(86, 96), "10 slots of zeros at the day's edge beside 0.61, no price near zero"),
        (BY_QUARTER, range(60, 96), "36 slots of zeros at the day's edge beside 0.549, no price near zero"),
    ],
    ids=["market hour", "both ends", "neighbours, hourly", "neighbours", "edge", "edge, one end", "edge, quarterly"],
)
def test_a_recorders_zeros_are_found_with_their_evidence_when_the_day_proves_them(prices, zeros, words):
    frame = marked(prices, zeros)
    assert found(frame) == list(zeros)
    assert any(words in evidence for evidence in frame["evidence"].drop_nulls())


@pytest.mark.parametrize(
    ("prices", "zeros", "missing", "expected"),
    [
        (NEAR_ZERO_DAY, range(4), [], []),
        (BY_HOUR, range(30, 34), [34, 35], [30, 31, 32, 33]),
        (BY_HOUR, [32, 33], [34, 35], [32, 33]),
        (BY_QUARTER, [33, 34], [35, 36], [33, 34]),
        ([0.01 + 0.0001 * slot for slot in range(96)], range(40, 44), [], []),
        (BY_HOUR, range(96), [], []),
        (BY_HOUR, range(90), [], []),
    ],
    ids=[
        "edge of a day with prices near zero",
        "run cut short by a gap",
        "rest of the hour missing",
        "run and gap in a quarter-hourly market",
        "all prices near zero",
        "zeros throughout",
        "hardly a price",
    ],
)
def test_zeros_are_examined_with_the_gaps_beside_them_when_there_are_any(prices, zeros, missing, expected):
    assert found(marked(prices, zeros, missing)) == expected


def test_a_true_zero_hour_stays_when_a_single_zero_lies_on_either_side():
    hourly = [*HOURLY[:10], 0.05, 0.0, 0.04, *HOURLY[13:]]
    prices = [price for price in hourly for _ in range(4)]
    assert found(marked(prices, [43, *range(44, 48), 48])) == [
        43,
        *range(44, 48),
        48,
    ]  # 0.05 and 0.04 are not near zero
    hourly[10], hourly[12] = 0.01, 0.012
    prices = [price for price in hourly for _ in range(4)]
    assert found(marked(prices, [43, *range(44, 48), 48])) == [43, 48]


@pytest.mark.parametrize(
    ("second", "expected"), [(0.4, [50, 51]), (0.0004, []), (None, [50, 51])], ids=["disagrees", "agrees", "is silent"]
)
def test_the_second_source_overrules_the_day_when_it_knows_the_slot(second, expected):
    assert found(marked(BY_HOUR, [50, 51], second=[second] * 96)) == expected


def test_a_zero_in_a_valley_is_repaired_when_only_the_second_source_objects():
    hourly = [0.5, 0.4, 0.3, 0.2, 0.1, 0.04, 0.0, 0.04, 0.1, 0.2, 0.3, *HOURLY[11:]]
    prices = [price for price in hourly for _ in range(4)]
    assert found(marked(prices)) == []
    frame = marked(prices, second=[0.03] * 96)
    assert found(frame) == [24, 25, 26, 27]
    assert frame["evidence"][24] == "zero, but the second source says 0.03"


@pytest.mark.parametrize(
    ("beside", "expected"),
    [([0.045, 0.2, 0.4, 0.6], []), ([0.3, 0.45, 0.6, 0.7], [*range(8)])],
    ids=["steep", "gentle"],
)
def test_zeros_at_the_days_edge_stay_when_prices_fall_steeply_towards_them(beside, expected):
    for prices, zeros, found_zeros in (
        ([*BY_QUARTER[:8], *beside, *BY_QUARTER[12:]], range(8), expected),
        ([*BY_QUARTER[:84], *beside[::-1], *BY_QUARTER[88:]], range(88, 96), [88 + slot for slot in expected]),
    ):
        assert found(marked(prices, zeros)) == found_zeros


@pytest.mark.parametrize("zeros", [range(30, 36), range(28, 34)], ids=["begins in an hour", "ends in an hour"])
def test_zeros_that_cut_one_market_hour_are_found_beside_a_gentle_price_that_is_not_clear_of_zero(zeros):
    """It is between one and five times what is near zero."""
    prices = [0.05 + 0.001 * (slot // 4) for slot in range(96)]
    assert found(marked(prices, zeros)) == list(zeros)


@pytest.mark.parametrize(("lower", "expected"), [(3, []), (4, list(range(40, 52)))])
def test_zeros_between_steep_prices_are_found_where_the_day_is_lower_elsewhere(lower, expected):
    """12 of 84 slots are less than 15 %, 16 are more."""
    hourly = [0.6 + 0.01 * hour for hour in range(24)]
    hourly[9], hourly[13] = 0.2, 0.21
    hourly[16 : 16 + lower] = [0.1 + 0.001 * hour for hour in range(lower)]
    assert found(marked([price for price in hourly for _ in range(4)], range(40, 52))) == expected


@pytest.mark.parametrize(("beside", "expected"), [(0.074, [30, 31]), (0.076, list(range(30, 36)))])
def test_steep_price_beside_zeros_is_clear_of_them_at_five_times_what_is_near(beside, expected):
    """The first hour has a price of its own; of the other end the neighbour alone speaks."""
    hourly = [0.5 + 0.01 * hour for hour in range(24)]
    hourly[9] = beside
    assert found(marked([price for price in hourly for _ in range(4)], range(30, 36))) == expected
