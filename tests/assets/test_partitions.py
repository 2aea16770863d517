"""Days of a home are local days, and tomorrow is one of them."""

from datetime import UTC, date, datetime

import dagster as dg

from assets.partitions import daily_partitions
from darkstar_pipeline.config.site import SiteSettings

NOW = datetime(2026, 3, 30, 10, tzinfo=UTC)


def hours(partitions: dg.DailyPartitionsDefinition, day: str) -> float:
    window = partitions.time_window_for_partition_key(day)
    return (window.end.timestamp() - window.start.timestamp()) / 3600


def test_partitions_are_23_and_25_hours_long_when_the_clock_changes() -> None:
    partitions = daily_partitions(SiteSettings())
    assert [hours(partitions, day) for day in ("2026-03-29", "2026-03-30", "2025-10-26")] == [23, 24, 25]


def test_partitions_reach_from_the_first_day_to_tomorrow() -> None:
    partitions = daily_partitions(SiteSettings(first_day=date(2026, 3, 28)))
    assert partitions.get_partition_keys(current_time=NOW) == ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"]


def test_partitions_are_equal_when_the_settings_agree_so_that_runs_are_not_split() -> None:
    assert daily_partitions(SiteSettings(area="SE4")) == daily_partitions(SiteSettings(area="SE3"))
