from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from env.time_grid import day_start, days_between, grid, local_clock, local_day, slot_count
from planner.forecasts.naive import naive_forecasts
from tests.builders.homes import STOCKHOLM, days_of_slots

VINTAGE = date(2026, 6, 10)


def history(first: date, last: date, seed: int = 1, timezone: str = STOCKHOLM) -> pl.DataFrame:
    return days_of_slots(first, last, seed=seed, timezone=timezone).select("slot_start", "load_kwh", "pv_kwh")


def forecasts(
    past: pl.DataFrame, *days: date, timezone: str = STOCKHOLM, load_days: int = 7, pv_days: int = 3
) -> pl.DataFrame:
    return naive_forecasts(past, days, timezone, load_days=load_days, pv_days=pv_days)


def numbered(days: Sequence[date], timezone: str = STOCKHOLM) -> pl.DataFrame:
    """A history whose load is its day's number, and whose PV ten times that."""
    slots = grid(min(days), max(days), timezone).filter(pl.col("local_day").is_in(list(days)))
    number = (pl.col("local_day") - pl.lit(min(days))).dt.total_days().cast(pl.Float64)
    return slots.select("slot_start", load_kwh=number, pv_kwh=number * 10)


def test_forecast_is_the_mean_of_the_last_days_when_each_day_is_alike() -> None:
    """Days 0-9 before the vintage: load of days 3-9 is 6 on average, PV of days 7-9 is 80."""
    past = numbered(list(days_between(VINTAGE - timedelta(days=10), VINTAGE - timedelta(days=1))))
    made = forecasts(past, VINTAGE)
    assert made["load_kwh"].unique().to_list() == [6.0]
    assert made["pv_kwh"].unique().to_list() == [80.0]
    assert made["model_version"].unique().to_list() == ["naive_mean_7_3"]


def test_forecast_follows_the_wall_clock_when_slots_differ() -> None:
    past = history(VINTAGE - timedelta(days=7), VINTAGE - timedelta(days=1))
    clocked = past.with_columns(local_clock(STOCKHOLM))
    expected = clocked.group_by("local_clock").agg(pl.col("load_kwh").mean())
    made = forecasts(past, VINTAGE).filter(local_day(STOCKHOLM) == VINTAGE)
    joined = made.with_columns(local_clock(STOCKHOLM)).join(expected, on="local_clock", suffix="_mean")
    np.testing.assert_allclose(joined["load_kwh"], joined["load_kwh_mean"], rtol=1e-12)
    assert joined.height == 96


def test_forecast_reaches_to_the_end_of_the_next_day_when_made_at_midnight() -> None:
    made = forecasts(history(VINTAGE - timedelta(days=7), VINTAGE), VINTAGE)
    assert made["slot_start"].equals(grid(VINTAGE, VINTAGE + timedelta(days=1), STOCKHOLM)["slot_start"])
    assert made["vintage"].unique().to_list() == [day_start(VINTAGE, STOCKHOLM)]
    assert made["local_day"].unique().to_list() == [VINTAGE]


@pytest.mark.parametrize("timezone", ["Europe/Stockholm", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"])
@settings(max_examples=20)
@given(
    day=st.dates(date(2024, 1, 1), date(2027, 12, 1)),
    seed=st.integers(0, 2**32 - 1),
    value=st.sampled_from([0.0, 1e6, float("nan"), None]),
)
def test_forecast_is_the_same_when_everything_from_its_vintage_on_is_scrambled(
    timezone: str, day: date, seed: int, value: float | None
) -> None:
    """The leakage rule, by bytes: later slots may hold other numbers, nothing, or not exist at all."""
    past = history(day - timedelta(days=8), day + timedelta(days=3), seed, timezone)
    vintage = day_start(day, timezone)
    later = pl.col("slot_start") >= vintage
    noise = pl.Series(np.random.default_rng(seed).uniform(0, 9, past.height))
    scrambled = past.with_columns(
        load_kwh=pl.when(later).then(pl.lit(value, dtype=pl.Float64)).otherwise("load_kwh"),
        pv_kwh=pl.when(later).then(noise).otherwise("pv_kwh"),
    )
    made = forecasts(past, day, timezone=timezone)
    assert made.height > 0
    assert made.equals(forecasts(scrambled, day, timezone=timezone))
    assert made.equals(forecasts(past.filter(~later), day, timezone=timezone))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 1.0))
