"""Training episodes are of the present configuration: costs of another battery or tariff are of another home."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.home import Home
from assets.rows.replays import policy_result_rows
from assets.training_episodes import training_episodes_asset
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from planner.replay.daily import replay_days
from tests.builders.homes import days_of_slots
from tests.builders.materialized import materialized
from tests.builders.small_home import FIRST

SECOND = FIRST + timedelta(days=1)
GRADED = pl.DataFrame({"day": [FIRST, SECOND], "status": ["clean", "clean"]})


def results(home: Home, day: date) -> pl.DataFrame:
    """The daily results of one policy on a day."""
    slots = days_of_slots(day, day, seed=1)
    none = slots.select("slot_start", "local_day", "load_kwh", "pv_kwh").clear()
    rows = replay_days("idle", slots, none, home.site, protocol_of(home.settings, home.site.battery))
    return policy_result_rows(home.context, "policies", rows, GRADED)


def of_another_version(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(config_version=pl.lit("another"), cost=pl.col("cost") + 1000.0)


@pytest.mark.parametrize("stale", ["policy", "oracle"])
def test_results_of_another_configuration_do_not_enter_episodes(home: Home, stale: str) -> None:
    """Neither beside the present ones of their day, nor as a day of their own."""
    present = results(home, FIRST)
    with_stale = pl.concat([of_another_version(results(home, SECOND)), of_another_version(present), present])
    policies, oracle = (with_stale, present) if stale == "policy" else (present, with_stale)
    rows, _ = materialized(
        training_episodes_asset(home),
        FIRST,
        SECOND,
        policy_daily_results=policies,
        oracle_daily_results=oracle.drop("policy"),
        data_quality_daily=GRADED,
    )
    cost = present["cost"].item()
    episodes = rows.select("day", "idle_cost", "oracle_cost", "config_version").to_dicts()
    version = config_version(home.settings, "policies")
    assert episodes == [{"day": FIRST, "idle_cost": cost, "oracle_cost": cost, "config_version": version}]
