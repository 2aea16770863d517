from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from darkstar_pipeline.quality.price_repair import PRICE_COLUMNS, REPAIR_COLUMNS, near_zero, repair_prices
from darkstar_pipeline.warehouse.schemas import PRICE_REPAIRS, SPOT_PRICES
from env.time_grid import SLOT_DTYPE, grid

STOCKHOLM = "Europe/Stockholm"
OTHER_AREAS = ("SE1", "SE2", "SE3")
SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2025, 10, 26), date(2026, 1, 15)
IMPORTED = datetime(2026, 9, 1, 12, tzinfo=UTC)
# 24 hourly prices of an ordinary day, well away from zero and with slopes of their own [SEK/kWh].
HOURLY = [0.42, 0.40, 0.38, 0.37, 0.39, 0.45, 0.60, 0.85, 0.95, 0.80, 0.66, 0.58]
HOURLY += [0.52, 0.50, 0.54, 0.63, 0.78, 1.02, 1.15, 0.98, 0.76, 0.61, 0.53, 0.47]


def day_prices(hourly: Sequence[float]) -> list[float | None]:
    return [price for price in hourly for _ in range(4)]


def quarter_prices() -> list[float | None]:
    return [price + 0.003 * quarter for price in HOURLY for quarter in range(4)]


def raw_prices(prices: Sequence[float | None], day: date = PLAIN, native: int = 15) -> pl.DataFrame:
    slots = grid(day, day, STOCKHOLM)["slot_start"]
    assert len(slots) == len(prices)
    columns = {"slot_start": slots, "price": pl.Series(prices, dtype=pl.Float64)}
    frame = pl.DataFrame(columns).with_columns(
        native_minutes=pl.lit(native), imported_at=pl.lit(IMPORTED, dtype=SLOT_DTYPE)
    )
    return frame.drop_nulls("price")


def repaired_day(prices: Sequence[float | None], second: Sequence[float | None] | None = None):
    other = None if second is None else raw_prices(second).select("slot_start", "price")
    return repair_prices(raw_prices(prices), PLAIN, PLAIN, STOCKHOLM, other)


def with_slots(prices: Sequence[float | None], slots: Sequence[int], value: float | None) -> list[float | None]:
    return [value if index in slots else price for index, price in enumerate(prices)]


def zeroed_slots(day: Sequence[float | None], slots: Sequence[int]) -> list[str | None]:
    """The methods that the given slots were repaired with, when their prices are zeroed."""
    found = repaired_day(with_slots(day, slots, 0.0)).repairs
    start = grid(PLAIN, PLAIN, STOCKHOLM)["slot_start"]
    methods = dict(found.select("slot_start", "method").iter_rows())
    assert set(methods) <= {start[index] for index in slots}
    return [methods.get(start[index]) for index in slots]


RECORDER_ZEROS = [
    ("one slot of a market hour", HOURLY, [33], {"market_hour"}),
    ("three slots of a market hour", HOURLY, [32, 33, 34], {"market_hour"}),
    ("every other slot of ten hours", HOURLY, range(21, 61, 2), {"market_hour"}),
    ("one whole market hour", HOURLY, range(28, 32), {"interpolated"}),
    ("two hours, cutting two market hours", HOURLY, range(30, 38), {"market_hour", "interpolated"}),
    ("two whole hours", HOURLY, range(48, 56), {"interpolated"}),
    ("ten hours", HOURLY, range(30, 70), {"market_hour", "estimated"}),
    ("ten whole hours", HOURLY, range(28, 68), {"estimated"}),
]


@pytest.mark.parametrize(
    ("hourly", "slots", "methods"), [case[1:] for case in RECORDER_ZEROS], ids=[case[0] for case in RECORDER_ZEROS]
)
def test_zeros_are_repaired_when_the_hourly_market_says_so(hourly, slots, methods):
    assert set(zeroed_slots(day_prices(hourly), list(slots))) == methods


