from datetime import date

import polars as pl
import pytest

from darkstar_pipeline.quality.market_hours import with_market_hours
from env.time_grid import grid

DAY = date(2026, 1, 15)
HOURLY = [0.1 + 0.01 * hour for hour in range(24) for _ in range(4)]
QUARTERLY = [0.1 + 0.01 * slot for slot in range(96)]
HALF = [price if slot < 48 else price + 0.001 * slot for slot, price in enumerate(HOURLY)]


def with_hours(prices, native=15):
    frame = grid(DAY, DAY, "Europe/Stockholm").with_columns(
        price=pl.Series(prices, dtype=pl.Float64), native_minutes=pl.lit(native, pl.Int32)
    )
    return with_market_hours(frame)


@pytest.mark.parametrize(
    ("prices", "native", "hourly", "quarterly"),
    [
        (HOURLY, 15, True, False),
        (HOURLY, 60, True, False),
        (QUARTERLY, 15, False, True),
        (QUARTERLY, 60, False, False),
        (HALF, 15, False, False),
        ([0.5] * 96, 15, False, False),
        ([0.0] * 96, 15, False, False),
        ([None] * 96, 15, False, False),
        (HOURLY[:20] + [0.0] * 76, 15, False, False),
        ([price if slot % 2 else 0.0 for slot, price in enumerate(HOURLY)], 15, True, False),
        ([-price for price in HOURLY], 15, True, False),
    ],
    ids=[
        "one price an hour",
        "hourly source",
        "four prices an hour",
        "four prices an hour, though the source says hourly",
        "half and half",
        "one price all day",
        "zeros",
        "nothing",
        "five hours only",
        "every other slot zero",
        "negative prices",
    ],
)
def test_a_market_is_recognised_when_enough_of_its_day_is_seen(prices, native, hourly, quarterly):
    frame = with_hours(prices, native)
    assert frame["hourly"].unique().to_list() == [hourly]
    assert frame["quarterly"].unique().to_list() == [quarterly]


def test_the_hours_price_is_known_when_one_slot_has_it():
    prices = [price if slot % 4 == 3 or slot > 24 else 0.0 for slot, price in enumerate(HOURLY)]
    assert with_hours(prices)["hour_price"].to_list() == HOURLY


def test_the_hours_price_is_unknown_when_its_slots_disagree_or_are_all_zero():
    prices = [0.0 if slot < 4 else price for slot, price in enumerate(HOURLY)]
    prices[9] = 7.0
    frame = with_hours(prices)
    assert frame["hourly"].all()
    assert frame["hour_price"][0:4].null_count() == 4
    assert frame["hour_price"][8:12].null_count() == 4
    assert frame["hour_price"][12:].to_list() == HOURLY[12:]


@pytest.mark.parametrize(("apart", "hourly"), [(0.9e-6, True), (1.1e-6, False)])
def test_prices_of_an_hour_are_one_to_a_millionth(apart, hourly):
    prices = [20 * price * (1 + apart * (slot % 2)) for slot, price in enumerate(HOURLY)]
    assert with_hours(prices)["hourly"].all() == hourly