def test_forecast_is_bit_for_bit_the_same_when_rows_come_in_any_order(seed: int, share: float) -> None:
    """With gaps too; over the hour that comes twice."""
    past = history(date(2026, 10, 20), date(2026, 10, 28), seed).sample(fraction=share, seed=seed)
    days = list(days_between(date(2026, 10, 24), date(2026, 10, 29)))
    made = naive_forecasts(past.sort("slot_start"), days, STOCKHOLM, load_days=7, pv_days=3)
    shuffled = past.sample(fraction=1.0, shuffle=True, seed=seed)
    assert made.equals(naive_forecasts(shuffled, days[::-1] + days[:2], STOCKHOLM, load_days=7, pv_days=3))


def test_forecast_does_not_depend_on_the_days_beside_it() -> None:
    past = history(date(2026, 3, 15), date(2026, 4, 10))
    days = list(days_between(date(2026, 3, 20), date(2026, 4, 8)))
    together = naive_forecasts(past, days, STOCKHOLM, load_days=7, pv_days=3)
    alone = pl.concat([forecasts(past, day) for day in days])
    assert alone.equals(together)


@pytest.mark.parametrize(
    ("day", "slots"), [(date(2026, 3, 29), 92 + 96), (date(2026, 10, 25), 100 + 96), (date(2026, 10, 24), 96 + 100)]
)
def test_forecast_has_every_slot_when_the_clock_moves(day: date, slots: int) -> None:
    made = forecasts(history(day - timedelta(days=7), day), day)
    assert made.height == slots == slot_count(day, STOCKHOLM) + slot_count(day + timedelta(days=1), STOCKHOLM)
    assert made.select("load_kwh", "pv_kwh").null_count().row(0) == (0, 0)
    assert made["slot_start"].n_unique() == slots


def test_both_halves_of_the_repeated_hour_are_averaged_when_it_lies_behind() -> None:
    """Two o'clock came twice on the one day of history, with 1 and 3 kWh."""
    day = date(2026, 10, 25)
    past = grid(day, day, STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    halves = pl.when(pl.col("slot_start").rank("ordinal").over("local_clock") == 1).then(1.0).otherwise(3.0)
    made = forecasts(past.select("slot_start", load_kwh=halves, pv_kwh=pl.lit(0.0)), day + timedelta(days=1))
    by_clock = dict(made.with_columns(local_clock(STOCKHOLM)).select("local_clock", "load_kwh").iter_rows())
    assert by_clock[120] == by_clock[165] == 2.0
    assert by_clock[0] == by_clock[180] == 1.0


def test_both_halves_of_the_repeated_hour_are_forecast_alike_when_it_lies_ahead() -> None:
    day = date(2026, 10, 25)
    made = forecasts(history(day - timedelta(days=7), day - timedelta(days=1)), day).with_columns(
        local_clock(STOCKHOLM)
    )
    twice = made.filter((local_day(STOCKHOLM) == day) & pl.col("local_clock").is_between(120, 165))
    assert twice.height == 8
    assert twice.group_by("local_clock").agg(pl.col("load_kwh").n_unique())["load_kwh"].to_list() == [1] * 4


def test_skipped_hour_takes_its_neighbour_when_only_the_day_that_skipped_it_lies_behind() -> None:
    day = date(2026, 3, 29)
    past = grid(day, day, STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    past = past.select("slot_start", load_kwh=pl.col("local_clock").cast(pl.Float64), pv_kwh=pl.lit(0.0))
    made = forecasts(past, day + timedelta(days=1)).with_columns(local_clock(STOCKHOLM))
    by_clock = dict(made.select("local_clock", "load_kwh").iter_rows())
    assert by_clock[105] == by_clock[120] == by_clock[165] == 105.0
    assert by_clock[180] == 180.0


def test_gaps_are_left_out_of_the_mean_when_readings_are_missing() -> None:
    """Days 0, 1, 2 with 0, 1, 2 kWh; a null and a NaN at noon of the last two days leave 0 there, and 1 elsewhere."""
    days = list(days_between(date(2026, 6, 7), date(2026, 6, 9)))
    past = numbered(days).with_columns(local_day(STOCKHOLM), local_clock(STOCKHOLM))
    noon = pl.col("local_clock") == 720
    past = past.with_columns(
        load_kwh=pl.when(noon & (pl.col("local_day") == days[1]))
        .then(None)
        .when(noon & (pl.col("local_day") == days[2]))
        .then(float("nan"))
        .otherwise("load_kwh")
    )
    made = forecasts(past.select("slot_start", "load_kwh", "pv_kwh"), VINTAGE).with_columns(local_clock(STOCKHOLM))
    by_clock = dict(made.select("local_clock", "load_kwh").iter_rows())
    assert (by_clock[720], by_clock[735]) == (0.0, 1.0)


def test_a_time_that_no_averaged_day_read_is_the_last_read_one_of_older_days() -> None:
    """Panels of days 0 to 6 gave 0 to 60 kWh; noon was not read on the last three: day 3's is taken, not 11:45's."""
    days = list(days_between(VINTAGE - timedelta(days=7), VINTAGE - timedelta(days=1)))
    past = numbered(days).with_columns(local_day(STOCKHOLM), local_clock(STOCKHOLM))
    unread = (pl.col("local_clock") == 720) & (pl.col("local_day") > days[3])
    past = past.with_columns(pv_kwh=pl.when(unread).then(None).otherwise("pv_kwh"))
    made = forecasts(past.select("slot_start", "load_kwh", "pv_kwh"), VINTAGE).with_columns(local_clock(STOCKHOLM))
    by_clock = dict(made.select("local_clock", "pv_kwh").iter_rows())
    assert (by_clock[705], by_clock[720], by_clock[735]) == (50.0, 30.0, 50.0)


@given(missing=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 95)), max_size=400))
@settings(max_examples=30)
def test_every_forecast_lies_within_what_was_read_at_its_time_of_day(missing: set[tuple[int, int]]) -> None:
    days = list(days_between(VINTAGE - timedelta(days=7), VINTAGE - timedelta(days=1)))
    past = history(days[0], days[-1]).with_columns(local_day(STOCKHOLM), local_clock(STOCKHOLM))
    gone = pl.DataFrame(
        [(days[day], slot * 15) for day, slot in sorted(missing)],
        schema={"local_day": pl.Date, "local_clock": past.schema["local_clock"]},
        orient="row",
    )
    read = past.join(gone, on=["local_day", "local_clock"], how="anti")
    spans = read.group_by("local_clock").agg(
        *(
            getattr(pl.col(f"{name}_kwh"), end)().alias(f"{name}_{end}")
            for name in ("load", "pv")
            for end in ("min", "max")
        )
    )
    made = forecasts(read.select("slot_start", "load_kwh", "pv_kwh"), VINTAGE).with_columns(local_clock(STOCKHOLM))
    joined = made.join(spans, on="local_clock")
    for name in ("load", "pv"):
        value = pl.col(f"{name}_kwh")
        outside = joined.filter((value < pl.col(f"{name}_min") - 1e-9) | (value > pl.col(f"{name}_max") + 1e-9))
        assert outside.is_empty()


