"""Merging: what is kept where the lake has something finer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from darkstar_pipeline.ingest.merge import merge_into, stored_rows
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import SLOT_DTYPE
from tests.builders.tidy_files import SITE


def test_a_hole_is_not_filled_from_an_hour_that_was_read_finer_in_part(tmp_path: Path):
    lake, start = Lake(tmp_path), datetime(2026, 1, 5, 12, tzinfo=UTC)
    quarters = [start + timedelta(minutes=15) * n for n in (0, 1, 3, 4, 5, 6, 7)]  # the third of 12:00 is missing
    fine = pl.DataFrame({"slot_start": quarters, "load_kwh": [0.05] * 7, "native_minutes": [15] * 7})
    hours = [start + timedelta(minutes=15) * n for n in range(12)]  # 12:00, 13:00, 14:00, split evenly
    hourly = pl.DataFrame({"slot_start": hours, "load_kwh": [0.0745] * 12, "native_minutes": [60] * 12})
    for rows, keep_finer in ((fine, False), (hourly, True)):
        typed = rows.with_columns(pl.col("slot_start").cast(SLOT_DTYPE), pl.col("native_minutes").cast(pl.Int32))
        stored = stored_rows(METER_READINGS, typed, site_name="home", timezone=SITE.timezone, source="x", now=start)
        merge_into(lake, METER_READINGS, "home", stored, keep_finer=keep_finer)
    load = {row[0]: row[1] for row in lake.read(METER_READINGS, "home").select("slot_start", "load_kwh").rows()}
    assert load.get(start + timedelta(minutes=30)) is None
    assert [load[quarter] for quarter in quarters] == [0.05] * 7
    assert [load[hour] for hour in hours[8:]] == [0.0745] * 4


def test_a_difference_of_a_computers_rounding_is_no_change(tmp_path: Path):
    lake, start = Lake(tmp_path), datetime(2026, 1, 5, 12, tzinfo=UTC)
    results: list[int] = []
    for load in (0.11, 0.11 + 3e-16, 0.1100001):
        row = pl.DataFrame({"slot_start": [start], "load_kwh": [load], "native_minutes": [15]})
        typed = row.with_columns(pl.col("slot_start").cast(SLOT_DTYPE), pl.col("native_minutes").cast(pl.Int32))
        stored = stored_rows(METER_READINGS, typed, site_name="home", timezone=SITE.timezone, source="x", now=start)
        results.append(merge_into(lake, METER_READINGS, "home", stored).changed)
    assert results == [0, 0, 1]
