from datetime import timedelta

import dagster as dg
import polars as pl

from assets.home import Home
from assets.rows.replays import verify_schedules
from assets.verification import rejection_reasons, verified_check
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from planner.replay.daily import replay_days
from tests.builders.homes import days_of_slots
from tests.builders.small_home import FIRST


def replays(home: Home) -> pl.DataFrame:
    slots = days_of_slots(FIRST, FIRST + timedelta(days=1), seed=1)
    none = slots.select("slot_start", "local_day", "load_kwh", "pv_kwh").clear()
    return replay_days("self_consumption", slots, none, home.site, protocol_of(home.settings, home.site.battery))


def test_days_are_stored_and_the_check_passes_when_nothing_is_wrong(home: Home) -> None:
    days = verify_schedules(home.context, replays(home))
    check = verified_check(days)
    assert check.passed
    assert check.metadata["checked"].value == 2
    assert rejection_reasons(days) == {}


def test_day_is_left_out_and_the_check_warns_when_a_schedule_is_wrong(home: Home) -> None:
    wrong = (pl.col("local_day") == FIRST) & (pl.col("slot_start") == pl.col("slot_start").min())
    days = verify_schedules(
        home.context, replays(home).with_columns(cost=pl.col("cost") + pl.when(wrong).then(1.0).otherwise(0.0))
    )
    check = verified_check(days)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (check.metadata["turned_away"].value, check.metadata["violations"].value) == (1, 1)
    assert "cost" in str(check.metadata["first"].value)
    assert days.schedules["local_day"].unique().to_list() == [FIRST + timedelta(days=1)]
    reasons = rejection_reasons(days)
    assert list(reasons) == [FIRST]
    assert "self_consumption fails verification" in reasons[FIRST]
