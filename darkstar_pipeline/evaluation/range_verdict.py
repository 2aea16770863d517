"""Reads what a backfill left in the lake and turns it into verdicts, schedules and statistics.

Days and policies that are not materialised under the present configuration are replayed on the fly from graded days,
so that changing a battery in `darkstar.yaml` shows its effect without a backfill; nothing is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.price_forecaster import price_forecaster
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.evaluation.policy_replays import (
    decides,
    find_trained,
    policy_inputs,
    range_protocol,
    replay_policy,
    replay_through,
    site_protocol,
    stored_inputs,
)
from darkstar_pipeline.forecasts.replay_forecasts import forecasts_made_once
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    Table,
)
from env.time_grid import days_between
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.battery_use import day_statistics
from planner.evaluation.charged_results import charged_results, with_bound
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import Evaluation, common_days, evaluate, paid
from planner.evaluation.verified_days import only_verified, only_verified_window
from planner.policy_names import CONTINUOUS_POLICIES, LEARNED_POLICIES, PLANNERS, POLICIES, is_learned
from planner.replay.usable_slots import USABLE
from planner.value.protocol import Protocol

if TYPE_CHECKING:
    from darkstar_pipeline.policies.trained import TrainedPolicy

ORACLE = "oracle"
_BOOKKEEPING = ("site", "config_version", "quality")
REFERENCES = ("idle", "mpc", ORACLE)  # what shares and differences are measured against


@dataclass(frozen=True)
class RangeVerdict:
    """The verdict on a range of days.

    Attributes:
        evaluation: days and totals of the policies asked for.
        left_out: `day, reasons` of the days that were refused or are not materialised.
        paid: `policy, day, paid` of the days that count, of the references too [money].
    """

    evaluation: Evaluation
    left_out: pl.DataFrame
    paid: pl.DataFrame


def check_policies(policies: Sequence[str], known: Sequence[str] = POLICIES) -> None:
    """Refuse policies that do not exist; of trained ones, the existence of a version is checked later.

    Raises:
        ConfigurationError: names them, and those that do.
    """
    if unknown := [policy for policy in policies if policy not in known and not is_learned(policy)]:
        message = f"policy not available: {', '.join(unknown)}"
        raise ConfigurationError(message, f"available: {', '.join((*known, *LEARNED_POLICIES))}, models:/NAME/VERSION")


@forecasts_made_once()
def evaluate_range(
    context: Context,
    first: date,
    last: date,
    policies: Sequence[str],
    *,
    continuous: bool = False,
    references: Sequence[str] = REFERENCES,
) -> RangeVerdict:
    """Evaluate policies on the usable days of a range.

    Args:
        context: the site.
        first: first local day.
        last: last local day, included.
        policies: what to show, in this order.
        continuous: stored energy is carried through the range instead of starting every day alike.
        references: what is worked out besides.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: no usable day in the range.
    """
    check_policies(policies, CONTINUOUS_POLICIES if continuous else POLICIES)
    usable, left_out = usable_days(context, first, last)
    wanted = list(dict.fromkeys((*policies, *references)))
    results = _continuous_results(context, wanted, usable) if continuous else results_of(context, wanted, usable)
    costs = common_days(results).select("policy", "day", paid(results).alias("paid")).sort("policy", "day")
    return RangeVerdict(evaluate(results, policies), left_out, costs)


def usable_days(context: Context, first: date, last: date) -> tuple[list[date], pl.DataFrame]:
    """Return the usable days of a range, and `day, reasons` of the others.

    Raises:
        DataMissingError: none is usable.
    """
    quality = _graded(context, first, last)
    usable: list[date] = quality.filter(pl.col("status").is_in(USABLE))["day"].to_list()
    if not usable:
        message = f"none of {quality.height} graded days is usable; {quality['day'][0]}: {quality['reasons'][0]}"
        raise DataMissingError(message, "import what is missing and backfill again; `darkstar quality` lists the days")
    return usable, _left_out(quality, first, last)


def results_of(
    context: Context, policies: Sequence[str], days: Sequence[date], *, trained: Sequence["TrainedPolicy"] = ()
) -> pl.DataFrame:
    """Return daily results of policies on usable days, with `power_cost` where power is charged.

    Args:
        context: the site.
        policies: names of the policies.
        days: local days; all of them usable.
        trained: trained policies besides, each under its own name.

    Raises:
        UnverifiedScheduleError: a schedule breaks a rule of the home.
    """
    from darkstar_pipeline.policies.replay import replay_trained  # brings the learned policies

    protocol = range_protocol(context, days)
    further = [only_verified(replay_trained(context, each, days), context.site, protocol) for each in trained]
    if has_demand_charge(context.site):
        return _months_results(context, policies, days, further, protocol)
    results = [policy_results(context, policy, days) for policy in policies]
    results += [daily_results(schedule, protocol, context.site) for schedule in further]
    return pl.concat(results, how="diagonal")


def day_and_costs(context: Context, day: date, policies: Sequence[str]) -> tuple[pl.DataFrame, dict[str, float]]:
    """Return the verified schedules of policies on a day, and what the day cost each [money].

    Where power is charged, that is with what the day adds to its month's charge: the usable days of the month before it
    are replayed, too, with their peaks.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is refused or not materialised.
        UnverifiedScheduleError: a schedule violates a rule.
    """
    check_policies(policies)
    quality = _graded(context, day.replace(day=1) if has_demand_charge(context.site) else day, day)
    _check_usable(quality, day)
    days = quality.filter(pl.col("status").is_in(USABLE))["day"].to_list()
    if has_demand_charge(context.site):
        protocol = range_protocol(context, days)
        schedules, bounds = _months_schedules(context, policies, days, protocol)
        results = with_bound(charged_results(schedules, protocol, context.site), bounds)
        schedules = schedules.filter(pl.col("local_day") == day)
    else:
        parts = [day_schedule(context, day, policy).with_columns(policy=pl.lit(policy)) for policy in policies]
        schedules = pl.concat([part.select(parts[0].columns) for part in parts])
        results = results_of(context, policies, [day])
    of_day = results.filter(pl.col("day") == day).select("policy", paid(results).alias("paid"))
    return schedules, dict(of_day.iter_rows())


def day_schedule(context: Context, day: date, policy: str) -> pl.DataFrame:
    """Return the verified schedule of a policy on a day, slot by slot.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is refused or not materialised.
        UnverifiedScheduleError: the schedule violates a rule.
    """
    schedule = only_verified(unverified_schedule(context, day, policy), context.site, site_protocol(context))
    names = POLICY_SCHEDULES.schema_with(schedule.columns).names()
    return schedule.select([name for name in names if name not in _BOOKKEEPING])


def unverified_schedule(context: Context, day: date, policy: str) -> pl.DataFrame:
    """Return the stored schedule of a policy on a day, else the replayed one, not verified.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is refused or not materialised.
    """
    check_policies([policy])
    _check_usable(_graded(context, day, day), day)
    stored = stored_rows(context, ORACLE_SCHEDULES if policy == ORACLE else POLICY_SCHEDULES, policy, [day])
    return stored if stored.height else replay_policy(context, policy, [day], site_protocol(context))


def _check_usable(quality: pl.DataFrame, day: date) -> None:
    """Refuse a day that is not graded, or refused.

    Raises:
        DataMissingError: it is.
    """
    own = quality.filter(pl.col("day") == day)
    if own.is_empty():
        raise DataMissingError(f"{day} is not materialised", f"run `darkstar backfill --from {day} --to {day}`")
    if own["status"][0] not in USABLE:
        raise DataMissingError(f"{day} is refused: {own['reasons'][0]}", "import what is missing and backfill it again")


def day_stats(context: Context, day: date) -> pl.DataFrame:
    """Return the statistics of a day: a row a policy."""
    schedules = [day_schedule(context, day, policy) for policy in POLICIES]
    return day_statistics(pl.concat(schedules, how="diagonal"), site=context.site)


def _graded(context: Context, first: date, last: date) -> pl.DataFrame:
    """The quality rows of a range.

    Raises:
        DataMissingError: none of the days has been materialised.
    """
    quality = context.lake.read(DATA_QUALITY_DAILY, context.site_name, first, last)
    remedy = f"run `darkstar backfill --from {first} --to {last}`"
    if quality.is_empty():
        raise DataMissingError(f"no day from {first} to {last} is materialised for site {context.site_name}", remedy)
    return quality


def _left_out(quality: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The days of the range that count for nothing, and why."""
    refused = quality.filter(~pl.col("status").is_in(USABLE)).select("day", "reasons")
    known = set(quality["day"].to_list())
    absent = [day for day in days_between(first, last) if day not in known]
    missing = pl.DataFrame({"day": absent}, schema={"day": pl.Date}).with_columns(reasons=pl.lit("not materialised"))
    return pl.concat([refused, missing]).sort("day")


