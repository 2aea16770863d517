"""Reads what a backfill left in the lake and turns it into verdicts, schedules and statistics.

Days and policies that are not materialised under the present configuration are replayed on the fly from graded days,
so that changing a battery in `darkstar.yaml` shows its effect without a backfill; nothing is written here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.past_readings import past_readings
from darkstar_pipeline.versions import config_version
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    Table,
)
from env.time_grid import days_between
from planner.episodes import USABLE, usable_slots
from planner.evaluation import Evaluation, evaluate
from planner.policy_names import CONTINUOUS_POLICIES, PLANNERS, POLICIES
from planner.power_bills import charges_power, power_bills
from planner.protocol import Protocol
from planner.replay import replay_days
from planner.results import daily_results
from planner.scenarios import SCENARIO_DAYS
from planner.statistics import day_statistics
from planner.steadiness import SteadinessRules
from planner.verified_days import only_verified, only_verified_window

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


def protocol_of(context: Context) -> Protocol:
    """The measuring protocol that the site's configuration asks for."""
    settings = context.site_settings.protocol
    return Protocol(
        start_soc_kwh=context.site.battery.soc_kwh(settings.start_soc_percent),
        settlement_value=settings.settlement_value,
        steadiness=SteadinessRules(**context.site_settings.mpc.model_dump()),
    )


def home_has_pv(context: Context) -> bool:
    """Whether the home has panels: as configured, else whether any PV was ever read."""
    configured = context.site_settings.has_pv
    if configured is not None:
        return configured
    readings = context.lake.read(METER_READINGS, context.site_name)
    return readings["pv_kwh"].count() > 0


def check_policies(policies: Sequence[str], known: Sequence[str] = POLICIES) -> None:
    """Refuse policies that do not exist.

    Raises:
        ConfigurationError: names them, and those that do.
    """
    if unknown := [policy for policy in policies if policy not in known]:
        message = f"policy not available: {', '.join(unknown)}"
        raise ConfigurationError(message, f"available: {', '.join(known)}")


def evaluate_range(
    context: Context, first: date, last: date, policies: Sequence[str], *, continuous: bool = False
) -> RangeVerdict:
    """What each policy paid on the usable days of a range.

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
    bills = None
    if continuous:
        results, bills = _continuous_results(context, wanted, usable)
    elif charges_power(context.site):
        results, bills = _months_results(context, wanted, usable)
    else:
        results = pl.concat([_results(context, policy, usable) for policy in wanted], how="diagonal")
    return RangeVerdict(evaluate(results, policies, bills=bills), _left_out(quality, first, last))


def day_schedule(context: Context, day: date, policy: str) -> pl.DataFrame:
    """What a policy does on a day, slot by slot, verified.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is refused or not materialised.
        UnverifiedScheduleError: something is wrong with the schedule.
    """
    schedule = only_verified(unverified_schedule(context, day, policy), context.site, protocol_of(context))
    return schedule.select([name for name in POLICY_SCHEDULES.schema.names() if name not in _BOOKKEEPING])


def unverified_schedule(context: Context, day: date, policy: str) -> pl.DataFrame:
    """What a policy does on a day as it is stored, else as it is replayed, for whoever verifies it.

    Raises:
        ConfigurationError: an unknown policy.
        DataMissingError: the day is refused or not materialised.
    """
    check_policies([policy])
    quality = _graded(context, day, day)
    if quality["status"][0] not in USABLE:
        raise DataMissingError(
            f"{day} is refused: {quality['reasons'][0]}", "import what is missing and backfill it again"
        )
    stored = _stored(context, ORACLE_SCHEDULES if policy == ORACLE else POLICY_SCHEDULES, policy, [day])
    return stored if stored.height else _replay(context, policy, [day])


def day_stats(context: Context, day: date) -> pl.DataFrame:
    """How each policy used a day: a row a policy."""
    schedules = [day_schedule(context, day, policy) for policy in POLICIES]
    return day_statistics(pl.concat(schedules), site=context.site)


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


def _results(context: Context, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Daily results of a policy: stored ones where they hold for the present configuration, else replayed."""
    table = ORACLE_DAILY_RESULTS if policy == ORACLE else POLICY_DAILY_RESULTS
    stored = _stored(context, table, policy, days)
    known = set(stored["day"].to_list())
    missing = [day for day in days if day not in known]
    if not missing:
        return stored
    replayed = only_verified(_replay(context, policy, missing), context.site, protocol_of(context))
    fresh = daily_results(replayed, protocol_of(context), context.site)
    return pl.concat([stored.select(fresh.columns), fresh]).sort("day") if known else fresh