def test_days_beyond_the_window_are_not_averaged_when_the_last_days_are_missing() -> None:
    """A reading of eight days ago is no forecast: nothing is made."""
    past = history(VINTAGE - timedelta(days=9), VINTAGE - timedelta(days=8))
    assert forecasts(past, VINTAGE).is_empty()
    assert forecasts(past, VINTAGE - timedelta(days=1)).height == 192


def test_load_is_forecast_alone_when_there_is_no_reading_of_panels() -> None:
    past = history(VINTAGE - timedelta(days=3), VINTAGE - timedelta(days=1))
    made = forecasts(past.with_columns(pv_kwh=pl.lit(None, dtype=pl.Float64)), VINTAGE)
    assert made["pv_kwh"].null_count() == made.height == 192
    assert made["load_kwh"].null_count() == 0


@pytest.mark.parametrize("days", [(), (VINTAGE,)], ids=["no days", "no history"])
def test_forecast_is_empty_with_its_columns_when_there_is_nothing_to_make(days: tuple[date, ...]) -> None:
    empty = history(VINTAGE, VINTAGE - timedelta(days=1))
    assert forecasts(empty, *days).schema == forecasts(history(VINTAGE - timedelta(days=1), VINTAGE), VINTAGE).schema


def test_forecast_has_the_columns_of_its_table_when_made() -> None:
    """The lake adds the site."""
    made = forecasts(history(VINTAGE - timedelta(days=3), VINTAGE), VINTAGE)
    declared = {column.name: column.dtype for column in SLOT_FORECASTS.columns if column.name != "site"}
    assert dict(made.schema) == declared


def test_no_history_before_the_first_day_reaches_a_vintage() -> None:
    """The first day of a history gets none, the second gets the first."""
    past = history(VINTAGE, VINTAGE + timedelta(days=1))
    made = forecasts(past, VINTAGE, VINTAGE + timedelta(days=1))
    assert made["local_day"].unique().to_list() == [VINTAGE + timedelta(days=1)]
    first = past.filter(local_day(STOCKHOLM) == VINTAGE)["load_kwh"].to_list()
    assert made["load_kwh"].head(96).to_list() == first
    assert isinstance(made["vintage"][0], datetime)