def policy_results(
    context: Context, policy: str, days: Sequence[date], *, protocol: Protocol | None = None
) -> pl.DataFrame:
    """Return daily results of a policy: stored ones where they hold for the present configuration, else replayed.

    Args:
        context: the site.
        policy: name of the policy.
        days: local days; all of them usable.
        protocol: measuring protocol; None is the configured one, and only its results are stored.
    """
    configured = site_protocol(context)
    protocol = configured if protocol is None else protocol
    table = ORACLE_DAILY_RESULTS if policy == ORACLE else POLICY_DAILY_RESULTS
    stored = stored_rows(context, table, policy, days if protocol == configured else ())
    known = set(stored["day"].to_list())
    missing = [day for day in days if day not in known]
    if not missing:
        return stored
    replayed = only_verified(replay_policy(context, policy, missing, protocol), context.site, protocol)
    fresh = daily_results(replayed, protocol, context.site)
    return pl.concat([stored.select(fresh.columns), fresh]).sort("day") if known else fresh


def replayed_schedule(context: Context, policy: str, days: Sequence[date], protocol: Protocol) -> pl.DataFrame:
    """Return the verified schedule of a policy that is replayed on usable days by a measuring protocol.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: there is no such trained version.
        UnverifiedScheduleError: the schedule breaks a rule of the home.
    """
    check_policies([policy])
    return only_verified(replay_policy(context, policy, days, protocol), context.site, protocol)


