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
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, protocol_of, replay_inputs
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs, forecasts_made_once
from darkstar_pipeline.forecasts.site_scenarios import replay_past
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
from planner.evaluation.verdict import Evaluation, evaluate, paid
from planner.evaluation.verified_days import only_verified, only_verified_window
from planner.policy_names import CONTINUOUS_POLICIES, FALLBACK, LEARNED_POLICIES, PLANNERS, POLICIES, is_learned
from planner.replay.daily import replay_days
from planner.replay.usable_slots import USABLE
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past

if TYPE_CHECKING:
    from darkstar_pipeline.policies.trained import TrainedPolicy
    from planner.forecasts.price_forecast import PriceForecaster

ORACLE = "oracle"
_BOOKKEEPING = ("site", "config_version", "quality")
REFERENCES = ("idle", "mpc", ORACLE)  # what shares and differences are measured against


@dataclass(frozen=True)
class RangeVerdict:
    """The verdict on a range of days.

    Attributes:
        evaluation: days and totals of the policies asked for.
        left_out: `day, reasons` of the days that were refused or are not materialised.
    """

    evaluation: Evaluation
    left_out: pl.DataFrame


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
    context: Context, first: date, last: date, policies: Sequence[str], *, continuous: bool = False
) -> RangeVerdict:
    """Evaluate policies on the usable days of a range.

    Args:
        context: the site.
        first: first local day.
        last: last local day, included.
        policies: what to show, in this order; references are worked out besides.
        continuous: stored energy is carried through the range instead of starting every day alike.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: no usable day in the range.
    """
    check_policies(policies, CONTINUOUS_POLICIES if continuous else POLICIES)
    quality = _graded(context, first, last)
    usable = quality.filter(pl.col("status").is_in(USABLE))["day"].to_list()
    if not usable:
        message = f"none of {quality.height} graded days is usable; {quality['day'][0]}: {quality['reasons'][0]}"
        raise DataMissingError(message, "import what is missing and backfill again; `darkstar quality` lists the days")
    wanted = list(dict.fromkeys((*policies, *REFERENCES)))
    results = _continuous_results(context, wanted, usable) if continuous else results_of(context, wanted, usable)
    return RangeVerdict(evaluate(results, policies), _left_out(quality, first, last))


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

    protocol = _protocol(context)
    further = [only_verified(replay_trained(context, each, days), context.site, protocol) for each in trained]
    if has_demand_charge(context.site):
        return _months_results(context, policies, days, further)
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
        schedules, bounds = _months_schedules(context, policies, days)
        results = with_bound(charged_results(schedules, _protocol(context), context.site), bounds)
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
    schedule = only_verified(unverified_schedule(context, day, policy), context.site, _protocol(context))
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
    return stored if stored.height else _replay(context, policy, [day], _protocol(context))


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
    configured = _protocol(context)
    protocol = configured if protocol is None else protocol
    table = ORACLE_DAILY_RESULTS if policy == ORACLE else POLICY_DAILY_RESULTS
    stored = stored_rows(context, table, policy, days if protocol == configured else ())
    known = set(stored["day"].to_list())
    missing = [day for day in days if day not in known]
    if not missing:
        return stored
    replayed = only_verified(_replay(context, policy, missing, protocol), context.site, protocol)
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
    return only_verified(_replay(context, policy, days, protocol), context.site, protocol)


