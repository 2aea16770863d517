"""Daily episodes of a home as rows of the lake: replayed schedules, and what they add up to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import cast

import polars as pl

from assets.rows.champion import (
    MODEL,
    Tell,
    as_champion,
    decided_by,
    log_passed_over,
    replay_version,
    version_in_use,
    with_models,
)
from assets.rows.usable_days import whole_days
from darkstar_pipeline.config.fingerprints import Stage, config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.datasets.past_readings import past_readings
from darkstar_pipeline.datasets.replay_inputs import home_has_pv, protocol_of
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.forecasts.site_scenarios import replay_past
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import POWER_COLUMNS, Evaluation
from planner.evaluation.verified_days import VerifiedDays, verified_days
from planner.policy_names import CHAMPION, FALLBACK
from planner.replay.daily import replay_policies
from planner.value.scenario_source import SCENARIO_DAYS, Past

_SHARES = ("captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "breaches")


def usable_rows(
    context: Context, observations: pl.DataFrame, prices: pl.DataFrame, quality: pl.DataFrame
) -> pl.DataFrame:
    """Return the slots of the whole, usable days of a home, at its prices: what its replays run on."""
    has_pv = home_has_pv(context.lake, context.site_name, context.site_settings.has_pv)
    priced = with_month_prices(prices, context.lake, context.site)
    return whole_days(observations, priced, quality, context.site, has_pv=has_pv)


def oracle_rows(context: Context, slots: pl.DataFrame) -> VerifiedDays:
    """Return the verified schedules of perfect hindsight: rows of `oracle_schedules`, with `policy`."""
    no_forecasts = pl.DataFrame(schema=SLOT_FORECASTS.schema)
    return verify_schedules(context, policy_schedule_rows(context, ORACLE, (ORACLE,), slots, no_forecasts))


def policy_rows(
    context: Context,
    policies: Sequence[str],
    first: date,
    last: date,
    *,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    tell: Tell = log_passed_over,
) -> VerifiedDays:
    """Return the verified schedules of policies: rows of `policy_schedules`."""
    has_pv = home_has_pv(context.lake, context.site_name, context.site_settings.has_pv)
    history = past_readings(context.lake, context.site, first, last, lookback_days=SCENARIO_DAYS, has_pv=has_pv)
    past = replay_past(context, slots, forecasts, history)
    if CHAMPION not in policies:
        rows = policy_schedule_rows(context, "policies", policies, slots, forecasts, history=past)
        return verify_schedules(context, rows)
    rows = policy_schedule_rows(context, "policies", decided_by(policies), slots, forecasts, history=past)
    version = version_in_use(context, slots, tell)
    made = None if version is None else replay_version(context, version, slots, forecasts, tell)
    champion = (
        as_champion(rows.filter(pl.col("policy") == FALLBACK))
        if made is None
        else made.with_columns(_site(context), _version(context, "policies"))
    )
    both = pl.concat([rows, champion], how="diagonal")
    return verify_schedules(context, both.filter(pl.col("policy").is_in(policies)))


def replayed_policies(context: Context) -> list[str]:
    """Return the policies that a backfill replays, without the oracle, which has tables of its own."""
    return [policy for policy in context.site_settings.policies if policy != ORACLE]


def verify_schedules(context: Context, schedules: pl.DataFrame) -> VerifiedDays:
    """The days of `schedules` that may be stored, and those that may not."""
    return verified_days(schedules, context.site, protocol_of(context.site_settings, context.site.battery))


def policy_schedule_rows(
    context: Context,
    stage: Stage,
    policies: Sequence[str],
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    *,
    history: Past | None = None,
) -> pl.DataFrame:
    """Rows of `policy_schedules`: every policy on every day of `slots`; `history` as in `planner.replay.daily`."""
    protocol = protocol_of(context.site_settings, context.site.battery)
    if slots.height:
        before = month_before(context.lake, context.site, cast("date", slots["local_day"].min()))
        protocol = replace(protocol, month_before=before)
    schedules = pl.concat(
        replay_policies(policies, slots, forecasts, context.site, protocol, history=history),
        how="diagonal",
    )
    return schedules.with_columns(_site(context), _version(context, stage))


def policy_result_rows(context: Context, stage: Stage, schedules: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Rows of `policy_daily_results`: what each day and policy of `schedules` cost, beside the grade of the day."""
    totals = daily_results(schedules, protocol_of(context.site_settings, context.site.battery), context.site)
    totals = with_models(totals, schedules)
    grades = quality.select("day", pl.col("status").alias("quality"))
    return totals.join(grades, on="day", how="left").with_columns(_site(context), _version(context, stage))


def shown_totals(evaluation: Evaluation) -> pl.DataFrame:
    """The totals of a verdict as the page shows them, with the demand charge where power is charged."""
    power = POWER_COLUMNS if evaluation.months.height else ()
    return evaluation.totals.select("policy", "days", "cost", *power, *_SHARES)


def with_oracle(policies: pl.DataFrame, oracle: pl.DataFrame) -> pl.DataFrame:
    """Daily results of the policies and of the oracle in one frame, `day, policy, …`."""
    policies = policies.drop(MODEL, strict=False)
    bound = oracle.with_columns(pl.lit(ORACLE).alias("policy")).select(policies.columns)
    return pl.concat([policies, bound]).drop("site", "quality", "config_version").sort("day", "policy")


def _site(context: Context) -> pl.Expr:
    return pl.lit(context.site_name).alias("site")


def _version(context: Context, stage: Stage) -> pl.Expr:
    return pl.lit(config_version(context.site_settings, stage)).alias("config_version")
