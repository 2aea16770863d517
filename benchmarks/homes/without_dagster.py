"""The stages of a backfill called one after the other, without Dagster: the difference is the cost of its runs."""

import time
from datetime import date

import polars as pl

from assets.rows.observations import grade_rows, observation_rows
from assets.rows.prices import price_rows, repaired_prices
from assets.rows.replays import policy_result_rows, policy_schedule_rows
from benchmarks.homes.fresh_home import FreshHome
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.forecasts.site_forecasts import averaged_readings
from darkstar_pipeline.warehouse import schemas
from darkstar_pipeline.warehouse.lake import Lake
from env.time_grid import days_between
from planner.forecasts.naive import naive_forecasts
from planner.replay.usable_slots import usable_slots


def seconds_without_dagster(fresh: FreshHome, first: date, last: date) -> float:
    """Return the wall time of the same reading, computing and writing, into another lake beside the first [s]."""
    begin = time.perf_counter()
    context = open_context(settings=load_settings(fresh.folder / "darkstar.yaml"), home=fresh.state)
    settings, lake = context.site_settings, context.lake
    target = Lake(fresh.folder / "plain")
    days = list(days_between(first, last))
    span = (first, last)
    name, forecast = context.site_name, settings.forecast
    repaired = repaired_prices(settings, lake.read(schemas.RAW_SPOT_PRICES, name, *span), *span)
    prices, repairs = price_rows(name, settings.area, repaired)
    observations = observation_rows(context, lake.read(schemas.METER_READINGS, name, *span), *span)
    quality = grade_rows(
        context,
        *span,
        observations=observations,
        prices=prices,
        statistics=lake.read(schemas.METER_STATISTICS, name, *span),
        repairs=repairs,
        remarks=lake.read(schemas.IMPORT_REMARKS, name, *span),
    )
    forecasts = naive_forecasts(
        averaged_readings(context, *span),
        days,
        context.timezone,
        load_days=forecast.load_days,
        pv_days=forecast.pv_days,
    )
    slots = usable_slots(
        observations,
        prices,
        quality,
        context.site,
        has_pv=home_has_pv(context.lake, context.site_name, context.site_settings.has_pv),
    )
    oracle = policy_schedule_rows(context, "oracle", (ORACLE,), slots, forecasts)
    policies = policy_schedule_rows(context, "policies", settings.policies, slots, forecasts)
    written = {
        "spot_prices": prices,
        "price_repairs": repairs,
        "slot_observations": observations,
        "data_quality_daily": quality,
        "slot_forecasts": forecasts.with_columns(pl.lit(name).alias("site")),
        "oracle_schedules": oracle.drop("policy"),
        "oracle_daily_results": policy_result_rows(context, "oracle", oracle, quality).drop("policy"),
        "policy_schedules": policies,
        "policy_daily_results": policy_result_rows(context, "policies", policies, quality),
    }
    for table, frame in written.items():
        target.write_days(schemas.TABLES[table], name, days, frame)
    return time.perf_counter() - begin