def _stored(context: Context, table: Table, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Rows of the lake that hold for the present configuration, with `policy`, without bookkeeping columns."""
    paths = [context.lake.path(table, context.site_name, day) for day in days]
    rows = context.lake.read_paths(table, [path for path in paths if path.exists()])
    if policy == ORACLE:
        day_column = table.day_column
        rows = rows.select("site", day_column, pl.lit(ORACLE).alias("policy"), pl.exclude("site", day_column))
    version = config_version(context.site_settings, "oracle" if policy == ORACLE else "policies")
    held = rows.filter((pl.col("policy") == policy) & (pl.col("config_version") == version))
    return held.drop(_BOOKKEEPING, strict=False)


def _months_results(
    context: Context, policies: Sequence[str], days: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Daily results and bills of daily episodes where power is charged, which ties the days of a month together.

    What depends on the days before in the month is replayed over the days asked for: what is stored was worked out
    with the days of its own run.
    """
    from planner.power_oracle import months_oracle, with_bound

    protocol, bounds, schedules = protocol_of(context), None, list[pl.DataFrame]()
    for policy in policies:
        if policy == ORACLE:
            best = months_oracle(_inputs(context, days)[0], context.site, protocol)
            schedule, bounds = best.schedules, best.bounds
        elif policy in PLANNERS:
            schedule = _replay(context, policy, days)
        else:
            stored = _stored(context, POLICY_SCHEDULES, policy, days)
            known = set(stored["local_day"].to_list())
            missing = [day for day in days if day not in known]
            schedule = pl.concat([stored, _replay(context, policy, missing)], how="diagonal") if missing else stored
        schedules.append(only_verified(schedule, context.site, protocol))
    every = pl.concat(schedules, how="diagonal")
    results = daily_results(every, protocol, context.site)
    return results, with_bound(power_bills(every, context.site), results, bounds)


def _continuous_results(
    context: Context, policies: Sequence[str], days: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Daily results of the continuous protocol: a day is charged for what it takes out of the battery for the next.

    Every day settles its change of stored energy at the window's one value, so that the days add up to the window's
    cost. The bills are None where power is not charged.
    """
    from planner.continuous import replay_window, window_settlement

    slots, forecasts, history = _inputs(context, days)
    protocol = protocol_of(context)
    settled = replace(protocol, settlement_value=window_settlement(slots, context.site, protocol))
    schedules = [
        only_verified_window(
            policy, replay_window(policy, slots, forecasts, history, context.site, protocol), context.site, protocol
        )
        for policy in policies
    ]
    every = pl.concat(schedules)
    bills = power_bills(every, context.site) if charges_power(context.site) else None
    return daily_results(every, settled, context.site), bills


def _replay(context: Context, policy: str, days: Sequence[date]) -> pl.DataFrame:
    """Replay a policy on graded days."""
    slots, forecasts, history = _inputs(context, days)
    return replay_days(policy, slots, forecasts, context.site, protocol_of(context), history=history)


def _inputs(context: Context, days: Sequence[date]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Slots of graded days, forecasts made from the morning before them on, and the readings before them."""
    first, last, name = min(days), max(days), context.site_name
    lake, has_pv = context.lake, home_has_pv(context)
    chosen = pl.Series(days, dtype=pl.Date)
    slots = usable_slots(
        lake.read(SLOT_OBSERVATIONS, name, first, last),
        lake.read(SPOT_PRICES, name, first, last),
        lake.read(DATA_QUALITY_DAILY, name, first, last).filter(pl.col("day").is_in(chosen.implode())),
        context.site,
        has_pv=has_pv,
    )
    forecasts = lake.read(SLOT_FORECASTS, name, first - timedelta(days=1), last)
    history = past_readings(context, first, last, reach=SCENARIO_DAYS, has_pv=has_pv)
    return slots, forecasts, history
