"""The weekly retrain is as of the Monday it fires on, in the home's own clock, and only once it is turned on."""

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home
from assets.learning import LEARNED, as_of
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.definitions import build_definitions
from jobs.retrain import retrain_schedule
from tests.builders.small_home import small_context

DATED = (
    "price_models",
    "antares_regressors",
    "antares_policy",
    "antares_rl_policy",
    "challenger",
    "champion",
    "missing_money",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(context=small_context(tmp_path, filled=False))


@pytest.mark.parametrize(
    ("at", "today", "yesterday"),
    [
        (datetime(2026, 3, 30, 0, 20, tzinfo=UTC), "2026-03-30", "2026-03-29"),
        (datetime(2026, 10, 26, 1, 20, tzinfo=UTC), "2026-10-26", "2026-10-25"),
        (datetime(2026, 1, 4, 23, 40, tzinfo=UTC), "2026-01-05", "2026-01-04"),
    ],
    ids=["after the spring change", "after the autumn change", "Sunday by UTC"],
)
def test_retrain_is_as_of_the_local_day(home: Home, at: datetime, today: str, yesterday: str) -> None:
    requests = retrain_schedule(home).evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at)).run_requests
    assert requests is not None
    config = requests[0].run_config["ops"]
    assert {name: op["config"] for name, op in config.items()} == {
        **{name: {"at": today} for name in DATED},
        "aurora_models": {"last_day": yesterday},
    }
    assert requests[0].run_key == f"weekly_retrain {today}"


def test_retrain_stands_still_until_turned_on(home: Home) -> None:
    schedule = retrain_schedule(home)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("20 2 * * 1", "Europe/Stockholm")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_schedule_fits_its_job_when_homes_have_dashes_in_their_names(tmp_path: Path) -> None:
    settings = Settings(default_site="home", sites={"home": SiteSettings(), "garden-house": SiteSettings(area="SE4")})
    definitions = build_definitions(settings, tmp_path)
    for job in ("weekly_retrain", "garden_house__weekly_retrain"):
        night = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 30, 0, 20, tzinfo=UTC))
        requests = definitions.resolve_schedule_def(f"{job}_schedule").evaluate_tick(night).run_requests
        assert requests is not None
        found = definitions.resolve_job_def(job)
        assert dg.validate_run_config(found, requests[0].run_config)
        assert {key.path[-1] for key in found.asset_layer.executable_asset_keys} == {
            *LEARNED,
            "aurora_models",
            "missing_money",
            "price_models",
        }


@pytest.mark.parametrize(
    ("at", "day"),
    [("2026-02-01", date(2026, 2, 1)), ("", date(2026, 3, 29))],
    ids=["given", "today by the home's clock"],
)
def test_day_is_today_unless_given(home: Home, at: str, day: date) -> None:
    assert as_of(home, at, datetime(2026, 3, 28, 23, 30, tzinfo=UTC)) == day
