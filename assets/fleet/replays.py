"""Usable slots, schedules and results of many homes: days of homes that are alike lie side by side in arrays."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import date
from typing import cast

import polars as pl

from assets.fleet.forecasts import is_plain, past_of
from assets.fleet.homes import Homes
from assets.fleet.stages import Stages
from assets.rows.champion import (
    MODEL,
    ReplayedVersion,
    Tell,
    as_champion,
    decided_by,
    replay_version,
    version_in_use,
    with_models,
)
from assets.rows.replays import (
    policy_rows,
    replayed_policies,
    usable_rows,
)
from assets.rows.usable_days import whole_days
from darkstar_pipeline.config.fingerprints import Stage
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.policies.champions import Champion, Champions
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from env.site import Site
from env.tariff import Tariff, TariffVersion
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verified_days import verified_homes
from planner.optimizer.slot_arrays import NEEDED
from planner.policies.adapted_policy import AdaptedPolicy
from planner.policy_names import CHAMPION, FALLBACK, PLANNERS, TOGETHER
from planner.replay.many_homes import replay_homes
from planner.replay.schedules import empty_schedule
from planner.training.antares_slots import training_episodes
from planner.value.protocol import Protocol
from planner.value.scenario_source import SCENARIO_DAYS

_ANY_TARIFF = Tariff((TariffVersion(valid_from=date(2000, 1, 1), vat=0.0, transfer_fee=0.0, energy_tax=0.0),))
"""Stands for the tariffs of homes whose prices are known."""
SLOTS = ("site", "slot_start", "local_day", *NEEDED)


def usable(homes: Homes, observations: pl.DataFrame, prices: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Return the slots of the whole, usable days of the homes, at their prices."""

    def form(home: Context) -> Hashable:
        return home.timezone, home.site.tariff, homes.has_pv[home.site_name]

    rows: list[pl.DataFrame] = []
    for alike in homes.alike(form):
        site, tables = alike.one.site, (alike.own(observations), alike.own(prices), alike.own(quality))
        if any(version.monthly_mean for version in site.tariff.versions):  # the mean is of prices of other days, too
            rows += [_usable_of_one(home, *tables) for home in alike]
        else:
            has_pv = homes.has_pv[alike.one.site_name]
            rows.append(whole_days(*tables, site, has_pv=has_pv, homes=["site"]).select(SLOTS))
    return pl.concat(rows)


def _usable_of_one(home: Context, *tables: pl.DataFrame) -> pl.DataFrame:
    own = [table.filter(pl.col("site") == home.site_name) for table in tables]
    return usable_rows(home, *own).with_columns(site=pl.lit(home.site_name)).select(SLOTS)


def hindsight(homes: Homes, slots: pl.DataFrame, stages: Stages) -> pl.DataFrame:
    """Return the verified schedules of perfect hindsight: rows of `oracle_schedules`, with `policy`."""
    none = pl.DataFrame(schema=SLOT_FORECASTS.schema)
    return _replayed(homes, "oracle", lambda _: ["oracle"], slots, none, none, stages)


def replayed(
    homes: Homes, slots: pl.DataFrame, forecasts: pl.DataFrame, past: dict[int, pl.DataFrame], stages: Stages
) -> pl.DataFrame:
    """Return the verified schedules of each home's policies: rows of `policy_schedules`."""
    apart = [home for home in homes if not is_plain(home) or _plans_months(home)]
    with stages.timed("homes apart"):
        rows = [
            policy_rows(
                home,
                fleet_policies(home),
                homes.first,
                homes.last,
                slots=slots.filter(pl.col("site") == home.site_name).drop("site"),
                forecasts=forecasts.filter(pl.col("site") == home.site_name),
                tell=stages.tell_passed_over,
            ).schedules
            for home in apart
        ]
    gone = {home.site_name for home in apart}
    together = homes.only([name for name in homes.names if name not in gone])
    if together.contexts:
        with stages.timed("forecasts"):
            history = past_of(homes, together, SCENARIO_DAYS, past)
        rows.append(_replayed(together, "policies", fleet_policies, slots, forecasts, history, stages))
    return pl.concat(rows, how="diagonal")


def fleet_policies(home: Context) -> list[str]:
    """Return the policies that a fleet replays of a home: those its settings name, else all but MPC.

    MPC takes a second a home-day, a hundred times what the others take together.
    """
    named = replayed_policies(home)
    return named if "policies" in home.site_settings.model_fields_set else [name for name in named if name != "mpc"]


def _plans_months(home: Context) -> bool:
    """Return whether a planner of a home's days, which depend on its month's peaks, takes one home at a time."""
    apart = {*PLANNERS, CHAMPION} - TOGETHER
    return has_demand_charge(home.site) and any(policy in apart for policy in fleet_policies(home))