@pytest.mark.parametrize("slots", [[33], range(30, 38), range(21, 61, 2)], ids=["isolated", "two hours", "alternating"])
def test_zeros_are_interpolated_when_the_market_is_quarter_hourly_and_neighbours_are_clear(slots):
    assert set(zeroed_slots(quarter_prices(), list(slots))) == {"interpolated"}


def test_repair_restores_the_very_price_when_another_slot_of_the_market_hour_has_it():
    truth = day_prices(HOURLY)
    after = repaired_day(with_slots(truth, range(1, 90, 2), 0.0)).prices
    assert after["price"].to_list() == truth
    assert after["raw_price"].to_list() == with_slots(truth, range(1, 90, 2), 0.0)


def test_interpolation_is_a_line_between_the_neighbours_when_the_market_is_quarter_hourly():
    prices = quarter_prices()
    prices[40:45] = [1.0, None, None, None, 2.0]
    assert repaired_day(prices).prices["price"].to_list()[40:45] == pytest.approx([1.0, 1.25, 1.5, 1.75, 2.0])


def test_interpolation_is_one_price_an_hour_when_the_market_is_hourly():
    after = repaired_day(with_slots(day_prices(HOURLY), range(48, 56), 0.0)).prices["price"].to_list()[44:60]
    step = (0.54 - 0.58) / 3
    assert after == pytest.approx([price for n in range(4) for price in [0.58 + n * step] * 4])


# Hourly prices (the same in four slots) with true zeros and negatives: nothing may change.
VALLEY = [0.5, 0.45, 0.4, 0.35, 0.3, 0.3, 0.34, 0.36, 0.2, 0.11, 0.05, 0.0]
AFTER = [0.3, 0.5, 0.7, 0.9, 1.1, 1.0, 0.8]
TRUE_PRICES = [
    ("zero at the bottom of a valley", [*VALLEY, 0.04, 0.09, 0.14, 0.18, 0.2, *AFTER]),
    ("zero where the price changes sign", [*VALLEY, -0.2, -0.3, -0.25, -0.1, 0.05, *AFTER]),
    ("zero between far negatives", [*VALLEY[:10], -0.4, 0.0, -0.35, -0.3, -0.25, -0.1, 0.05, *AFTER]),
    (
        "steep fall far from zero",
        [3.6, 3.7, 3.2, 3.6, 3.6, 3.9, 4.5, 4.8, 4.2, 3.2, 2.2, 2.0, 1.0, 0.0, 1.2, 1.5, *[4.0] * 8],
    ),
    ("zero beside a price near zero", [0.5] * 11 + [0.0, 0.01, 0.4, 0.5, 0.6, 0.7, *AFTER]),
    (
        "hours of zeros in a windy night",
        [0.0, 0.0, 0.0, 0.01, 0.03, 0.06, *VALLEY[:6], 0.2, 0.3, 0.4, 0.5, 0.6, *AFTER],
    ),
    ("zero in the last hour", [*HOURLY[:20], 0.12, 0.06, 0.03, 0.0]),
    ("zero throughout", [0.0] * 24),
    ("negative throughout", [-0.01 * hour - 0.01 for hour in range(24)]),
]


@pytest.mark.parametrize("hourly", [case[1] for case in TRUE_PRICES], ids=[case[0] for case in TRUE_PRICES])
def test_true_zeros_and_negatives_stay_when_the_day_explains_them(hourly):
    after = repaired_day(day_prices(hourly))
    assert after.repairs.is_empty()
    assert after.prices["price"].to_list() == day_prices(hourly)


@pytest.mark.parametrize(
    ("slots", "methods"),
    [
        (range(40, 48), {"interpolated"}),
        (range(40, 49), {None}),
        (range(8), {"nearest"}),
        (range(88, 96), {"nearest"}),
        (range(96), {None}),
    ],
    ids=["two hours", "longer", "at the start", "at the end", "no price at all"],
)
def test_gaps_are_filled_from_the_same_day_when_they_last_two_hours_at_most(slots, methods):
    prices = with_slots(quarter_prices(), list(slots), None)
    after = repaired_day(prices)
    assert set(after.repairs["method"].to_list()) == methods - {None}
    assert after.prices.height == (96 if None not in methods else 96 - len(slots))
    assert after.repairs["raw_price"].null_count() == after.repairs.height


