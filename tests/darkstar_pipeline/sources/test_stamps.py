"""Instants as files write them."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.stamps import NAIVE, with_instants, with_naive_read_as

CASES = [
    ("2026-03-29T02:15:00Z", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29T02:15Z", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29 02:15:00+00:00", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29 02:15:00 UTC", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29T03:15:00.250+01:00", datetime(2026, 3, 29, 2, 15, 0, 250_000, tzinfo=UTC)),
    ("2026-03-29T03:15:00+0100", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-28T22:15:00-04", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29T07:45:00+05:30", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("1774750500", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("1774750500.25", datetime(2026, 3, 29, 2, 15, 0, 250_000, tzinfo=UTC)),
    ("1774750500000", datetime(2026, 3, 29, 2, 15, tzinfo=UTC)),
    ("2026-03-29T02:15:00.123456789Z", datetime(2026, 3, 29, 2, 15, 0, 123_456, tzinfo=UTC)),
]
BAD = ["", "yesterday", "2026-02-30T00:00Z", "29.03.2026 02:15", "2026-03-29T25:00:00Z", "177475050", "46110.09"]


@pytest.mark.parametrize(("text", "instant"), CASES, ids=[text for text, _ in CASES])
def test_stamp_is_read_as_the_instant_it_names(text: str, instant: datetime):
    frame = with_instants(pl.DataFrame({"at": [text]}), "at", "slot_start", "f")
    assert frame["slot_start"].to_list() == [instant]
    assert frame[NAIVE].to_list() == [None]


@pytest.mark.parametrize("text", BAD)
def test_stamp_is_null_when_it_names_no_instant(text: str):
    frame = with_instants(pl.DataFrame({"at": [text]}), "at", "slot_start", "f")
    assert frame.select("slot_start", NAIVE).row(0) == (None, None)


@pytest.mark.parametrize("value", ["2026-03-29T02:15:00", datetime(2026, 3, 29, 2, 15), date(2026, 3, 29)])  # noqa: DTZ001 - naive on purpose
def test_naive_stamp_is_no_instant(value: object):
    frame = with_instants(pl.DataFrame({"at": [value]}), "at", "slot_start", "f")
    assert frame["slot_start"].to_list() == [None]
    assert frame[NAIVE].null_count() == 0


def test_nanoseconds_and_other_zones_become_utc_microseconds():
    stamps = (
        pl.Series([datetime(2026, 3, 29, 2, 15, tzinfo=UTC)])
        .cast(pl.Datetime("ns", "UTC"))
        .dt.convert_time_zone("Asia/Tokyo")
    )
    frame = with_instants(pl.DataFrame({"at": stamps}), "at", "slot_start", "f")
    assert frame.schema["slot_start"] == pl.Datetime("us", "UTC")
    assert frame["slot_start"].to_list() == [datetime(2026, 3, 29, 2, 15, tzinfo=UTC)]


def test_numbers_are_no_stamps():
    with pytest.raises(DataRefusedError, match="holds Int64, not dates"):
        with_instants(pl.DataFrame({"at": [1]}), "at", "slot_start", "f")


def test_repeated_autumn_hour_is_distinguished_by_order_when_the_local_clock_is_meant():
    clock = ["2025-10-26 01:00:00", "2025-10-26 02:00:00", "2025-10-26 02:00:00", "2025-10-26 03:00:00"]
    frame = pl.DataFrame({"at": clock * 2, "entity": ["a"] * 4 + ["b"] * 4})
    read = with_naive_read_as(with_instants(frame, "at", "instant", "f"), "instant", "Europe/Stockholm", "entity")
    hours = [
        datetime(2025, 10, 25, 23, tzinfo=UTC),
        datetime(2025, 10, 26, 0, tzinfo=UTC),
        datetime(2025, 10, 26, 1, tzinfo=UTC),
    ]
    assert read["instant"].to_list() == [*hours, datetime(2025, 10, 26, 2, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    ("clock", "utc"),
    [
        (
            ["00:15", "00:15", "02:00", "02:30", "02:00", "02:30"],
            ["22:15", "22:15", "00:00", "00:30", "01:00", "01:30"],
        ),
        (["02:00", "02:30", "02:30", "02:00", "02:30"], ["00:00", "00:30", "00:30", "01:00", "01:30"]),
        (
            ["03:00", "02:30", "02:00", "02:30", "02:00", "01:30"],
            ["02:00", "01:30", "01:00", "00:30", "00:00", "23:30"],
        ),
    ],
    ids=["repeated-elsewhere", "row-twice", "backwards"],
)
def test_repeated_autumn_hour_is_told_by_itself_alone(clock: list[str], utc: list[str]):
    frame = pl.DataFrame({"at": [f"2025-10-26 {time}:00" for time in clock], "entity": "a"})
    read = with_naive_read_as(with_instants(frame, "at", "instant", "f"), "instant", "Europe/Stockholm", "entity")
    assert [f"{at:%H:%M}" for at in read["instant"]] == utc


def test_hour_that_does_not_exist_in_spring_is_no_instant():
    frame = pl.DataFrame({"at": ["2026-03-29 02:30:00"], "entity": ["a"]})
    read = with_naive_read_as(with_instants(frame, "at", "instant", "f"), "instant", "Europe/Stockholm", "entity")
    assert read["instant"].to_list() == [None]
