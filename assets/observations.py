"""Observations on the whole slot grid, and the grades of their days."""

import dagster as dg
import polars as pl

from assets.description import days_of, describe_left_out, describe_range, markdown_table
from assets.home import Check, Home, Result, daily_asset
from assets.raw import observe_raw
from assets.rows.observations import grade_rows, observation_rows
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, IMPORT_REMARKS, PRICE_REPAIRS, SLOT_OBSERVATIONS
from planner.replay.usable_slots import USABLE

GROUP = "observations"
HAS_READINGS = Check(name="has_readings", description="Some slot of the range was read.", blocking=True)
USABLE_DAYS = Check(name="days_usable", description="At least nine days of ten are clean or mask_battery.")
USABLE_SHARE = 0.9


def slot_observations_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `slot_observations` of a home."""

    @daily_asset(
        home,
        SLOT_OBSERVATIONS,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("raw_meter_readings",),
        checks=(HAS_READINGS,),
    )
    def slot_observations(context: dg.AssetExecutionContext, raw_meter_readings: pl.DataFrame) -> Result:
        """The whole slot grid of a day (92, 96 or 100 slots) with what was observed; null where nothing was."""
        days = days_of(context)
        observe_raw(context, home, "raw_meter_readings", raw_meter_readings)
        rows = observation_rows(home.context, raw_meter_readings, days[0], days[-1])
        read = rows["load_kwh"].count()
        describe_range(context, rows, "local_day", **{"slots with load": read, "slots without": rows.height - read})
        return dg.MaterializeResult(
            value=rows, check_results=[HAS_READINGS.result(passed=read > 0, slots_with_load=read)]
        )

    return slot_observations


def data_quality_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `data_quality_daily` of a home."""

    @daily_asset(
        home,
        DATA_QUALITY_DAILY,
        group=GROUP,
        kinds=("polars", "parquet"),
        inputs=("slot_observations", "spot_prices", "meter_statistics"),
        checks=(USABLE_DAYS,),
    )
    def data_quality_daily(
        context: dg.AssetExecutionContext,
        slot_observations: pl.DataFrame,
        spot_prices: pl.DataFrame,
        meter_statistics: pl.DataFrame,
    ) -> Result:
        """One row per day: whether it can be used, and why not. Everything downstream leaves refused days out."""
        days = days_of(context)
        observe_raw(context, home, "meter_statistics", meter_statistics)
        repairs, remarks = (
            home.context.lake.read(table, home.name, days[0], days[-1]) for table in (PRICE_REPAIRS, IMPORT_REMARKS)
        )
        grades = grade_rows(
            home.context,
            days[0],
            days[-1],
            observations=slot_observations,
            prices=spot_prices,
            statistics=meter_statistics,
            repairs=repairs,
            remarks=remarks,
        )
        refused = grades.filter(~pl.col("status").is_in(USABLE))
        statuses = grades.group_by("status").len("days").sort("status")
        describe_range(context, grades, "day", statuses=markdown_table(statuses))
        describe_left_out(context, dict(refused.select("day", "reasons").iter_rows()))
        return dg.MaterializeResult(value=grades, check_results=[_usable_share(grades)])

    return data_quality_daily


def _usable_share(grades: pl.DataFrame) -> dg.AssetCheckResult:
    usable = int(grades["status"].is_in(USABLE).sum())
    return USABLE_DAYS.result(
        passed=usable >= USABLE_SHARE * grades.height,
        usable_days=usable,
        refused_days=grades.height - usable,
        masked_days=int((grades["status"] == "mask_battery").sum()),
    )
