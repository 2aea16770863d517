from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.errors import TimeZoneError
from env.time_grid import (
    SLOT,
    SLOT_DTYPE,
    day_bounds,
    day_start,
    days_between,
    grid,
    local_clock,
    local_day,
    slot_count,
    zone,
)

FIRST, LAST = date(2019, 1, 1), date(2027, 12, 31)

# Zone -> lengths its days may have: the clock moves by an hour at night, by half an hour, at midnight, or never.
ZONES = {
    "Europe/Stockholm": {92, 96, 100},
    "Europe/London": {92, 96, 100},
    "America/New_York": {92, 96, 100},
    "Australia/Adelaide": {92, 96, 100},
    "America/Havana": {92, 96, 100},
    "Africa/Cairo": {92, 96, 100},
    "Asia/Beirut": {92, 96, 100},
    "America/Santiago": {92, 96, 100},
    "Australia/Lord_Howe": {94, 96, 98},
    "Antarctica/Troll": {88, 96, 104},
    "Asia/Kolkata": {96},
    "UTC": {96},
}
EVERY_ZONE = pytest.mark.parametrize("timezone", ZONES)
DAYS = st.dates(FIRST, LAST)


@EVERY_ZONE
def test_grid_partitions_time_into_days_when_every_day_of_nine_years_is_counted(timezone: str) -> None:
    """No overlap, no gap, every slot's own calendar day: one pass over 2019-2027."""
    slots = grid(FIRST, LAST, timezone)
    days = list(days_between(FIRST, LAST))
    counts = [slot_count(day, timezone) for day in days]

    assert set(counts) == ZONES[timezone]
    assert (slots["slot_start"].diff().drop_nulls() == SLOT).all()
    np.testing.assert_array_equal(slots["local_day"].to_numpy(), np.repeat(np.array(days, "datetime64[D]"), counts))


@EVERY_ZONE
def test_days_touch_without_overlap_when_they_follow_each_other(timezone: str) -> None:
    bounds = [day_bounds(day, timezone) for day in days_between(FIRST, LAST)]
    assert all(end == start for (_, end), (start, _) in pairwise(bounds))


@given(timezone=st.sampled_from(list(ZONES)), first=DAYS, length=st.integers(1, 10))
def test_grid_equals_its_days_put_together_when_any_range_is_asked(timezone: str, first: date, length: int) -> None:
    last = first + timedelta(days=length - 1)
    together = pl.concat([grid(day, day, timezone) for day in days_between(first, last)])
    assert grid(first, last, timezone).equals(together)


@given(timezone=st.sampled_from(list(ZONES)), day=DAYS)
def test_slots_begin_and_end_inside_their_day_by_the_wall_clock(timezone: str, day: date) -> None:
    start, end = day_bounds(day, timezone)
    slots = grid(day, day, timezone)["slot_start"]
    assert (slots[0], slots[-1]) == (start, end - SLOT)
    assert {start.astimezone(zone(timezone)).date(), (end - SLOT).astimezone(zone(timezone)).date()} == {day}
    assert (start - timedelta(microseconds=1)).astimezone(zone(timezone)).date() < day
    assert end.astimezone(zone(timezone)).date() > day


