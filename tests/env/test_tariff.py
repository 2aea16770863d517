import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.errors import MissingTariffError, TariffError
from env.power_tariff import PowerTariff
from env.tariff import Tariff, TariffVersion, TimeOfUse
from env.time_grid import grid, local_clock
from tests.builders.homes import DEFAULT_TARIFF, STOCKHOLM

PLAIN = TariffVersion(valid_from=date(2020, 1, 1), vat=0.25, transfer_fee=0.2, energy_tax=0.4)


def priced(tariff: Tariff, start: str, spot: float = 0.0, *, timezone: str = STOCKHOLM) -> tuple[float, float]:
    """Import and export price of the slot that starts at a UTC time."""
    slot = pl.DataFrame({"slot_start": [datetime.fromisoformat(start).replace(tzinfo=UTC)], "price": [spot]})
    row = tariff.with_prices(slot.with_columns(pl.col("slot_start").dt.cast_time_unit("us")), timezone)
    return row["import_price"][0], row["export_price"][0]


def day_prices(tariff: Tariff, day: date) -> dict[int, list[float]]:
    """Import prices of a day with a spot price of 0, by wall clock [min]."""
    slots = grid(day, day, STOCKHOLM).with_columns(price=pl.lit(0.0))
    timed = tariff.with_prices(slots, STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    return {clock[0]: part["import_price"].to_list() for clock, part in timed.group_by("local_clock")}


@pytest.mark.parametrize(
    ("version", "spot", "import_price", "export_price"),
    [
        # (0.5 + 0.2456 + 0.439) x 1.25 = 1.1846 x 1.25
        pytest.param(DEFAULT_TARIFF.versions[0], 0.5, 1.48075, 0.5, id="as written by init"),
        # (0 + 0.6846) x 1.25; a zero is a price
        pytest.param(DEFAULT_TARIFF.versions[0], 0.0, 0.85575, 0.0, id="zero spot"),
        # (-0.9 + 0.6846) x 1.25 = -0.2154 x 1.25
        pytest.param(DEFAULT_TARIFF.versions[0], -0.9, -0.26925, -0.9, id="so negative that buying pays"),
        # 0.5 x 0.8 + 0.1 - 0.03 = 0.47; (0.5 + 0.6) x 1.25
        pytest.param(
            replace(PLAIN, export_share=0.8, export_bonus=0.1, export_fee=0.03), 0.5, 1.375, 0.47, id="share and bonus"
        ),
        # -0.5 x 0.8 + 0.07 = -0.33
        pytest.param(
            replace(PLAIN, export_share=0.8, export_bonus=0.1, export_fee=0.03), -0.5, 0.125, -0.33, id="share below 0"
        ),
        # a fixed feed-in tariff: 0 x spot + 1.2
        pytest.param(replace(PLAIN, export_share=0.0, export_bonus=1.2), 7.0, 9.5, 1.2, id="fixed feed-in"),
        pytest.param(replace(PLAIN, vat=0.0, transfer_fee=0.0, energy_tax=0.0), 0.3, 0.3, 0.3, id="bare spot"),
    ],
)
def test_prices_follow_the_formula_when_fees_apply(
    version: TariffVersion, spot: float, import_price: float, export_price: float
) -> None:
    bought, sold = priced(Tariff((version,)), "2026-06-01T10:00", spot)
    assert bought == pytest.approx(import_price, abs=1e-12)
    assert sold == pytest.approx(export_price, abs=1e-12)


@given(spot=st.floats(-10, 10), share=st.floats(0, 2), bonus=st.floats(-1, 1), vat=st.floats(0, 1))
def test_prices_equal_the_formula_when_numbers_are_any(spot: float, share: float, bonus: float, vat: float) -> None:
    version = replace(PLAIN, vat=vat, export_share=share, export_bonus=bonus)
    bought, sold = priced(Tariff((version,)), "2026-06-01T10:00", spot)
    assert bought == pytest.approx((spot + 0.6) * (1 + vat), abs=1e-12)
    assert sold == pytest.approx(spot * share + bonus, abs=1e-12)


def test_window_applies_by_the_local_clock_when_it_is_inside_the_day() -> None:
    """Dear from 7 to 21: (0 + 1.0 + 0.4) x 1.25 = 1.75, else 0.75; Stockholm in June is two hours ahead of UTC."""
    dear = TimeOfUse(start_minute=7 * 60, end_minute=21 * 60, transfer_fee=1.0)
    tariff = Tariff((replace(PLAIN, time_of_use=(dear,)),))
    edges = ["2026-06-01T04:45", "2026-06-01T05:00", "2026-06-01T18:45", "2026-06-01T19:00"]
    assert [priced(tariff, start)[0] for start in edges] == pytest.approx([0.75, 1.75, 1.75, 0.75])


def test_window_applies_on_both_sides_of_midnight_when_it_ends_before_it_starts() -> None:
    night = TimeOfUse(start_minute=22 * 60, end_minute=6 * 60, transfer_fee=0.0)
    prices = day_prices(Tariff((replace(PLAIN, time_of_use=(night,)),)), date(2026, 6, 1))
    cheap = {clock for clock, (price,) in prices.items() if price == pytest.approx(0.5)}
    assert cheap == {*range(0, 360, 15), *range(1320, 1440, 15)}


def test_window_over_midnight_asks_each_slot_for_its_own_weekday_when_it_is_bound_to_one() -> None:
    """Friday 22-06: Friday's first six hours and its last two, and nothing of Saturday's morning."""
    friday = TimeOfUse(weekdays=(5,), start_minute=22 * 60, end_minute=6 * 60, transfer_fee=0.0)
    tariff = Tariff((replace(PLAIN, time_of_use=(friday,)),))
    assert day_prices(tariff, date(2026, 6, 5))[0] == pytest.approx([0.5])
    assert day_prices(tariff, date(2026, 6, 5))[23 * 60] == pytest.approx([0.5])
    assert day_prices(tariff, date(2026, 6, 6))[0] == pytest.approx([0.75])


def test_window_applies_in_its_months_and_weekdays_when_both_are_named() -> None:
    """Winter working days, November to March, Monday to Friday."""
    winter = TimeOfUse(months=(11, 12, 1, 2, 3), weekdays=(1, 2, 3, 4, 5), transfer_fee=1.0)
    tariff = Tariff((replace(PLAIN, time_of_use=(winter,)),))
    days = {date(2026, 1, 5): 1.75, date(2026, 1, 4): 0.75, date(2026, 4, 1): 0.75, date(2026, 11, 2): 1.75}
    assert {day: day_prices(tariff, day)[720][0] for day in days} == pytest.approx(days)


def test_month_is_the_local_one_when_utc_is_still_in_the_month_before() -> None:
    """Stockholm's 1 November 00:00 is 31 October 23:00 in UTC."""
    tariff = Tariff((replace(PLAIN, time_of_use=(TimeOfUse(months=(11,), transfer_fee=1.0),)),))
    assert priced(tariff, "2026-10-31T23:00")[0] == pytest.approx(1.75)
    assert priced(tariff, "2026-10-31T22:45")[0] == pytest.approx(0.75)


def test_each_fee_takes_the_first_window_that_names_it_when_windows_overlap() -> None:
    """The first replaces the fee alone, the second both: (0.1 + 0.9) x 1.25; outside the first, (0.7 + 0.9) x 1.25."""
    first = TimeOfUse(end_minute=12 * 60, transfer_fee=0.1)
    second = TimeOfUse(transfer_fee=0.7, energy_tax=0.9)
    prices = day_prices(Tariff((replace(PLAIN, time_of_use=(first, second)),)), date(2026, 6, 1))
    assert prices[0] == pytest.approx([1.25])
    assert prices[720] == pytest.approx([2.0])


def test_fee_of_zero_replaces_when_a_window_names_it() -> None:
    free = TimeOfUse(transfer_fee=0.0, energy_tax=0.0)
    assert priced(Tariff((replace(PLAIN, time_of_use=(free,)),)), "2026-06-01T10:00")[0] == 0.0


@pytest.mark.parametrize(
    ("day", "slots_inside"),
    [
        pytest.param(date(2026, 3, 29), 4 * 4, id="the hour from 2 to 3 is skipped"),
        pytest.param(date(2026, 10, 25), 6 * 4, id="the hour from 2 to 3 comes twice, and both halves are dear"),
        pytest.param(date(2026, 6, 1), 5 * 4, id="an ordinary day"),
    ],
)
def test_window_holds_by_the_wall_clock_when_the_clock_moves(day: date, slots_inside: int) -> None:
    dear = TimeOfUse(start_minute=60, end_minute=6 * 60, transfer_fee=1.0)
    prices = day_prices(Tariff((replace(PLAIN, time_of_use=(dear,)),)), day)
    assert sum(price == pytest.approx(1.75) for each in prices.values() for price in each) == slots_inside


def test_version_holds_from_local_midnight_of_its_first_day_when_a_newer_one_starts() -> None:
    """New fees on 1 January 2027 begin at 23:00 UTC the day before."""
    newer = replace(PLAIN, valid_from=date(2027, 1, 1), transfer_fee=1.2, export_bonus=0.6)
    tariff = Tariff((newer, PLAIN))  # order does not matter
    assert [version.valid_from.year for version in tariff.versions] == [2020, 2027]
    assert priced(tariff, "2026-12-31T22:45") == pytest.approx((0.75, 0.0))
    assert priced(tariff, "2026-12-31T23:00") == pytest.approx((2.0, 0.6))


def test_windows_belong_to_their_version_when_versions_change() -> None:
    dear = TimeOfUse(transfer_fee=1.0)
    old = replace(PLAIN, time_of_use=(dear,))
    tariff = Tariff((old, replace(PLAIN, valid_from=date(2027, 1, 1))))
    assert priced(tariff, "2026-06-01T10:00")[0] == pytest.approx(1.75)
    assert priced(tariff, "2027-06-01T10:00")[0] == pytest.approx(0.75)


def test_slot_is_refused_when_it_is_older_than_every_version() -> None:
    """The slot before Stockholm's midnight of the first day."""
    assert priced(Tariff((PLAIN,)), "2019-12-31T23:00")[0] == pytest.approx(0.75)
    with pytest.raises(MissingTariffError, match="no tariff is in force on 2019-12-31; the first starts 2020-01-01"):
        priced(Tariff((PLAIN,)), "2019-12-31T22:45")


def test_prices_keep_rows_and_columns_when_added() -> None:
    slots = grid(date(2026, 3, 29), date(2026, 3, 29), STOCKHOLM).with_columns(price=pl.lit(1.0), load_kwh=pl.lit(2.0))
    with_day = DEFAULT_TARIFF.with_prices(slots, STOCKHOLM)
    assert with_day.columns == [*slots.columns, "import_price", "export_price"]
    assert with_day.select(slots.columns).equals(slots)
    without_day = DEFAULT_TARIFF.with_prices(slots.drop("local_day"), STOCKHOLM)
    assert without_day.columns == ["slot_start", "price", "load_kwh", "import_price", "export_price"]


def test_price_stays_missing_when_the_spot_price_is() -> None:
    """Nothing is guessed: a null must not become the bare fees."""
    slots = grid(date(2026, 1, 1), date(2026, 1, 1), STOCKHOLM).with_columns(price=pl.lit(None, dtype=pl.Float64))
    assert DEFAULT_TARIFF.with_prices(slots, STOCKHOLM).select("import_price", "export_price").null_count().row(0) == (
        96,
        96,
    )


def test_prices_are_none_when_there_are_no_slots() -> None:
    slots = grid(date(2026, 1, 2), date(2026, 1, 1), STOCKHOLM).with_columns(price=pl.lit(1.0))
    assert DEFAULT_TARIFF.with_prices(slots, STOCKHOLM).is_empty()


def test_tariff_is_refused_when_it_is_empty_or_ambiguous() -> None:
    with pytest.raises(TariffError, match="at least one version"):
        Tariff(())
    with pytest.raises(TariffError, match=r"same day: \['2020-01-01', '2020-01-01'\]"):
        Tariff((PLAIN, replace(PLAIN, vat=0.1)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vat", -0.1),
        ("vat", math.nan),
        ("transfer_fee", math.nan),
        ("energy_tax", math.inf),
        ("export_share", math.nan),
        ("export_bonus", -math.inf),
        ("export_fee", math.nan),
    ],
)
def test_version_is_refused_when_a_fee_is_no_number(name: str, value: float) -> None:
    with pytest.raises(TariffError, match=f"{name} must be .*, got {value}"):
        replace(PLAIN, **{name: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"months": (0,)}, r"months must be in 1-12, got \(0,\)", id="month 0"),
        pytest.param({"months": (1, 13)}, "months must be in 1-12", id="month 13"),
        pytest.param({"weekdays": (0,)}, "weekdays must be in 1-7", id="weekdays start at 1"),
        pytest.param({"start_minute": -1}, "start_minute must be in 0-1440", id="before midnight"),
        pytest.param({"end_minute": 1441}, "end_minute must be in 0-1440", id="after midnight"),
        pytest.param({"transfer_fee": math.nan}, "transfer_fee must be a finite number", id="fee not a number"),
        pytest.param({"energy_tax": math.inf}, "energy_tax must be a finite number", id="endless tax"),
    ],
)
def test_window_is_refused_when_it_is_in_no_calendar(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        TimeOfUse(**values)


def test_negative_fees_are_allowed_when_a_grid_pays_for_use() -> None:
    assert priced(Tariff((replace(PLAIN, transfer_fee=-0.2, energy_tax=0.0),)), "2026-06-01T10:00", 0.2)[0] == 0.0


def test_whole_day_is_inside_when_a_window_starts_and_ends_at_the_same_time() -> None:
    always = TimeOfUse(start_minute=360, end_minute=360, transfer_fee=1.0)
    prices = day_prices(Tariff((replace(PLAIN, time_of_use=(always,)),)), date(2026, 6, 1))
    assert [price for each in prices.values() for price in each] == pytest.approx([1.75] * 96)


def test_power_is_billed_by_the_version_of_the_months_first_day_when_versions_change() -> None:
    """1 kW throughout: 10 in April (its first day is before the change of 15 April), 20 in May."""
    old = replace(PLAIN, power=(PowerTariff(price_per_kw=10.0),))
    new = replace(PLAIN, valid_from=date(2026, 4, 15), power=(PowerTariff(price_per_kw=20.0),))
    slots = grid(date(2026, 4, 1), date(2026, 5, 31), STOCKHOLM).with_columns(import_kwh=pl.lit(0.25))
    bill = Tariff((old, new)).power_costs(slots, STOCKHOLM)
    assert bill.select("month", "component", "cost").rows() == [
        (date(2026, 4, 1), 0, pytest.approx(10.0)),
        (date(2026, 5, 1), 0, pytest.approx(20.0)),
    ]


def test_power_components_are_billed_side_by_side_when_there_are_several() -> None:
    both = replace(PLAIN, power=(PowerTariff(price_per_kw=10.0), PowerTariff(price_per_kw=1.0, months=(4,))))
    slots = grid(date(2026, 4, 1), date(2026, 5, 31), STOCKHOLM).with_columns(import_kwh=pl.lit(0.25))
    bill = Tariff((both,)).power_costs(slots, STOCKHOLM)
    assert bill["component"].to_list() == [0, 1, 0]
    assert bill["cost"].to_list() == pytest.approx([10.0, 1.0, 10.0])


def test_power_costs_nothing_when_no_version_charges_it() -> None:
    slots = grid(date(2026, 4, 1), date(2026, 4, 1), STOCKHOLM).with_columns(import_kwh=pl.lit(0.25))
    bill = Tariff((PLAIN,)).power_costs(slots, STOCKHOLM)
    assert bill.is_empty()
    assert {"month", "component", "mean_kw", "cost"} <= set(bill.columns)


def test_power_is_refused_when_a_month_is_older_than_every_version() -> None:
    slots = grid(date(2019, 12, 1), date(2019, 12, 1), STOCKHOLM).with_columns(import_kwh=pl.lit(0.25))
    with pytest.raises(MissingTariffError, match="no tariff is in force on 2019-12-31"):
        Tariff((PLAIN,)).power_costs(slots, STOCKHOLM)


def quarters(prices: list[float], start: str = "2026-03-30T10:00") -> pl.DataFrame:
    """Slots from a UTC time on, a quarter-hour each."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    starts = [first + timedelta(minutes=15 * slot) for slot in range(len(prices))]
    return pl.DataFrame({"slot_start": starts, "price": prices}).with_columns(
        pl.col("slot_start").dt.cast_time_unit("us")
    )


HOURLY = replace(PLAIN, vat=0.0, transfer_fee=0.0, energy_tax=0.0, settlement_minutes=60)


def test_hour_s_mean_is_billed_both_ways_when_the_contract_settles_by_the_hour() -> None:
    slots = quarters([0.1, 0.2, 0.3, 1.0, 0.5, 0.5, 0.5, 0.9])
    by_hour = Tariff((HOURLY,)).with_prices(slots, STOCKHOLM)
    assert by_hour["import_price"].to_list() == pytest.approx([0.4] * 4 + [0.6] * 4)
    assert by_hour["export_price"].to_list() == pytest.approx([0.4] * 4 + [0.6] * 4)
    assert by_hour.columns == [*slots.columns, "import_price", "export_price"]


def test_hours_of_several_paths_have_means_of_their_own() -> None:
    paths = pl.concat([quarters([0.0, 0.0, 0.0, 4.0]), quarters([8.0, 8.0, 8.0, 8.0])])
    assert Tariff((HOURLY,)).with_prices(paths, STOCKHOLM)["import_price"].to_list() == [1.0] * 4 + [8.0] * 4


def test_repeated_autumn_hour_is_two_hours() -> None:
    slots = quarters([1.0] * 4 + [3.0] * 4, "2026-10-25T00:00")
    assert Tariff((HOURLY,)).with_prices(slots, STOCKHOLM)["import_price"].to_list() == [1.0] * 4 + [3.0] * 4


def test_contract_changes_on_its_day_from_quarters_to_hours() -> None:
    quarterly = replace(HOURLY, settlement_minutes=15, valid_from=date(2020, 1, 1))
    hourly = replace(HOURLY, valid_from=date(2026, 3, 31))
    slots = quarters([0.0, 1.0, 0.0, 1.0] * 2, "2026-03-30T21:00")  # the second hour is of the next local day
    priced_slots = Tariff((quarterly, hourly)).with_prices(slots, STOCKHOLM)
    assert priced_slots["import_price"].to_list() == [0.0, 1.0, 0.0, 1.0] + [0.5] * 4


def test_month_s_mean_is_billed_for_import_alone() -> None:
    monthly = replace(HOURLY, settlement_minutes=15, monthly_mean=True)
    slots = quarters([1.0] * 4 + [3.0] * 4, "2026-03-31T21:00")  # four of March, four of April
    own = Tariff((monthly,)).with_prices(slots, STOCKHOLM)
    assert own["import_price"].to_list() == [1.0] * 4 + [3.0] * 4
    given = Tariff((monthly,)).with_prices(slots.with_columns(month_price=pl.lit(0.7)), STOCKHOLM)
    assert given["import_price"].to_list() == pytest.approx([0.7] * 8)
    assert given["export_price"].to_list() == [1.0] * 4 + [3.0] * 4


def test_settlement_of_another_length_is_refused() -> None:
    with pytest.raises(TariffError, match="settlement_minutes must be one of"):
        replace(PLAIN, settlement_minutes=30)


def test_bill_is_of_the_last_months_where_the_tariff_says_so() -> None:
    flemish = PowerTariff(top=1, minutes=15, minimum_kw=2.5, price_per_kw=4.0, rolling_months=12)
    tariff = Tariff((replace(PLAIN, power=(flemish,)),))
    imports = pl.concat(
        [
            quarters([0.0], f"2026-{month:02d}-10T17:00").select("slot_start", import_kwh=pl.lit(kw / 4))
            for month, kw in ((1, 4.0), (2, 1.2), (3, 3.0))
        ]
    )
    costs = tariff.power_costs(imports, "Europe/Brussels")
    assert costs["cost"].to_list() == pytest.approx([16.0, 10.0, 12.0])
    assert costs["bill"].to_list() == pytest.approx([16.0, 13.0, 38 / 3])


def test_a_months_charges_are_of_the_version_in_force_on_its_first_day() -> None:
    power = PowerTariff(price_per_kw=50.0)
    charging = replace(PLAIN, valid_from=date(2026, 3, 10), power=(power,))
    tariff = Tariff((charging, replace(PLAIN, valid_from=date(2026, 4, 10))))
    days = (date(2026, 3, 10), date(2026, 4, 30), date(2026, 5, 1))
    assert [tariff.charges_of(day) for day in days] == [(power,), (power,), ()]
    with pytest.raises(MissingTariffError):
        tariff.charges_of(date(2026, 3, 9))
    months = (date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1))
    assert [tariff.charges_of_month(month) for month in months] == [(power,), (power,), ()]
    with pytest.raises(MissingTariffError):
        tariff.charges_of_month(date(2026, 2, 1))


def test_a_month_inside_which_the_tariff_begins_is_charged_by_it() -> None:
    tariff = Tariff((replace(PLAIN, valid_from=date(2026, 3, 10), power=(PowerTariff(top=1, price_per_kw=50.0),)),))
    slots = grid(date(2026, 3, 1), date(2026, 3, 31), STOCKHOLM).with_columns(import_kwh=pl.lit(0.5))
    assert tariff.power_costs(slots, STOCKHOLM)["cost"].to_list() == [100.0]
