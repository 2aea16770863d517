"""The power charge against bills worked on paper: the rules and prices are those of `docs/power_tariffs.md`."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.errors import TariffError
from env.power_tariff import (
    MonthState,
    PowerTariff,
    PowerWindow,
    Tier,
    month_state,
    peaks,
    power_costs,
    rolling_bills,
    weighted_periods,
)
from env.time_grid import day_start, grid
from tests.builders.homes import STOCKHOLM

WORKDAYS = (1, 2, 3, 4, 5)
WINTER = (11, 12, 1, 2, 3)

ELLEVIO = PowerTariff(
    top=3, windows=(PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5),), price_per_kw=81.25
)
GOTEBORG = PowerTariff(top=3, price_per_kw=36.25)
SOLLENTUNA_HOURS = PowerWindow(weekdays=WORKDAYS, start_minute=7 * 60, end_minute=19 * 60, not_on_holidays_of="SE")
SOLLENTUNA_WINTER = PowerTariff(
    top=3, different_days=False, months=WINTER, windows=(SOLLENTUNA_HOURS,), weight_outside=0.0, price_per_kw=111.50
)
SOLLENTUNA_SUMMER = PowerTariff(
    top=3,
    different_days=False,
    months=(4, 5, 6, 7, 8, 9, 10),
    windows=(SOLLENTUNA_HOURS,),
    weight_outside=0.0,
    price_per_kw=55.75,
)
MALARENERGI_HOURS: dict[str, Any] = {
    "months": WINTER,
    "weekdays": WORKDAYS,
    "start_minute": 7 * 60,
    "end_minute": 20 * 60,
    "not_on_holidays_of": "SE",
}
MALARENERGI_HIGH = PowerTariff(
    different_days=False,
    months=WINTER,
    windows=(PowerWindow(**MALARENERGI_HOURS),),
    weight_outside=0.0,
    price_per_kw=56.0,
)
MALARENERGI_LOW = PowerTariff(
    different_days=False, windows=(PowerWindow(**MALARENERGI_HOURS, weight=0.0),), price_per_kw=28.0
)
TRONDHEIM = PowerTariff(
    tiers=tuple(Tier(up_to_kw=kw, cost=nok) for kw, nok in ((2, 83), (5, 147), (10, 252), (15, 371), (20, 490)))
)


def month_slots(year: int, month: int, import_kw: dict[str, float], *, base_kw: float = 0.4) -> pl.DataFrame:
    """A Stockholm month at a steady power, but for some local hours ("05T18") at another [kW]."""
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    slots = grid(date(year, month, 1), date(year, month, last), STOCKHOLM)
    hour = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM).dt.strftime("%dT%H")
    power = hour.replace_strict(import_kw, default=base_kw, return_dtype=pl.Float64)
    return slots.with_columns(import_kwh=power / 4)


def total(slots: pl.DataFrame, *tariffs: PowerTariff) -> float:
    return sum(float(power_costs(slots, tariff, STOCKHOLM)["cost"].sum()) for tariff in tariffs)


@pytest.mark.parametrize(
    ("tariffs", "month", "import_kw", "cost"),
    [
        # 6.0, 5.0 and 4.0 on three days; 5.5 on the first day is that day's second: (6 + 5 + 4) / 3 = 5; 5 x 81.25
        pytest.param(
            (ELLEVIO,), 5, {"04T18": 6.0, "04T19": 5.5, "05T07": 5.0, "10T12": 4.0}, 406.25, id="ellevio days"
        ),
        # 9.0 at 23:00 counts 4.5: (6 + 4.5 + 4) / 3 = 4.8333; x 81.25
        pytest.param((ELLEVIO,), 5, {"04T18": 6.0, "05T23": 9.0, "10T12": 4.0}, 14.5 / 3 * 81.25, id="ellevio night"),
        # the night ends at six: 05:00 counts half (4.0), 06:00 in full (5.0): (5 + 4 + 0.4) / 3; x 81.25
        pytest.param((ELLEVIO,), 5, {"04T06": 5.0, "05T05": 8.0}, 9.4 / 3 * 81.25, id="ellevio morning"),
        # nights in full, Saturdays too: (9 + 6 + 4) / 3 x 36.25
        pytest.param((GOTEBORG,), 5, {"04T18": 6.0, "05T23": 9.0, "09T12": 4.0}, 19 / 3 * 36.25, id="goteborg"),
        # its own example: 5.7 kW in summer, 55.75 x 5.7 = 317.775 (printed as 317.78)
        pytest.param(
            (SOLLENTUNA_SUMMER, SOLLENTUNA_WINTER),
            5,
            {"05T12": 5.7, "06T12": 5.7, "07T12": 5.7},
            317.775,
            id="sollentuna",
        ),
        # the same in winter: 111.50 x 5.7 = 635.55
        pytest.param(
            (SOLLENTUNA_SUMMER, SOLLENTUNA_WINTER),
            1,
            {"07T12": 5.7, "08T12": 5.7, "09T12": 5.7},
            635.55,
            id="its winter",
        ),
        # "the three highest values": two of one day count; evenings (19:00), Saturday the 9th and Ascension Day (the
        # 14th) do not: (6 + 5 + 4) / 3 x 55.75
        pytest.param(
            (SOLLENTUNA_SUMMER, SOLLENTUNA_WINTER),
            5,
            {"05T12": 6.0, "05T13": 5.0, "06T18": 4.0, "06T19": 12.0, "09T12": 12.0, "14T12": 12.0},
            5 * 55.75,
            id="its window",
        ),
        # winter working days 7-20: (6 + 5 + 4) / 3 x 56 = 280; all other time: (8 + 7 + 3) / 3 x 28 = 168
        pytest.param(
            (MALARENERGI_HIGH, MALARENERGI_LOW),
            1,
            {"07T12": 6.0, "07T19": 5.0, "08T07": 4.0, "07T20": 8.0, "10T12": 7.0, "08T06": 3.0},
            448.0,
            id="malarenergi winter",
        ),
        # in summer all time is low time: (8 + 7 + 6) / 3 x 28
        pytest.param(
            (MALARENERGI_HIGH, MALARENERGI_LOW), 7, {"07T12": 8.0, "07T19": 7.0, "08T07": 6.0}, 196.0, id="summer"
        ),
        # (6 + 5 + 4) / 3 = 5 is still the second tier
        pytest.param((TRONDHEIM,), 5, {"04T18": 6.0, "05T07": 5.0, "10T12": 4.0}, 147.0, id="tier, at its end"),
        pytest.param((TRONDHEIM,), 5, {"04T18": 6.0, "05T07": 5.0, "10T12": 4.001}, 252.0, id="tier, just above"),
        pytest.param((TRONDHEIM,), 5, {"04T18": 60.0, "05T07": 50.0, "10T12": 40.0}, 490.0, id="above the last tier"),
        pytest.param((TRONDHEIM,), 5, {}, 83.0, id="the lowest tier, always"),
    ],
)
def test_bill_equals_the_one_on_paper_when_a_grid_company_writes_it(
    tariffs: tuple[PowerTariff, ...], month: int, import_kw: dict[str, float], cost: float
) -> None:
    """In 2026 5 May is a Tuesday, 9 May a Saturday, 14 May Ascension Day, 7 January a Wednesday."""
    assert total(month_slots(2026, month, import_kw), *tariffs) == pytest.approx(cost, abs=1e-9)


def test_bill_names_days_and_powers_when_a_month_is_billed() -> None:
    import_kw = {"04T18": 6.0, "04T19": 5.5, "05T07": 5.0, "10T12": 4.0}
    (row,) = power_costs(month_slots(2026, 5, import_kw), ELLEVIO, STOCKHOLM).rows(named=True)
    assert row["month"] == date(2026, 5, 1)
    assert row["days"] == [date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 10)]
    assert row["peaks_kw"] == pytest.approx([6.0, 5.0, 4.0])
    assert row["mean_kw"] == pytest.approx(5.0)


def test_month_is_the_local_one_when_utc_is_still_in_the_month_before() -> None:
    """Stockholm's 1 May 00:00 is 30 April 22:00 in UTC: 9 kW there are May's."""
    slots = pl.concat([month_slots(2026, 4, {}), month_slots(2026, 5, {"01T00": 9.0})])
    bill = power_costs(slots, GOTEBORG, STOCKHOLM)
    assert bill["month"].to_list() == [date(2026, 4, 1), date(2026, 5, 1)]
    assert bill["mean_kw"].to_list() == pytest.approx([0.4, (9.0 + 0.4 + 0.4) / 3])


def test_repeated_hour_is_two_hours_when_the_clock_goes_back() -> None:
    """2 kWh at 02:00 summer time and 3 kWh an hour later are peaks of 2 and 3 kW, not one of 5."""
    starts = pl.datetime_range(
        datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC), "15m", eager=True
    )
    slots = pl.DataFrame({"slot_start": starts.dt.cast_time_unit("us"), "import_kwh": [0.5] * 4 + [0.75] * 4})
    several = PowerTariff(top=2, different_days=False, price_per_kw=1.0)
    assert peaks(slots, several, STOCKHOLM)["peak_kw"].to_list() == pytest.approx([2.0, 3.0])
    assert power_costs(slots, several, STOCKHOLM)["mean_kw"].to_list() == pytest.approx([2.5])


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_periods_are_whole_when_the_clock_moves(day: date, hours: int) -> None:
    slots = grid(day, day, STOCKHOLM)
    for minutes, each in ((60, 4), (15, 1)):
        periods = weighted_periods(slots, PowerTariff(minutes=minutes), STOCKHOLM)
        assert periods.group_by("period_start").len()["len"].to_list() == [each] * (hours * 4 // each)


def test_night_is_by_the_wall_clock_when_the_clock_moves() -> None:
    """22-06 is seven hours of the 24 h night into 29 March and nine of that into 25 October: weights by clock."""
    for day, before_six in ((date(2026, 3, 29), 5), (date(2026, 10, 25), 7)):
        periods = weighted_periods(grid(day, day, STOCKHOLM), ELLEVIO, STOCKHOLM)
        assert periods.filter(pl.col("weight") == 0.5).height == 4 * (before_six + 2)


def test_hours_begin_by_the_local_clock_when_the_zone_is_off_by_half_an_hour() -> None:
    slots = grid(date(2026, 5, 1), date(2026, 5, 1), "Asia/Kolkata")
    starts = weighted_periods(slots, PowerTariff(), "Asia/Kolkata")["period_start"].unique()
    assert set(starts.dt.minute()) == {30}
    assert len(starts) == 24


def test_quarters_are_peaks_when_means_are_quarterly() -> None:
    """1 kWh in one quarter is 4 kW; its hour would be (1 + 3 x 0.1) kW."""
    slots = (
        month_slots(2026, 5, {})
        .with_row_index()
        .with_columns(import_kwh=pl.when(pl.col("index") == 500).then(1.0).otherwise(0.1))
    )
    assert power_costs(slots, PowerTariff(top=1, minutes=15, price_per_kw=1.0), STOCKHOLM)["cost"][0] == pytest.approx(
        4.0
    )
    assert power_costs(slots, PowerTariff(top=1, price_per_kw=1.0), STOCKHOLM)["cost"][0] == pytest.approx(1.3)


def test_holidays_and_eves_do_not_count_when_they_are_excepted() -> None:
    """Winter 2026-01-06 (Epiphany, a Tuesday) is a holiday, 2026-12-24 (a Thursday) an eve."""
    window = {"weekdays": WORKDAYS, "not_on_holidays_of": "SE"}
    plain = PowerTariff(windows=(PowerWindow(weekdays=WORKDAYS),), weight_outside=0.0)
    free = PowerTariff(windows=(PowerWindow(**window),), weight_outside=0.0)
    eves = PowerTariff(windows=(PowerWindow(**window, nor_on_eves=True),), weight_outside=0.0)
    for day, counted in ((date(2026, 1, 6), [True, False, False]), (date(2026, 12, 24), [True, True, False])):
        slots = grid(day, day, STOCKHOLM)
        found = [bool((weighted_periods(slots, each, STOCKHOLM)["weight"] > 0).all()) for each in (plain, free, eves)]
        assert found == counted, day


def test_nothing_is_charged_when_no_hour_of_a_month_counts() -> None:
    tiers = PowerTariff(months=WINTER, tiers=(Tier(up_to_kw=5, cost=100), Tier(up_to_kw=10, cost=200)))
    assert power_costs(month_slots(2026, 7, {"07T12": 8.0}), tiers, STOCKHOLM).is_empty()
    assert total(month_slots(2026, 1, {}), tiers) == 100


def test_first_window_wins_when_two_hold() -> None:
    both = PowerTariff(windows=(PowerWindow(weekdays=(7,), weight=0.25), PowerWindow(weight=0.5)))
    sunday, monday = date(2026, 5, 3), date(2026, 5, 4)
    weights = weighted_periods(grid(sunday, monday, STOCKHOLM), both, STOCKHOLM)
    assert weights.group_by("local_day", maintain_order=True).agg(pl.col("weight").mean())["weight"].to_list() == [
        0.25,
        0.5,
    ]


def test_least_power_is_charged_when_the_mean_is_below_it() -> None:
    """2 kW at 10 a kW, though no more than 0.4 was drawn."""
    assert total(month_slots(2026, 5, {}), PowerTariff(price_per_kw=10.0, minimum_kw=2.0)) == pytest.approx(20.0)


# Highest quarter-hours of fourteen months [kW], of which three are below the 2.5 kW that are charged at least.
FLEMISH_PEAKS = (4.0, 1.2, 3.0, 6.5, 2.0, 2.5, 2.6, 5.0, 4.4, 3.1, 0.8, 7.2, 2.9, 8.0)
FLANDERS = PowerTariff(top=1, minutes=15, minimum_kw=2.5, price_per_kw=4.0)


def test_flemish_bills_are_of_the_mean_of_the_last_twelve_months_to_the_cent() -> None:
    starts = [datetime(2025 + n // 12, n % 12 + 1, 10, 17, tzinfo=UTC) for n in range(len(FLEMISH_PEAKS))]
    slots = pl.DataFrame(
        {"slot_start": [start + timedelta(minutes=15 * slot) for start in starts for slot in range(4)]}
    ).with_columns(import_kwh=pl.Series([kw / 4 * share for kw in FLEMISH_PEAKS for share in (0.3, 1.0, 0.6, 0.1)]))
    costs = power_costs(slots, FLANDERS, "Europe/Brussels")
    assert costs["cost"].to_list() == pytest.approx([4.0 * max(kw, 2.5) for kw in FLEMISH_PEAKS])
    bills = rolling_bills(costs)["bill"].round(2).to_list()
    # 4 EUR of 4.0 kW; of (4.0 + 2.5) / 2; ...; of 45.8 / 12 in December, 44.7 / 12 in January, 50.2 / 12 in February.
    assert bills[:3] == [16.0, 13.0, 12.67]
    assert bills[11:] == [15.27, 14.9, 16.73]


def test_a_flemish_peak_costs_in_twelve_bills_what_its_month_is_charged() -> None:
    months = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(36)]
    flat = pl.DataFrame({"month": months, "cost": [10.0] * 36})
    higher = flat.with_columns(cost=pl.when(pl.col("month") == months[14]).then(16.0).otherwise("cost"))
    added = rolling_bills(higher)["bill"] - rolling_bills(flat)["bill"]
    assert added.sum() == pytest.approx(6.0)
    assert added.filter(added > 1e-9).len() == 12


def test_month_so_far_costs_a_share_when_it_has_fewer_days_than_peaks() -> None:
    """One day of 6 kW: (6 + 0 + 0) / 3 x 36.25."""
    slots = month_slots(2026, 5, {"01T12": 6.0}).filter(pl.col("local_day") == date(2026, 5, 1))
    assert total(slots, GOTEBORG) == pytest.approx(72.5)


def test_bill_is_refused_when_an_import_is_missing() -> None:
    slots = month_slots(2026, 5, {}).with_columns(import_kwh=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(TariffError, match="import_kwh holds nulls"):
        power_costs(slots, GOTEBORG, STOCKHOLM)


def test_state_tells_the_month_so_far_when_a_plan_begins_inside_an_hour() -> None:
    """Thursday 7 May 12:30: peaks of the days before, today's 4 kW at 7 and half of this hour's 14 kW, 7 kWh."""
    import_kw = {"04T18": 6.0, "05T07": 5.0, "06T07": 2.0, "07T07": 4.0, "07T12": 14.0, "07T18": 9.0}
    now = day_start(date(2026, 5, 7), STOCKHOLM) + timedelta(hours=12, minutes=30)
    slots = pl.concat([month_slots(2026, 4, {"10T12": 20.0}), month_slots(2026, 5, import_kw)])
    state = month_state(slots, ELLEVIO, STOCKHOLM, now)
    assert (state.month, state.today) == (date(2026, 5, 1), date(2026, 5, 7))
    assert state.peaks_kw == pytest.approx((6.0, 5.0, 2.0))
    assert state.today_kw == pytest.approx(4.0)
    assert state.open_start == now - timedelta(minutes=30)
    assert state.open_kwh == pytest.approx(7.0)
    several = month_state(slots, MALARENERGI_LOW, STOCKHOLM, now)
    assert several.peaks_kw == pytest.approx((6.0, 5.0, 4.0))
    assert several.today_kw == 0.0


def test_state_is_empty_when_the_month_begins() -> None:
    now = day_start(date(2026, 5, 1), STOCKHOLM)
    state = month_state(month_slots(2026, 4, {"10T12": 20.0}), GOTEBORG, STOCKHOLM, now)
    assert state == MonthState(month=date(2026, 5, 1), today=date(2026, 5, 1))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), days=st.integers(2, 9), top=st.integers(1, 4), minutes=st.sampled_from([15, 60]))
def test_bill_equals_brute_force_when_imports_are_any(seed: int, days: int, top: int, minutes: int) -> None:
    """The same by Python's own calendar, slot by slot, around the clock change of October."""
    slots = grid(date(2026, 10, 22), date(2026, 10, 22) + timedelta(days=days), STOCKHOLM)
    slots = slots.with_columns(import_kwh=pl.Series(np.random.default_rng(seed).exponential(1.0, slots.height)))
    night = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
    tariff = PowerTariff(top=top, minutes=minutes, windows=(night,), price_per_kw=7.0)
    zone = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM)
    means: dict[tuple[date, datetime], float] = {}
    for start, local, kwh in slots.select("slot_start", zone.alias("local"), "import_kwh").iter_rows():
        period = start - timedelta(minutes=local.minute % minutes)
        weight = 0.5 if local.hour >= 22 or local.hour < 6 else 1.0
        key = (local.date(), period)
        means[key] = means.get(key, 0.0) + kwh * weight * 60 / minutes
    expected = 0.0
    for month in {day.month for day, _ in means}:
        of_days: dict[date, float] = {}
        for (day, _), kw in means.items():
            if day.month == month:
                of_days[day] = max(of_days.get(day, 0.0), kw)
        expected += 7.0 * sum(sorted(of_days.values(), reverse=True)[:top]) / top
    assert total(slots, tariff) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"top": 0}, "top must be at least 1, got 0"),
        ({"minutes": 30}, r"minutes must be one of \(15, 60\), got 30"),
        ({"months": (0,)}, r"months must be in 1-12, got \(0,\)"),
        ({"weight_outside": -1.0}, "weight_outside must be a finite number of at least 0, got -1.0"),
        ({"price_per_kw": math.nan}, "price_per_kw must be a finite number"),
        ({"minimum_kw": math.inf}, "minimum_kw must be a finite number"),
        ({"price_per_kw": 1.0, "tiers": (Tier(up_to_kw=1, cost=1),)}, "tiers or a price per kW"),
        (
            {"tiers": (Tier(up_to_kw=2, cost=1), Tier(up_to_kw=1, cost=2))},
            "up_to_kw of tiers must be at least 0 and rise",
        ),
        ({"tiers": (Tier(up_to_kw=1, cost=2), Tier(up_to_kw=2, cost=1))}, "cost of tiers must be at least 0 and rise"),
        ({"tiers": (Tier(up_to_kw=1, cost=math.nan),)}, "cost of tiers"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_component_is_refused_when_no_bill_could_follow_it(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        PowerTariff(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"months": (13,)}, r"months must be in 1-12, got \(13,\)"),
        ({"weekdays": (0,)}, "weekdays must be in 1-7"),
        ({"start_minute": -1}, "start_minute must be in 0-1440"),
        ({"end_minute": 1441}, "end_minute must be in 0-1440"),
        ({"weight": -0.5}, "weight must be a finite number of at least 0"),
        ({"not_on_holidays_of": "Sverige"}, "no public holidays are known for country 'Sverige'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_window_is_refused_when_it_is_in_no_calendar(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        PowerWindow(**values)
