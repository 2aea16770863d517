"""Daily episodes of a home as rows of the lake: replayed schedules, and what they add up to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import cast

import polars as pl

from assets.home import Home
from darkstar_pipeline.config.fingerprints import Stage, config_version
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import POWER_COLUMNS, Evaluation
from planner.replay.daily import replay_policies
from planner.value.scenario_source import Past

_SHARES = ("captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


def policy_schedule_rows(
    home: Home,
    stage: Stage,
    policies: Sequence[str],
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    *,
    history: Past | None = None,
) -> pl.DataFrame:
    """Rows of `policy_schedules`: every policy on every day of `slots`; `history` as in `planner.replay.daily`."""
    protocol = protocol_of(home.settings, home.site.battery)
    if slots.height:
        before = month_before(home.context.lake, home.site, cast("date", slots["local_day"].min()))
        protocol = replace(protocol, month_before=before)
    schedules = pl.concat(
        replay_policies(policies, slots, forecasts, home.site, protocol, history=history),
        how="diagonal",
    )
    return schedules.with_columns(_site(home), _version(home, stage))


def policy_result_rows(home: Home, stage: Stage, schedules: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Rows of `policy_daily_results`: what each day and policy of `schedules` cost, beside the grade of the day."""
    totals = daily_results(schedules, protocol_of(home.settings, home.site.battery), home.site)
    grades = quality.select("day", pl.col("status").alias("quality"))
    return totals.join(grades, on="day", how="left").with_columns(_site(home), _version(home, stage))


def shown_totals(evaluation: Evaluation) -> pl.DataFrame:
    """The totals of a verdict as the page shows them, with the demand charge where power is charged."""
    power = POWER_COLUMNS if evaluation.months.height else ()
    return evaluation.totals.select("policy", "days", "cost", *power, *_SHARES)


def with_oracle(policies: pl.DataFrame, oracle: pl.DataFrame) -> pl.DataFrame:
    """Daily results of the policies and of the oracle in one frame, `day, policy, …`."""
    bound = oracle.with_columns(pl.lit(ORACLE).alias("policy")).select(policies.columns)
    return pl.concat([policies, bound]).drop("site", "quality", "config_version").sort("day", "policy")


def _site(home: Home) -> pl.Expr:
    return pl.lit(home.name).alias("site")


def _version(home: Home, stage: Stage) -> pl.Expr:
    return pl.lit(config_version(home.settings, stage)).alias("config_version")