def test_a_gap_is_filled_exactly_when_it_leaves_a_slot_of_every_market_hour():
    truth = day_prices(HOURLY)
    after = repaired_day([price if index % 4 == 2 else None for index, price in enumerate(truth)])
    # A day with one slot an hour does not show its market: nothing but lines of three slots is drawn.
    assert set(after.repairs["method"].to_list()) <= {"interpolated", "nearest"}
    after = repaired_day(with_slots(truth, range(33, 36), None))
    assert after.prices["price"].to_list() == truth
    assert set(after.repairs["method"].to_list()) == {"market_hour"}


def test_the_second_source_decides_when_there_is_one():
    truth = day_prices(HOURLY)
    second = with_slots(truth, [50, 51, 52, 53], 0.0)
    seen = with_slots(with_slots(truth, range(48, 56), 0.0), range(4, 24), None)
    after = repaired_day(seen, second)
    zeros = after.prices["price"].to_list()
    assert zeros[50:54] == [0.0] * 4, "confirmed by both sources"
    assert [zeros[n] for n in (48, 49, 54, 55)] == [truth[n] for n in (48, 49, 54, 55)]
    assert zeros[4:24] == truth[4:24], "a gap longer than two hours"
    assert set(after.repairs["method"].to_list()) == {"second_source"}


def test_a_day_of_zeros_is_repaired_when_a_second_source_has_its_prices():
    after = repaired_day([0.0] * 96, day_prices(HOURLY))
    assert after.prices["price"].to_list() == day_prices(HOURLY)


def test_a_day_without_any_import_is_filled_when_a_second_source_has_it():
    other = raw_prices(day_prices(HOURLY)).select("slot_start", "price")
    after = repair_prices(raw_prices(day_prices(HOURLY)).head(0), PLAIN, PLAIN, STOCKHOLM, other)
    assert after.prices["price"].to_list() == day_prices(HOURLY)
    assert after.repairs["repaired_at"].unique().to_list() == [after.prices["slot_start"][0]]


def test_rows_fit_the_declared_tables_when_something_is_repaired():
    after = repaired_day(with_slots(day_prices(HOURLY), [33, 60, 61], 0.0))
    for frame, columns, table in (
        (after.prices, PRICE_COLUMNS, SPOT_PRICES),
        (after.repairs, REPAIR_COLUMNS, PRICE_REPAIRS),
    ):
        assert tuple(frame.columns) == columns
        assert all(frame.schema[name] == table.schema[name] for name in columns)
        nullable = {column.name for column in table.columns if column.nullable}
        assert all(frame[name].null_count() == 0 for name in columns if name not in nullable)
    assert after.repairs["repaired_at"].unique().to_list() == [IMPORTED]
    assert after.repairs["evidence"][0] == "zero, but the market hour 07:00 UTC is at 0.95"


