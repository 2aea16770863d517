from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.datasets.replay_inputs import replay_inputs
from darkstar_pipeline.sample.weeks import WEEK, sample_weeks
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, METER_READINGS, SLOT_FORECASTS
from env.time_grid import slot_count

FIRST, LAST = date(2024, 3, 29), date(2024, 4, 2)  # across the day with 92 slots, 31 March


def test_sample_weeks_can_be_replayed_when_filled(tmp_path: Path) -> None:
    context = sample_weeks(tmp_path, FIRST, LAST, {"learning": {"train_days": 20}})
    days = context.lake.days(DATA_QUALITY_DAILY, context.site_name)
    assert (days[0], days[-1], len(days)) == (FIRST, LAST, 5)
    assert context.lake.days(METER_READINGS, context.site_name)[0] == FIRST - timedelta(days=WEEK)
    assert context.site_settings.learning.train_days == 20
    found = replay_inputs(context.lake, context.site, days, has_pv=context.site_settings.has_pv)
    lengths = dict(found.slots.group_by("local_day").len().iter_rows())
    assert lengths == {day: slot_count(day, context.timezone) for day in days}
    forecasts = context.lake.read(SLOT_FORECASTS, context.site_name, FIRST, FIRST)
    assert forecasts.filter(pl.col("slot_start").dt.convert_time_zone(context.timezone).dt.date() == FIRST).height == 96


def test_sample_weeks_are_the_same_when_made_twice(tmp_path: Path) -> None:
    made = [sample_weeks(tmp_path / name, FIRST, FIRST) for name in ("a", "b")]
    files = [sorted(path for path in (each.home / "lake").rglob("*.parquet")) for each in made]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_sample_weeks_refuse_a_setting_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        sample_weeks(tmp_path, FIRST, FIRST, {"learning": {"no_such": 1}})
