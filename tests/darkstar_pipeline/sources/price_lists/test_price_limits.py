"""The numbers by which prices are judged before they are stored, each tried on both of its sides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import REASON, numbered, object_to
from darkstar_pipeline.sources.price_lists.checks import price_checks, refuse_future
from darkstar_pipeline.sources.price_lists.publication import refuse_partial_days
from darkstar_pipeline.sources.price_lists.scale import refuse_wrong_price_scale
from darkstar_pipeline.sources.price_lists.stated import Stated, conversion, price_unit_of
from darkstar_pipeline.sources.price_lists.zeros import refuse_unlikely_zeros
from env.time_grid import SLOT_DTYPE, local_day

BERLIN, HELSINKI = "Europe/Berlin", "Europe/Helsinki"
DAY = datetime(2026, 1, 9, 23, tzinfo=UTC)  # a day begins in Berlin
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
SITE = SiteSettings.model_validate({"area": "SE4"})
EURO = SiteSettings.model_validate({"area": "FI", "currency": "EUR", "timezone": HELSINKI})


def prices(values: Sequence[float], *, start: datetime = DAY, minutes: int = 15) -> pl.DataFrame:
    stamps = pl.Series([start + timedelta(minutes=minutes * n) for n in range(len(values))]).cast(SLOT_DTYPE)
    frame = pl.DataFrame({"slot_start": stamps, "price": pl.Series(values, dtype=pl.Float64)})
    return numbered(frame.with_columns(pl.lit(minutes, pl.Int32).alias("native_minutes")))


def known(values: Mapping[int, float], timezone: str = BERLIN):
    """Prices that are stored, by slots since `DAY`."""
    stamps = pl.Series([DAY + timedelta(minutes=15 * n) for n in values], dtype=pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(
        {"slot_start": stamps.cast(SLOT_DTYPE), "price": pl.Series(list(values.values()), dtype=pl.Float64)}
    )
    return lambda days: frame.filter(local_day(timezone).is_in(days)).select("slot_start", "price")


def reasons(frame: pl.DataFrame) -> set[str]:
    return set(frame[REASON].drop_nulls().to_list())


@pytest.mark.parametrize(
    ("values", "currency", "refused"),
    [
        ([0.75] * 5, "EUR", False),
        ([0.76] * 5, "EUR", True),
        ([-0.76] * 5, "EUR", True),
        ([0.76] * 5 + [0.1] * 6, "EUR", False),
        ([0.76] * 5 + [0.0] * 9, "EUR", True),
        ([0.7] * 2 + [float("inf")] * 9, "EUR", False),
        ([0.76] * 5, "SEK", False),
        ([8.3] * 5, "SEK", True),
        ([1e6] * 5, "XTS", False),
        ([0.0] * 5, "EUR", False),
    ],
)
def test_typical_price_is_one_that_a_market_pays(values: list[float], currency: str, *, refused: bool):
    if not refused:
        refuse_wrong_price_scale(pl.Series(values), currency, "f.csv")
        return
    with pytest.raises(DataRefusedError, match=rf"too much for {currency}/kWh"):
        refuse_wrong_price_scale(pl.Series(values), currency, "f.csv")


@pytest.mark.parametrize(("price", "refused"), [(6.0, False), (6.1, True), (-6.0, False), (-6.1, True)])
def test_single_price_is_six_euros_at_most(price: float, *, refused: bool):
    frame = prices([0.1, price]).with_columns(pl.col("price").cast(pl.String).alias("_raw_price"))
    checked = object_to(frame, price_checks(EURO))
    assert checked[REASON].to_list() == [
        None,
        f"price {price} is beyond what a market pays (6.0 EUR/kWh)" if refused else None,
    ]


def test_prices_lie_two_days_ahead_at_most():
    refuse_future(prices([0.1], start=NOW + timedelta(days=2)), "f.csv", NOW)
    with pytest.raises(DataRefusedError, match=r"1 prices lie more than two days ahead, up to 2026-01-12 12:15Z"):
        refuse_future(prices([0.1, 0.1], start=NOW + timedelta(days=2)), "f.csv", NOW)


@pytest.mark.parametrize(
    ("zeros", "before", "refused"),
    [
        (8, 0.1, 8),
        (7, 0.1, 0),
        (8, 0.0, 0),
        (8, 0.0001, 0),
        (8, None, 0),
    ],
)
def test_two_hours_of_zeros_do_not_replace_known_prices(zeros: int, before: float | None, refused: int):
    frame = prices([0.1] * 40 + [0.0] * zeros + [0.1] * (56 - zeros))
    stored = known({} if before is None else {40 + n: before for n in range(zeros)})
    checked = refuse_unlikely_zeros(frame, BERLIN, "EUR", NOW, stored)
    assert checked[REASON].count() == refused
    assert reasons(checked) <= {"price 0 in a run of 8 zeros over known prices"}
    assert checked[REASON].to_list()[40 : 40 + refused] == ["price 0 in a run of 8 zeros over known prices"] * refused


def test_zeros_with_a_gap_or_a_price_between_them_are_no_run():
    stored = known(dict.fromkeys(range(96), 0.1))
    apart = [0.1] * 40 + [0.0] * 7 + [0.2] + [0.0] * 7 + [0.1] * 41
    assert refuse_unlikely_zeros(prices(apart), BERLIN, "EUR", NOW, stored)[REASON].count() == 0
    gap = prices([0.1] * 40 + [0.0] * 15 + [0.1] * 41)
    cut = gap.filter(pl.col("slot_start") != DAY + timedelta(minutes=15 * 47))
    assert refuse_unlikely_zeros(cut, BERLIN, "EUR", NOW, stored)[REASON].count() == 0
    assert refuse_unlikely_zeros(gap, BERLIN, "EUR", NOW, stored)[REASON].count() == 15


@pytest.mark.parametrize(
    ("count", "price", "start", "refused"),
    [
        (46, 0.0, DAY + timedelta(days=1), 46),
        (45, 0.0, DAY + timedelta(days=1), 0),
        (46, 0.0, DAY, 46),
        (46, 0.0, DAY - timedelta(days=1), 0),
        (96, 0.01, DAY + timedelta(days=1), 0),
    ],
)
def test_day_ahead_is_not_zero_throughout(count: int, price: float, start: datetime, refused: int):
    """Half of it is enough; a day before today is history."""
    checked = refuse_unlikely_zeros(prices([price] * count, start=start), BERLIN, "EUR", NOW)
    assert checked[REASON].count() == refused
    assert reasons(checked) <= {f"price 0 like all 46 prices of {(start + timedelta(hours=2)).date()}"}


def test_hours_of_zeros_are_counted_in_slots():
    stored = known(dict.fromkeys(range(96), 0.1))
    two = prices([0.1] * 10 + [0.0] * 2 + [0.1] * 12, minutes=60)
    assert (
        refuse_unlikely_zeros(two, BERLIN, "EUR", NOW, stored)[REASON].to_list()[10:12]
        == ["price 0 in a run of 8 zeros over known prices"] * 2
    )
    one = prices([0.1] * 10 + [0.0] + [0.1] * 13, minutes=60)
    assert refuse_unlikely_zeros(one, BERLIN, "EUR", NOW, stored)[REASON].count() == 0


@pytest.mark.parametrize(
    ("count", "stored", "refused"), [(48, 0, 0), (47, 0, 47), (47, 48, 0), (20, 48, 0), (20, 47, 20)]
)
def test_day_has_half_of_its_prices(count: int, stored: int, refused: int):
    """Those that are known already count; the same slot twice counts once."""
    given = known(dict.fromkeys(range(stored), 0.1)) if stored else None
    checked = refuse_partial_days(prices([0.1] * count), BERLIN, given)
    assert checked[REASON].count() == refused
    assert reasons(checked) <= {f"day 2026-01-10 has {max(count, stored)} of 96 prices"}


@pytest.mark.parametrize(("day", "half"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50)])
def test_half_of_a_day_of_a_clock_change(day: date, half: int):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1 if half == 46 else 2)
    assert refuse_partial_days(prices([0.1] * half, start=start), BERLIN)[REASON].count() == 0
    assert refuse_partial_days(prices([0.1] * (half - 1), start=start), BERLIN)[REASON].count() == half - 1


def test_day_of_the_market_is_whole_where_the_local_day_is_not():
    whole = refuse_partial_days(prices([0.1] * 96), HELSINKI)
    assert whole[REASON].count() == 0
    part = refuse_partial_days(prices([0.1] * 4, minutes=60), HELSINKI)
    assert part[REASON].count() == 4


@pytest.mark.parametrize(
    ("stated", "divisor", "notes"),
    [
        (Stated(unit="SEK/kWh"), 1, 0),
        (Stated(unit="öre/kWh"), 100, 1),
        (Stated(unit="SEK/MWh"), 1000, 1),
        (Stated(), 1, 1),
        (Stated(unit="SEK"), 1, 1),
        (Stated(unit="SEK/kWh", hundredths=True), 100, 1),
        (Stated(unit="SEK/MWh", hundredths=True), 100_000, 1),
        (Stated(unit="öre/kWh", hundredths=True), 100, 1),
        (Stated(hundredths=True), 100, 2),
        (Stated(unit="SEK/kWh", hundredths=False), 1, 0),
        (Stated(entity="sensor.nordpool_kwh_se4_sek_3_10_025"), 1.25, 1),
        (Stated(entity="sensor.nordpool_kwh_se4_sek_3_10_0"), 1, 0),
        (Stated(entity="sensor.nordpool_mwh_se4_sek_3_10_0"), 1000, 1),
        (Stated(entity="sensor.nordpool_mwh_se4_sek_3_10_025", unit="SEK/MWh"), 1250, 2),
        (Stated(entity="sensor.nordpool_kwh_se4_sek_3_10_0", unit="öre/kWh"), 100, 1),
    ],
)
def test_prices_are_converted_by_what_is_stated(stated: Stated, divisor: float, notes: int):
    way = conversion(stated, SITE, "f.csv")
    assert (way.divisor, len(way.notes)) == (divisor, notes)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (Stated(unit="EUR/kWh"), "prices are in EUR, the site's currency is SEK"),
        (Stated(currency="EUR"), "prices are in EUR"),
        (Stated(unit="bananas/kWh"), "not read as a unit of a price"),
        (Stated(area="SE3"), "prices of SE3 offered, the site is in SE4"),
        (Stated(entity="sensor.nordpool_kwh_se3_sek_3_10_0"), "prices of SE3 offered"),
        (Stated(entity="sensor.nordpool_kwh_se4_eur_3_10_0"), "prices are in EUR"),
        (Stated(entity="sensor.nordpool_mwh_se4_sek_3_10_0", unit="SEK/kWh"), "the id says mwh, the unit SEK/kWh"),
        (Stated(costs="with fees"), "with fees"),
    ],
)
def test_prices_that_cannot_be_converted_are_refused(stated: Stated, words: str):
    with pytest.raises(DataRefusedError, match=words):
        conversion(stated, SITE, "f.csv")


@pytest.mark.parametrize(
    ("text", "currency", "may"), [("kr", "SEK", True), ("kr", "EUR", False), ("ct", "SEK", True), ("x", "SEK", False)]
)
def test_text_may_mean_a_currency(text: str, currency: str, *, may: bool):
    assert price_unit_of(text, currency) == may


@pytest.mark.parametrize(
    ("first", "count", "stored", "refused"),
    [
        (0, 44, range(92, 96), 0),
        (0, 44, range(92, 95), 44),
        (-4, 4, range(-48, -4), 0),
        (-4, 4, range(-47, -4), 4),
    ],
)
def test_day_of_the_market_has_half_of_its_prices_with_those_known_on_both_local_days(
    first: int, count: int, stored: range, refused: int
):
    """In Helsinki it lasts from one o'clock to one o'clock."""
    given = known(dict.fromkeys(stored, 0.1), HELSINKI)
    rows = prices([0.1] * count, start=DAY + timedelta(minutes=15 * first))
    assert refuse_partial_days(rows, HELSINKI, given)[REASON].count() == refused
