"""Schedules request the right local days, and only once they are turned on."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from jobs.refresh import refresh_schedules
from tests.builders.small_home import small_context

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def fired(home: Home, name: str, at: datetime) -> dg.RunRequest:
    schedule = next(one for one in refresh_schedules(home) if one.name == name)
    context = dg.build_schedule_context(scheduled_execution_time=at)
    requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert len(requests) == 1
    return requests[0]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(context=small_context(tmp_path, filled=False))


@pytest.mark.parametrize(
    ("name", "at", "first", "last"),
    [
        ("daily_refresh_schedule", datetime(2026, 3, 28, 12, 15, tzinfo=UTC), "2026-03-28", "2026-03-29"),
        ("nightly_schedule", datetime(2026, 3, 28, 23, 40, tzinfo=UTC), "2026-03-26", "2026-03-28"),
        ("nightly_schedule", datetime(2026, 3, 29, 22, 40, tzinfo=UTC), "2026-03-27", "2026-03-29"),
        ("nightly_schedule", datetime(2025, 1, 2, 23, 40, tzinfo=UTC), "2025-01-01", "2025-01-02"),
    ],
    ids=["today and tomorrow", "the night the clock changes", "the night after", "not before the first day"],
)
def test_schedule_asks_for_local_days(home: Home, name: str, at: datetime, first: str, last: str) -> None:
    request = fired(home, name, at)
    assert (request.tags[START], request.tags[END]) == (first, last)


def test_schedules_stand_still_until_turned_on_and_follow_the_homes_clock(home: Home) -> None:
    schedules = refresh_schedules(home)
    assert {schedule.cron_schedule for schedule in schedules} == {"15 13 * * *", "40 0 * * *"}
    assert {schedule.execution_timezone for schedule in schedules} == {"Europe/Stockholm"}
    assert {schedule.default_status for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}
