"""The check on the oracle's daily results: a schedule beyond the home's limits does not pass unnoticed."""

import dagster as dg
import polars as pl
import pytest

from assets.home import Home
from assets.oracle import oracle_daily_results_asset
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from planner.replay.daily import replay_days
from tests.builders.homes import days_of_slots
from tests.builders.materialized import materialized
from tests.builders.small_home import FIRST

GRADED = pl.DataFrame({"day": [FIRST], "status": ["clean"]})


def schedules(home: Home, *, broken_slots: int) -> pl.DataFrame:
    """A day's schedule whose first slots charge ten times what the battery can take."""
    slots = days_of_slots(FIRST, FIRST, seed=1)
    none = slots.select("slot_start", "local_day", "load_kwh", "pv_kwh").clear()
    rows = replay_days("self_consumption", slots, none, home.site, protocol_of(home.settings, home.site.battery))
    beyond = home.site.battery.charge_kw / 4 * 10
    broken = pl.int_range(pl.len()) < broken_slots
    return rows.with_columns(charge_kwh=pl.when(broken).then(beyond).otherwise("charge_kwh")).drop("policy")


@pytest.mark.parametrize("broken_slots", [0, 1, 3])
def test_check_passes_only_when_no_slot_breaks_a_limit(home: Home, broken_slots: int) -> None:
    _, (check,) = materialized(
        oracle_daily_results_asset(home),
        FIRST,
        FIRST,
        oracle_schedules=schedules(home, broken_slots=broken_slots),
        data_quality_daily=GRADED,
    )
    assert (check.check_name, check.severity) == ("no_breaches", dg.AssetCheckSeverity.WARN)
    assert check.passed == (broken_slots == 0)
    assert check.metadata["breaches"].value == broken_slots