@pytest.mark.parametrize(
    ("timezone", "day", "slots", "start"),
    [
        pytest.param("Europe/Stockholm", date(2026, 3, 29), 92, "2026-03-28T23:00", id="Stockholm in spring"),
        pytest.param("Europe/Stockholm", date(2026, 10, 25), 100, "2026-10-24T22:00", id="Stockholm in autumn"),
        pytest.param("Europe/London", date(2024, 3, 31), 92, "2024-03-31T00:00", id="London in spring"),
        pytest.param("America/New_York", date(2027, 3, 14), 92, "2027-03-14T05:00", id="New York in spring, at 02:00"),
        pytest.param("America/New_York", date(2027, 11, 7), 100, "2027-11-07T04:00", id="New York in autumn"),
        pytest.param("Australia/Lord_Howe", date(2025, 4, 6), 98, "2025-04-05T13:00", id="half an hour back"),
        pytest.param("Australia/Lord_Howe", date(2025, 10, 5), 94, "2025-10-04T13:30", id="half an hour forth"),
        pytest.param("America/Havana", date(2025, 3, 9), 92, "2025-03-09T05:00", id="midnight skipped"),
        pytest.param("America/Havana", date(2025, 11, 2), 100, "2025-11-02T04:00", id="midnight twice, the first"),
        pytest.param("Africa/Cairo", date(2024, 4, 26), 92, "2024-04-25T22:00", id="Cairo skips midnight"),
        pytest.param("Africa/Cairo", date(2024, 10, 31), 100, "2024-10-30T21:00", id="Cairo repeats its last hour"),
        pytest.param("America/Santiago", date(2024, 4, 6), 100, "2024-04-06T03:00", id="Santiago repeats it too"),
        pytest.param("America/Santiago", date(2024, 9, 8), 92, "2024-09-08T04:00", id="Santiago skips midnight"),
        pytest.param("Asia/Kolkata", date(2026, 6, 21), 96, "2026-06-20T18:30", id="half-hour zone"),
    ],
)
def test_day_has_its_slots_when_the_clock_moves(timezone: str, day: date, slots: int, start: str) -> None:
    assert slot_count(day, timezone) == slots
    assert day_start(day, timezone) == datetime.fromisoformat(start).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "day", "repeated"),
    [
        pytest.param("Europe/Stockholm", date(2026, 10, 25), range(120, 180, 15), id="two o'clock twice"),
        pytest.param("America/Havana", date(2025, 11, 2), range(0, 60, 15), id="midnight twice"),
        pytest.param("Australia/Lord_Howe", date(2025, 4, 6), range(90, 120, 15), id="half an hour twice"),
    ],
)
def test_repeated_hour_keeps_both_halves_when_the_clock_goes_back(timezone: str, day: date, repeated: range) -> None:
    slots = grid(day, day, timezone).with_columns(local_clock(timezone))
    twice = slots.filter(pl.len().over("local_clock") == 2)
    assert twice["local_clock"].unique().sort().to_list() == list(repeated)
    assert twice["slot_start"].n_unique() == twice.height == 2 * len(repeated)


def test_wall_clock_skips_an_hour_when_the_clock_goes_forth() -> None:
    clock = grid(date(2026, 3, 29), date(2026, 3, 29), "Europe/Stockholm").select(local_clock("Europe/Stockholm"))
    assert clock["local_clock"].to_list() == [*range(0, 120, 15), *range(180, 1440, 15)]


def test_local_day_takes_another_column_when_it_is_named() -> None:
    frame = pl.DataFrame({"hour_start": [datetime(2026, 6, 20, 22, tzinfo=UTC)]}, schema={"hour_start": SLOT_DTYPE})
    assert frame.select(local_day("Europe/Stockholm", "hour_start")).item() == date(2026, 6, 21)
    assert frame.select(local_clock("Asia/Kolkata", "hour_start")).item() == 3 * 60 + 30


def test_grid_is_empty_when_the_last_day_is_before_the_first() -> None:
    empty = grid(date(2026, 1, 2), date(2026, 1, 1), "Europe/Stockholm")
    assert empty.schema == {"slot_start": SLOT_DTYPE, "local_day": pl.Date()}
    assert empty.is_empty()
    assert list(days_between(date(2026, 1, 2), date(2026, 1, 1))) == []


# `Factory` and `localtime` stand in the system's folder, yet Polars (and most machines) cannot place them.
@pytest.mark.parametrize(
    "name", ["Europe/Atlantis", "", ".", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "Factory", "localtime"]
)
def test_zone_is_refused_with_a_remedy_when_it_is_not_in_the_database(name: str) -> None:
    for refuse in (zone, local_day, local_clock, lambda each: slot_count(FIRST, each)):
        with pytest.raises(TimeZoneError, match="use a name such as Europe/Stockholm"):
            refuse(name)