def stored_rows(context: Context, table: Table, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Return rows of the lake that hold for the present configuration, with `policy`, without bookkeeping columns."""
    paths = [context.lake.path(table, context.site_name, day) for day in days]
    rows = context.lake.read_paths(table, [path for path in paths if path.exists()])
    if policy == ORACLE:
        day_column = table.day_column
        rows = rows.select("site", day_column, pl.lit(ORACLE).alias("policy"), pl.exclude("site", day_column))
    version = config_version(context.site_settings, "oracle" if policy == ORACLE else "policies")
    held = rows.filter((pl.col("policy") == policy) & (pl.col("config_version") == version))
    return held.drop(_BOOKKEEPING, strict=False)


def _months_results(
    context: Context, policies: Sequence[str], days: Sequence[date], further: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    """Daily results of daily episodes where power is charged, which ties the days of a month together.

    What depends on the days before in the month is replayed over the days asked for: what is stored was worked out
    with the days of its own run.
    """
    schedules, bounds = _months_schedules(context, policies, days)
    every = pl.concat([schedules, *further], how="diagonal")
    return with_bound(charged_results(every, _protocol(context), context.site), bounds)


def _months_schedules(
    context: Context, policies: Sequence[str], days: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return verified schedules of policies on days of months with a demand charge, and the oracle's bounds."""
    from planner.replay.monthly_oracle import months_oracle

    schedules = [_month_schedule(context, policy, days) for policy in policies if policy != ORACLE]
    if ORACLE not in policies:
        return pl.concat(schedules, how="diagonal"), None
    best = months_oracle(_stored_inputs(context, days).slots, context.site, _protocol(context))
    schedules.append(only_verified(best.schedules, context.site, _protocol(context)))
    return pl.concat(schedules, how="diagonal"), best.bounds


def _month_schedule(context: Context, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Return the verified schedule of a policy on days of months with a demand charge."""
    protocol = _protocol(context)
    if policy in PLANNERS or is_learned(policy):
        return only_verified(_replay(context, policy, days, protocol), context.site, protocol)
    stored = stored_rows(context, POLICY_SCHEDULES, policy, days)
    known = set(stored["local_day"].to_list())
    missing = [day for day in days if day not in known]
    schedule = pl.concat([stored, _replay(context, policy, missing, protocol)], how="diagonal") if missing else stored
    return only_verified(schedule, context.site, protocol)


def _continuous_results(context: Context, policies: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
    """Daily results of the continuous protocol: a day is charged for what it takes out of the battery for the next.

    Every day settles its change of stored energy at the window's one value, so that the days add up to the window's
    cost.
    """
    from planner.policies.window import window_settlement

    slots, protocol = _stored_inputs(context, days).slots, _protocol(context)
    settled = replace(protocol, settlement_value=window_settlement(slots, context.site, protocol))
    prices = price_forecaster(context.lake, context.site, max(days))  # fitted once for all
    schedules = [
        only_verified_window(policy, _replay_window(context, policy, days, prices), context.site, protocol)
        for policy in policies
    ]
    return charged_results(pl.concat(schedules), settled, context.site)


def _replay(context: Context, policy: str, days: Sequence[date], protocol: Protocol) -> pl.DataFrame:
    """Replay a policy on graded days."""
    if is_learned(policy):
        trained = _trained(context, policy)
        if trained is not None:
            from darkstar_pipeline.policies.replay import replay_trained

            return replay_trained(context, trained, days, protocol=protocol)
    inputs, past = _inputs(context, policy, days)
    replayed = replay_days(_decides(policy), inputs.slots, inputs.forecasts, context.site, protocol, history=past)
    return replayed.with_columns(policy=pl.lit(policy))


def _replay_window(context: Context, policy: str, days: Sequence[date], prices: "PriceForecaster") -> pl.DataFrame:
    """Replay a policy through a window of graded days."""
    from planner.replay.continuous import replay_window

    if is_learned(policy):
        trained = _trained(context, policy)
        if trained is not None:
            from darkstar_pipeline.policies.replay import replay_trained_window

            return replay_trained_window(context, trained, days, prices=prices)
    (inputs, past), protocol = _inputs(context, policy, days), _protocol(context)
    replayed = replay_window(
        _decides(policy), inputs.slots, inputs.forecasts, past, context.site, protocol, prices=prices
    )
    return replayed.with_columns(policy=pl.lit(policy))


def _trained(context: Context, policy: str) -> "TrainedPolicy | None":
    """The trained policy of a name; None for a champion that is `value`."""
    from darkstar_pipeline.policies.trained import trained_policy  # loading models is slow

    return trained_policy(context, policy)


def _decides(policy: str) -> str:
    """The policy that decides where no version is in use."""
    return FALLBACK if is_learned(policy) else policy


def trained_on(context: Context, policies: Sequence[str], days: Sequence[date]) -> dict[str, int]:
    """Return for each trained policy the number of days it learned from or was chosen on; only counts above zero."""
    counts: dict[str, int] = {}
    for policy in filter(is_learned, policies):
        trained = _trained(context, policy)
        if trained is not None:
            counts[policy] = sum(trained.has_seen(day) for day in days)
    return {policy: n_days for policy, n_days in counts.items() if n_days}


def _protocol(context: Context) -> Protocol:
    """Return the configured measuring protocol of the site."""
    return protocol_of(context.site_settings, context.site.battery)


def _inputs(context: Context, policy: str, days: Sequence[date]) -> tuple[ReplayInputs, Past]:
    """Return the inputs of a policy's replay of some days; only those that plan ahead need forecasts and scenarios."""
    if _decides(policy) in PLANNERS:
        inputs = forecast_replay_inputs(context, days)
        return inputs, replay_past(context, inputs.slots, inputs.forecasts, inputs.history)
    inputs = _stored_inputs(context, days)
    return inputs, inputs.history


def _stored_inputs(context: Context, days: Sequence[date]) -> ReplayInputs:
    """Return the inputs of replays of some days as they are stored."""
    return replay_inputs(context.lake, context.site, days, has_pv=context.site_settings.has_pv)