@pytest.mark.parametrize(("day", "slots"), [(SPRING, 92), (AUTUMN, 100)], ids=["spring", "autumn"])
def test_every_slot_of_a_clock_change_is_repaired_by_itself_when_the_recorder_failed(day, slots):
    start = grid(day, day, STOCKHOLM)["slot_start"]
    hours = [HOURLY[(index // 4) % 24] + 0.01 * (index // 96) for index in range(slots)]
    faulty = [0.0 if index in (9, 10, 13, 90) else price for index, price in enumerate(hours)]
    after = repair_prices(raw_prices(faulty, day), day, day, STOCKHOLM)
    assert after.prices["slot_start"].to_list() == start.to_list()
    assert after.prices["price"].to_list() == hours
    assert after.prices["local_day"].unique().to_list() == [day]


@pytest.mark.parametrize(
    ("currency", "bound"),
    [
        ("SEK", 0.015),
        ("NOK", 0.0157),
        ("eur", 0.00136),
        ("HUF", 0.545),
        ("JPY", 0.225),
        ("GBP", 0.00116),
        ("INR", 0.132),
    ],
)
def test_near_zero_follows_the_worth_of_the_currency(currency, bound):
    assert near_zero(currency) == pytest.approx(bound, rel=0.01)


# The same day in money of another worth, from dinars to a currency in hundredths that nobody lists.
WORTHS = [
    ("SEK", 1.0),
    ("EUR", 1 / 11),
    ("HUF", 400 / 11),
    ("JPY", 15.0),
    ("GBP", 0.85 / 11),
    ("GBX", 85 / 11),
    ("XTS", 5000.0),
]


@pytest.mark.parametrize(("currency", "worth"), WORTHS)
def test_a_day_is_repaired_alike_whatever_its_prices_are_counted_in(currency, worth):
    recorder = with_slots(quarter_prices(), range(40, 52), 0.0)
    valley = [0.4, 0.2, 0.1, 0.013, *([0.0] * 8), 0.012, 0.1, 0.2, 0.4]
    true_zeros = [*quarter_prices()[:40], *valley, *quarter_prices()[56:]]
    for prices, touched in ((recorder, 12), (true_zeros, 0)):
        scaled = [None if price is None else price * worth for price in prices]
        after = repair_prices(raw_prices(scaled), PLAIN, PLAIN, STOCKHOLM, near=near_zero(currency))
        assert after.repairs.height == touched


@pytest.mark.parametrize(("currency", "worth"), WORTHS)
def test_a_second_source_that_rounds_otherwise_agrees_whatever_its_prices_are_counted_in(currency, worth):
    zeros = with_slots(quarter_prices(), range(40, 52), 0.0)
    source = with_slots(quarter_prices(), range(40, 52), 0.0009)
    scaled, other = ([None if price is None else price * worth for price in prices] for prices in (zeros, source))
    second = raw_prices(other).select("slot_start", "price")
    after = repair_prices(raw_prices(scaled), PLAIN, PLAIN, STOCKHOLM, second, near=near_zero(currency))
    assert after.repairs.is_empty()


PRICES = st.sampled_from([-0.3, -0.01, 0.0, 0.0, 0.0, 0.001, 0.01, 0.03, 0.2, 0.5, 1.0, None])


@st.composite
def days_of_prices(draw: st.DrawFn) -> tuple[date, list[float | None]]:
    """A day (clock changes among them), hourly or not, with zeros and gaps strewn in."""
    day = draw(st.sampled_from([SPRING, AUTUMN, PLAIN]))
    slots = grid(day, day, STOCKHOLM).height
    if draw(st.booleans()):
        prices = [price for price in draw(st.lists(PRICES, min_size=25, max_size=25)) for _ in range(4)][:slots]
    else:
        prices = draw(st.lists(PRICES, min_size=slots, max_size=slots))
    for _ in range(draw(st.integers(0, 4))):
        start, length = draw(st.integers(0, slots - 1)), draw(st.integers(1, 40))
        step, value = draw(st.sampled_from([1, 2])), draw(st.sampled_from([0.0, None]))
        prices = [value if n in range(start, start + length, step) else price for n, price in enumerate(prices)]
    return day, prices


@given(days_of_prices(), st.booleans())
def test_repairing_repaired_prices_changes_nothing_when_run_again(day_and_prices, with_second):
    day, prices = day_and_prices
    slots = grid(day, day, STOCKHOLM)["slot_start"]
    second = pl.DataFrame({"slot_start": slots, "price": [0.1 + 0.001 * n for n in range(len(slots))]})
    other = second[::3] if with_second else None
    once = repair_prices(raw_prices(prices, day), day, day, STOCKHOLM, other)
    again = once.prices.with_columns(imported_at=pl.lit(IMPORTED, dtype=SLOT_DTYPE))
    twice = repair_prices(
        again.select("slot_start", "price", "native_minutes", "imported_at"), day, day, STOCKHOLM, other
    )
    assert twice.repairs.to_dicts() == []
    assert_frame_equal(twice.prices.select("slot_start", "price"), once.prices.select("slot_start", "price"))


@given(days_of_prices())
def test_only_zeros_and_gaps_change_when_prices_are_repaired(day_and_prices):
    day, prices = day_and_prices
    raw = raw_prices(prices, day)
    after = repair_prices(raw, day, day, STOCKHOLM)
    kept = after.prices.join(raw.select("slot_start", before="price"), on="slot_start").filter(pl.col("before") != 0)
    assert kept.height == raw.filter(pl.col("price") != 0).height
    assert kept["price"].to_list() == kept["before"].to_list()
    assert after.prices["price"].is_finite().all()
    assert after.prices.filter("repaired").height == after.repairs.height


@given(days_of_prices(), st.integers(0, 1), st.integers(0, 1))
def test_the_repair_of_a_day_is_the_same_within_a_longer_range(day_and_prices, before, after):
    day, prices = day_and_prices
    first, last = day - timedelta(days=before), day + timedelta(days=after)
    around = (
        grid(first, last, STOCKHOLM)
        .filter(pl.col("local_day") != day)
        .select(
            "slot_start",
            price=pl.lit(0.3),
            native_minutes=pl.lit(15),
            imported_at=pl.lit(IMPORTED, dtype=SLOT_DTYPE),
        )
    )
    alone = repair_prices(raw_prices(prices, day), day, day, STOCKHOLM)
    within = repair_prices(pl.concat([around, raw_prices(prices, day)]), first, last, STOCKHOLM)
    assert_frame_equal(within.prices.filter(pl.col("local_day") == day), alone.prices)
    assert_frame_equal(within.repairs, alone.repairs)


@pytest.mark.parametrize("area", ["SE4", *(pytest.param(area, marks=pytest.mark.thorough) for area in OTHER_AREAS)])
def test_no_true_price_changes_when_six_years_of_an_area_are_repaired(area, shared_data):
    prices = pl.read_parquet(shared_data / "spot_prices_se.parquet")
    raw = prices.filter(pl.col("area") == area).select(
        "slot_start",
        price=pl.col("sek_per_kwh").cast(pl.Float64),
        native_minutes=pl.lit(15),
        imported_at=pl.lit(IMPORTED, dtype=SLOT_DTYPE),
    )
    after = repair_prices(raw, date(2020, 1, 1), date(2026, 8, 20), STOCKHOLM)
    assert after.prices.height
    assert after.repairs.is_empty()


@pytest.mark.parametrize(
    ("timezone", "missing", "filled"),
    [
        pytest.param("Europe/Helsinki", range(4), 0, id="the last hour of the market's day before"),
        pytest.param("Europe/Dublin", range(92, 96), 0, id="the first hour of the market's day to come"),
        pytest.param("Europe/Helsinki", range(3), 3, id="a gap in a day that was published"),
        pytest.param("Europe/Helsinki", range(92, 96), 4, id="a gap at the end of the local day"),
        pytest.param("Europe/Stockholm", range(4), 4, id="the market's own zone"),
        pytest.param("Australia/Sydney", range(4), 4, id="a market of its own"),
    ],
)
def test_nothing_is_filled_where_the_market_has_yet_to_publish(timezone, missing, filled):
    day = grid(PLAIN, PLAIN, timezone)
    frame = day.select(
        "slot_start",
        price=pl.Series(with_slots(quarter_prices(), missing, None)),
        native_minutes=pl.lit(15, pl.Int32),
        imported_at="slot_start",
    )
    repaired = repair_prices(frame, PLAIN, PLAIN, timezone)
    assert (repaired.prices.height, repaired.repairs.height) == (96 - len(missing) + filled, filled)
