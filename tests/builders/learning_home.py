"""A made-up home with seven weeks of graded days, forecasts and verdicts: enough to learn from and be judged on."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assets.rows.replays import policy_result_rows, policy_schedule_rows
from assets.rows.usable_days import whole_days
from darkstar_pipeline.config.fingerprints import Stage
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    Table,
)
from env.time_grid import days_between, grid, local_clock
from tests.builders.small_home import ZONE, as_imported

SITE = "home"
FIRST, LAST = date(2025, 9, 26), date(2025, 11, 11)  # across the day with 100 slots, 26 October
AT = date(2025, 11, 7)  # retrains are as of this day; what follows is nothing to them
DAYS = list(days_between(FIRST, LAST))
LEARNED = DAYS[7:]  # those before have no week of readings to be forecast from
SMALL: dict[str, Any] = {
    "battery": {"capacity_kwh": 10.0, "charge_kw": 4.0, "discharge_kw": 4.0, "wear_cost_per_kwh": 0.05},
    "learning": {
        "train_days": 17, "validation_days": 7, "test_days": 14, "least_train_days": 7, "least_judged_days": 5,
        "shadow_days": 3, "aurora_scenarios": False, "augmented_days": 3,
    },
    "rl": {
        "rounds": 1, "homes": 16, "slots": 96, "hidden": [8], "members": 1, "n_soc": 9, "n_levels": 5, "threads": 1,
        "offset": 0.3, "learning_rate": 0.01,
        "rollout": 24, "batch": 64, "epochs": 4,
    },
    "lightgbm": {"rounds": 1, "passes": 1, "trees": 20, "confidence_z": 0.0, "margins": [0.0]},
    "regressors": {"trees": 10, "floors": [0.25]},
}  # fmt: skip


def learning_settings(**changes: dict[str, Any]) -> dict[str, Any]:
    """The configuration as `darkstar.yaml` has it; changes are of the sections of the site."""
    site = {"first_day": FIRST.isoformat(), **SMALL}
    return {"sites": {SITE: {**site, **{name: {**SMALL.get(name, {}), **change} for name, change in changes.items()}}}}


def learning_context(state: Path, **changes: dict[str, Any]) -> Context:
    """The home with its state in a folder."""
    return open_context(settings=Settings.model_validate(learning_settings(**changes)), home=state)


def measured() -> pl.DataFrame:
    """Slots with `price, load_kwh, pv_kwh`: two price peaks a day, some noons below nothing, cloudy and clear days."""
    rng = np.random.default_rng(5)
    slots = grid(FIRST, LAST, ZONE).with_columns(local_clock(ZONE))
    days = pl.DataFrame(
        {
            "local_day": DAYS,
            "sky": rng.uniform(0.0, 1.0, len(DAYS)),
            "level": 0.5 + 0.4 * np.abs(np.sin(np.arange(len(DAYS)) / 3)),
        }
    )
    known = slots.join(days, on="local_day", maintain_order="left")
    clock = slots["local_clock"].to_numpy() / 1440
    arch = np.maximum(np.sin(np.pi * (clock - 0.3) / 0.4), 0.0) * ((clock > 0.3) & (clock < 0.7))
    level, sky = known["level"].to_numpy(), known["sky"].to_numpy()
    price = level * (1 + np.sin(clock * 4 * np.pi - 2.5)) - 0.5 * (sky > 0.85) * arch + rng.normal(0, 0.02, len(level))
    load = 0.25 + 0.25 * (clock > 0.7) * rng.uniform(0.5, 1.5, len(level)) + rng.exponential(0.05, len(level))
    return slots.drop("local_clock").with_columns(
        price=pl.Series(price), load_kwh=pl.Series(load), pv_kwh=pl.Series(1.5 * arch * sky)
    )


def write_days(context: Context, slots: pl.DataFrame) -> None:
    """Everything that is read and graded, as an import and a backfill leave it; no schedules."""
    lake, days = context.lake, slots["local_day"].unique().sort().to_list()
    prices = as_imported(RAW_SPOT_PRICES, slots, SITE)
    readings = as_imported(METER_READINGS, slots, SITE)
    clean = prices.with_columns(raw_price="price", repaired=pl.lit(value=False)).select(SPOT_PRICES.schema.names())
    absent = [pl.lit(None, kind).alias(name) for name, kind in SLOT_OBSERVATIONS.schema.items() if name not in readings]
    observations = readings.with_columns(absent).select(SLOT_OBSERVATIONS.schema.names())
    grades = grade_days(
        observations,
        clean,
        lake.read(METER_STATISTICS, SITE).select("hour_start", "quantity", "energy_kwh"),
        days[0],
        days[-1],
        ZONE,
        battery=context.site.battery,
        has_pv=True,
    ).with_columns(site=pl.lit(SITE))
    forecasts = _forecasts(slots)
    lake.write_days(RAW_SPOT_PRICES, SITE, days, prices)
    lake.write_days(METER_READINGS, SITE, days, readings)
    lake.write_days(SPOT_PRICES, SITE, days, clean)
    lake.write_days(SLOT_OBSERVATIONS, SITE, days, observations)
    lake.write_days(DATA_QUALITY_DAILY, SITE, days, grades.select(DATA_QUALITY_DAILY.schema.names()))
    lake.write_days(SLOT_FORECASTS, SITE, days, forecasts.select(SLOT_FORECASTS.schema.names()))


def _forecasts(slots: pl.DataFrame) -> pl.DataFrame:
    """Rows of `slot_forecasts` for each day and the next: PV is foreseen well, which scenarios of past days are not."""
    rows = [
        slots.with_columns(local_day=pl.col("local_day") - pl.duration(days=ahead), load_kwh=pl.lit(0.4))
        for ahead in (0, 1)
    ]
    known = pl.concat(rows).filter(pl.col("local_day") >= FIRST).sort("local_day", "slot_start")
    vintage = pl.col("slot_start").min().over("local_day")
    forecasts = known.with_columns(
        vintage=vintage, quantile=pl.lit(0.5), site=pl.lit(SITE), model_version=pl.lit("given"),
        correction_source=pl.lit("none"), temp_c=pl.lit(None, pl.Float64),
    )  # fmt: skip
    return forecasts.select(SLOT_FORECASTS.schema.names())


def write_verdicts(context: Context) -> None:
    """Schedules and results of the policies that trainings and verdicts ask for, as a backfill leaves them."""
    lake = context.lake
    quality = lake.read(DATA_QUALITY_DAILY, SITE, LEARNED[0], LAST)
    slots = whole_days(
        lake.read(SLOT_OBSERVATIONS, SITE, LEARNED[0], LAST),
        lake.read(SPOT_PRICES, SITE, LEARNED[0], LAST),
        quality,
        context.site,
        has_pv=True,
    )
    forecasts = lake.read(SLOT_FORECASTS, SITE, LEARNED[0] - timedelta(days=1), LAST)
    history = measured().select("slot_start", "load_kwh", "pv_kwh")
    stages: tuple[tuple[Stage, tuple[str, ...], tuple[Table, Table]], ...] = (
        ("policies", ("idle", "mpc", "value"), (POLICY_SCHEDULES, POLICY_DAILY_RESULTS)),
        ("oracle", ("oracle",), (ORACLE_SCHEDULES, ORACLE_DAILY_RESULTS)),
    )
    for stage, names, tables in stages:
        schedules = policy_schedule_rows(context, stage, names, slots, forecasts, history=history)
        results = policy_result_rows(context, stage, schedules, quality)
        for table, rows in zip(tables, (schedules, results), strict=True):
            lake.write_days(table, SITE, LEARNED, rows.select(table.schema.names()))