def _champions(
    homes: Homes, value: pl.DataFrame, slots: pl.DataFrame, forecasts: pl.DataFrame, champions: Champions, tell: Tell
) -> pl.DataFrame:
    """Return the schedules of `champion` of homes, each by its version; of homes without one those of `value`."""
    rows = [as_champion(value.clear())]
    for home in homes:
        site, own = home.site_name, pl.col("site") == home.site_name
        days = slots.filter(own).drop("site")
        if days.is_empty():
            continue
        version = _version(home, champions, days, tell)
        ahead = forecasts.filter(own).drop("site")
        made = None if version is None else replay_version(home, version, days, ahead, tell)
        if made is None:
            rows.append(as_champion(value.filter(own & (pl.col("policy") == FALLBACK))))
        else:
            rows.append(made.with_columns(site=pl.lit(site)))
    return pl.concat(rows, how="diagonal")


def _version(home: Context, champions: Champions, days: pl.DataFrame, tell: Tell) -> ReplayedVersion | None:
    """Return the version of a home, by the pointer that was read once; one with an Aurora as a single home opens it.

    Raises:
        OutsideServiceError: the store failed: nobody knows what the version would have paid.
        OSError: this machine's disk did.
    """
    found = champions.of(home.site_name, home.site_settings)
    if isinstance(found, Champion):
        return ReplayedVersion(found.identity, AdaptedPolicy(found.policy, found.adaptation), {})
    if found is None:
        return None
    if found.obstacle == "aurora":
        return version_in_use(home, days, tell)
    if found.failure is not None:
        raise found.failure
    tell(home.site_name, f"{found.model}: {found.details}" if found.model else found.details)
    return None


def _replayed(
    homes: Homes,
    stage: Stage,
    policies: Callable[[Context], Sequence[str]],
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    history: pl.DataFrame,
    stages: Stages,
) -> pl.DataFrame:
    """Return verified schedules of homes whose scenarios are their days before."""
    by_policy: dict[str, list[Context]] = {}
    for home in homes:
        named = policies(home)
        for policy in decided_by(named) if CHAMPION in named else named:
            by_policy.setdefault(policy, []).append(home)
    rows = [empty_schedule("", slots.clear())]
    for policy, wanted in by_policy.items():
        own = homes.only([home.site_name for home in wanted])
        with stages.timed(policy):
            protocols = {home.site_name: (home.site, _protocol(home, policy, slots)) for home in wanted}
            rows.append(replay_homes(policy, protocols, own.own(slots), own.own(forecasts), own.own(history)))
    made = pl.concat(rows, how="diagonal")
    if wanted := [home.site_name for home in homes if CHAMPION in policies(home)]:
        with stages.timed(CHAMPION):
            tell, own = stages.tell_passed_over, homes.only(wanted)
            champion = _champions(own, made, slots, forecasts, homes.champions, tell)
        asked = [(home.site_name, policy) for home in homes for policy in policies(home)]
        names = pl.DataFrame(asked, schema={"site": pl.String, "policy": pl.String}, orient="row")
        made = pl.concat([made, champion], how="diagonal").join(names, on=["site", "policy"], how="semi")
    with stages.timed("verification"):
        return _verified(homes, made.with_columns(homes.versions(stage)))


def _protocol(home: Context, policy: str, slots: pl.DataFrame) -> Protocol:
    """Return the start and settlement of a home's days, and for a planner the peaks of its month before them."""
    protocol = protocol_of(home.site_settings, home.site.battery)
    if policy not in PLANNERS or not has_demand_charge(home.site):
        return protocol
    days = slots.filter(pl.col("site") == home.site_name)["local_day"]
    if days.is_empty():
        return protocol
    return replace(protocol, month_before=month_before(home.lake, home.site, cast("date", days.min())))


def _verified(homes: Homes, schedules: pl.DataFrame) -> pl.DataFrame:
    """Return the schedules of homes that nothing is wrong with."""
    kept = [schedules.clear()]
    for alike in homes.alike(_physics):
        site, protocol = _physics(alike.one)
        kept.append(verified_homes(alike.own(schedules), site, protocol))
    return pl.concat(kept, how="diagonal")


def _physics(home: Context) -> tuple[Site, Protocol]:
    """Return all that a home's schedules are verified and settled by, besides its prices."""
    return replace(home.site, name="", tariff=_ANY_TARIFF), protocol_of(home.site_settings, home.site.battery)


def results(homes: Homes, stage: Stage, schedules: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `policy_daily_results`."""
    grades = quality.select("site", "day", pl.col("status").alias("quality"))
    rows: list[pl.DataFrame] = []
    for alike in homes.alike(_physics):
        site, protocol = _physics(alike.one)
        own = alike.own(schedules)
        rows.append(with_models(daily_results(own, protocol, site, homes=["site"]), own, "site"))
    return pl.concat(rows).join(grades, on=["site", "day"], how="left").with_columns(homes.versions(stage))


def episodes(homes: Homes, policies: pl.DataFrame, oracle: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `training_episodes`, of the homes' results."""
    policies = policies.drop(MODEL, strict=False)
    bound = oracle.with_columns(pl.lit("oracle").alias("policy")).select(policies.columns)
    every = pl.concat([policies, bound]).sort("site", "day", "policy")
    rows = [
        training_episodes(alike.own(every), alike.own(quality), alike.one.site, homes=["site"])
        for alike in homes.alike(lambda home: home.timezone)
    ]
    return pl.concat(rows).with_columns(homes.versions("policies"))