def stored_rows(context: Context, table: Table, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Return rows of the lake that hold for the present configuration, with `policy`, without bookkeeping columns."""
    rows = context.lake.read_days(table, context.site_name, days)
    if policy == ORACLE:
        day_column = table.day_column
        rows = rows.select("site", day_column, pl.lit(ORACLE).alias("policy"), pl.exclude("site", day_column))
    version = config_version(context.site_settings, "oracle" if policy == ORACLE else "policies")
    held = rows.filter((pl.col("policy") == policy) & (pl.col("config_version") == version))
    return held.drop(_BOOKKEEPING, strict=False)


def _months_results(
    context: Context, policies: Sequence[str], days: Sequence[date], further: Sequence[pl.DataFrame], protocol: Protocol
) -> pl.DataFrame:
    """Daily results of daily episodes where power is charged, which ties the days of a month together.

    What depends on the days before in the month is replayed over the days asked for: what is stored was worked out
    with the days of its own run.
    """
    schedules, bounds = _months_schedules(context, policies, days, protocol)
    every = pl.concat([schedules, *further], how="diagonal")
    return with_bound(charged_results(every, protocol, context.site), bounds)


def _months_schedules(
    context: Context, policies: Sequence[str], days: Sequence[date], protocol: Protocol
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return verified schedules of policies on days of months with a demand charge, and the oracle's bounds."""
    from planner.replay.monthly_oracle import months_oracle

    schedules = [_month_schedule(context, policy, days, protocol) for policy in policies if policy != ORACLE]
    if ORACLE not in policies:
        return pl.concat(schedules, how="diagonal"), None
    best = months_oracle(stored_inputs(context, days).slots, context.site, protocol)
    schedules.append(only_verified(best.schedules, context.site, protocol))
    return pl.concat(schedules, how="diagonal"), best.bounds


def _month_schedule(context: Context, policy: str, days: Sequence[date], protocol: Protocol) -> pl.DataFrame:
    """Return the verified schedule of a policy on days of months with a demand charge."""
    if policy in PLANNERS or is_learned(policy):
        return only_verified(replay_policy(context, policy, days, protocol), context.site, protocol)
    stored = stored_rows(context, POLICY_SCHEDULES, policy, days)
    known = set(stored["local_day"].to_list())
    missing = [day for day in days if day not in known]
    schedule = (
        pl.concat([stored, replay_policy(context, policy, missing, protocol)], how="diagonal") if missing else stored
    )
    return only_verified(schedule, context.site, protocol)


def _continuous_results(context: Context, policies: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
    """Daily results of the continuous protocol: a day is charged for what it takes out of the battery for the next.

    Every day settles its change of stored energy at the window's one value, so that the days add up to the window's
    cost.
    """
    from planner.policies.window import open_window

    protocol = range_protocol(context, days)
    planner = next((policy for policy in policies if decides(policy) in PLANNERS), policies[0])
    inputs, past = policy_inputs(context, planner, days)
    prices = price_forecaster(context.lake, context.site, max(days))  # fitted once for all
    window = open_window(inputs.slots, inputs.forecasts, past, context.site, protocol, prices=prices)
    settled = replace(protocol, settlement_value=window.settlement_value)
    schedules = [
        only_verified_window(policy, replay_through(context, policy, days, window), context.site, protocol)
        for policy in policies
    ]
    return charged_results(pl.concat(schedules), settled, context.site)


def trained_on(context: Context, policies: Sequence[str], days: Sequence[date]) -> dict[str, int]:
    """Return for each trained policy the number of days it learned from or was chosen on; only counts above zero."""
    counts: dict[str, int] = {}
    for policy in filter(is_learned, policies):
        trained = find_trained(context, policy)
        if trained is not None:
            counts[policy] = sum(trained.has_seen(day) for day in days)
    return {policy: n_days for policy, n_days in counts.items() if n_days}
