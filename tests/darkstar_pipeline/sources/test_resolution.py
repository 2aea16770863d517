"""The resolution of a series, derived from its stamps."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import REASON, numbered
from darkstar_pipeline.sources.resolution import resolution_note, with_resolution

START = datetime(2026, 1, 1, tzinfo=UTC)


def with_native_minutes(minutes: list[int], start: datetime = START) -> pl.DataFrame:
    stamps = pl.Series([start + timedelta(minutes=minute) for minute in minutes], dtype=pl.Datetime("us", "UTC"))
    return with_resolution(numbered(pl.DataFrame({"slot_start": stamps})), "f.csv")


@pytest.mark.parametrize("step", [5, 10, 15, 30, 60])
def test_resolution_is_the_usual_step_also_with_gaps(step: int):
    minutes = [step * n for n in range(40) if n not in (7, 8, 20)]
    frame = with_native_minutes(minutes)
    assert frame["native_minutes"].unique().to_list() == [step]
    assert frame[REASON].null_count() == frame.height


def test_resolution_of_hours_that_start_at_the_half_is_an_hour():
    assert with_native_minutes([60 * n for n in range(24)], START + timedelta(minutes=30))[
        "native_minutes"
    ].unique().to_list() == [60]


def test_resolution_changes_where_a_long_run_of_other_steps_begins():
    minutes = [60 * n for n in range(24)] + [24 * 60 + 15 * n for n in range(96)]
    frame = with_native_minutes(minutes)
    assert frame["native_minutes"].to_list() == [60] * 24 + [15] * 96
    note = resolution_note(frame, "f.csv")
    assert note == "f.csv: one row every 60 minutes from 2026-01-01 00:00Z, 15 minutes from 2026-01-02 00:00Z"


def test_hours_missing_here_and_there_do_not_change_the_resolution():
    minutes = [15 * n for n in range(96) if n % 16 not in (4, 5, 6)]
    assert with_native_minutes(minutes)["native_minutes"].unique().to_list() == [15]


def test_few_lone_hours_do_not_change_the_resolution():
    minutes = [15 * n for n in range(96) if not (20 <= n < 44 and n % 4)]
    assert with_native_minutes(minutes)["native_minutes"].unique().to_list() == [15]


def test_stray_stamp_is_refused_and_the_rest_stays():
    frame = with_native_minutes([*(15 * n for n in range(20)), 22])
    assert frame[REASON].to_list()[-1] == "slot_start 2026-01-01 00:22:00Z is not on a 5-minute grid"
    assert frame[REASON].null_count() == 20


@pytest.mark.parametrize("step", [1, 7, 20, 45, 120, 1440])
def test_other_resolutions_are_refused_with_the_remedy(step: int):
    with pytest.raises(DataRefusedError, match=f"a row every {step} minutes; 5, 10, 15, 30, 60 are read"):
        with_native_minutes([step * n for n in range(20)])


def test_single_instant_has_no_resolution():
    with pytest.raises(DataRefusedError, match="one instant only"):
        with_native_minutes([0, 0])
