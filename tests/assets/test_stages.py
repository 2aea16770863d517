"""Computation of each stage without Dagster: the functions that the assets call."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.home import Home
from assets.rows.bounds import below_bound
from assets.rows.observations import grade_rows, observation_rows
from assets.rows.prices import price_rows, repaired_prices, second_prices
from assets.rows.replays import policy_result_rows, policy_schedule_rows, with_oracle
from assets.rows.training_episodes import of_configuration
from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.datasets.replay_inputs import content_hash
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.forecasts.site_forecasts import averaged_readings
from darkstar_pipeline.warehouse.schemas import (
    IMPORT_REMARKS,
    METER_READINGS,
    METER_STATISTICS,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    Table,
)
from planner.replay.usable_slots import usable_slots
from tests.builders.small_home import DAYS, FIRST, LAST, SHORT_DAY, small_context

AUTUMN = date(2025, 10, 26)


def imported(home: Home, table: Table, first: date = FIRST, last: date = LAST) -> pl.DataFrame:
    return home.context.lake.read(table, home.name, first, last)


def repaired(home: Home) -> tuple[pl.DataFrame, pl.DataFrame]:
    raw = imported(home, RAW_SPOT_PRICES)
    return price_rows(home.name, home.settings.area, repaired_prices(home.settings, raw, FIRST, LAST))


def observed(home: Home, last: date = LAST) -> pl.DataFrame:
    return observation_rows(home.context, imported(home, METER_READINGS), FIRST, last)


def grades(home: Home) -> pl.DataFrame:
    prices, repairs = repaired(home)
    return grade_rows(
        home.context,
        FIRST,
        LAST,
        observations=observed(home),
        prices=prices,
        statistics=imported(home, METER_STATISTICS),
        repairs=repairs,
        remarks=imported(home, IMPORT_REMARKS),
    )


def test_spot_prices_fit_their_table_and_name_their_area(home: Home) -> None:
    prices, repairs = repaired(home)
    assert set(prices.columns) == set(SPOT_PRICES.schema)
    assert prices["area"].unique().to_list() == ["SE3"]
    assert repairs.is_empty()


def test_second_prices_are_none_when_no_file_is_configured(home: Home) -> None:
    assert second_prices(home.settings) is None


def test_second_prices_name_the_file_when_it_is_not_there(tmp_path: Path) -> None:
    context = small_context(tmp_path, filled=False)
    document = context.settings.model_dump(mode="json")
    document["sites"]["home"]["second_price_file"] = str(tmp_path / "second.csv")
    site = Settings.model_validate(document).sites["home"]
    with pytest.raises(ConfigurationError, match=r"second\.csv"):
        second_prices(site)


def test_observations_are_the_whole_grid_when_readings_are_missing(home: Home) -> None:
    observations = observed(home)
    assert set(observations.columns) == set(SLOT_OBSERVATIONS.schema)
    assert observations.filter(pl.col("local_day") == AUTUMN).height == 100
    assert observations.filter(pl.col("local_day") == SHORT_DAY)["load_kwh"].null_count() > 0


def test_grades_refuse_the_day_whose_readings_are_missing(home: Home) -> None:
    refused = grades(home).filter(pl.col("status") == "exclude")
    assert refused["day"].to_list() == [SHORT_DAY]
    assert "missing" in refused["reasons"][0]


def test_forecast_history_leaves_out_days_whose_readings_were_refused(home: Home) -> None:
    rows = averaged_readings(home.context, LAST, LAST)
    days = rows["slot_start"].dt.convert_time_zone(home.timezone).dt.date().unique().sort().to_list()
    reach = home.settings.forecast.load_days
    assert days == [day for day in DAYS if day >= LAST - timedelta(days=reach) and day != SHORT_DAY]
    assert rows["load_kwh"].null_count() == 0


def test_forecast_history_believes_a_load_when_only_its_price_is_missing(home: Home) -> None:
    home.context.lake.write_days(RAW_SPOT_PRICES, home.name, DAYS, imported(home, RAW_SPOT_PRICES).clear())
    assert averaged_readings(home.context, AUTUMN, AUTUMN).height > 0


def test_episodes_fit_their_tables_and_name_their_configuration(home: Home) -> None:
    quality = grades(home)
    prices, _ = repaired(home)
    observations = observed(home)
    slots = usable_slots(observations, prices, quality, home.site, has_pv=True)
    schedules = policy_schedule_rows(
        home.context, "policies", ("idle", "self_consumption"), slots, pl.DataFrame(schema=SLOT_FORECASTS.schema)
    )
    results = policy_result_rows(home.context, "policies", schedules, quality)
    assert set(schedules.columns) == set(POLICY_SCHEDULES.schema)
    assert set(results.columns) == set(POLICY_DAILY_RESULTS.schema)
    assert results["day"].n_unique() == len(DAYS) - 1
    assert schedules["config_version"].unique().to_list() == results["config_version"].unique().to_list()


def results(**costs: float) -> pl.DataFrame:
    rows = [
        {"site": "home", "day": FIRST, "policy": policy, "cost": cost, "quality": "clean", "config_version": "x"}
        for policy, cost in costs.items()
    ]
    return pl.DataFrame(rows)


def test_below_bound_names_the_policy_that_beats_hindsight() -> None:
    oracle = results(oracle=1.0).drop("policy")
    below = below_bound(results(idle=2.0, mpc=0.9, self_consumption=1.0 - 1e-9), oracle)
    assert below.to_dicts() == [{"site": "home", "day": FIRST, "policy": "mpc", "cost": 0.9, "oracle_cost": 1.0}]


def test_with_oracle_gives_the_oracle_its_name() -> None:
    joined = with_oracle(results(idle=2.0), results(oracle=1.0).drop("policy"))
    assert joined.to_dicts() == [
        {"day": FIRST, "policy": "idle", "cost": 2.0},
        {"day": FIRST, "policy": "oracle", "cost": 1.0},
    ]


def test_verdict_is_on_results_of_the_present_configuration_only(home: Home) -> None:
    present = config_version(home.settings, "policies")
    mixed = pl.concat([results(idle=1.0), results(idle=2.0).with_columns(config_version=pl.lit(present))])
    assert of_configuration(home.context, mixed)["cost"].to_list() == [2.0]


def test_content_hash_is_of_the_data_and_not_of_its_order(home: Home) -> None:
    slots = observed(home, FIRST).with_columns(import_price=1.0, export_price=0.5)
    other = slots.with_columns(load_kwh=pl.col("load_kwh") + 1e-6)
    assert content_hash(slots) == content_hash(slots.reverse())
    assert content_hash(slots) != content_hash(other)
