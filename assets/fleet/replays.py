"""Usable slots, schedules and results of many homes: days of homes that are alike lie side by side in arrays."""

from collections.abc import Callable, Hashable, Sequence

import polars as pl

from assets.fleet.forecasts import is_plain, past_of
from assets.fleet.homes import Homes
from assets.rows.replays import (
    policy_result_rows,
    policy_rows,
    replayed_policies,
    usable_rows,
    verify_schedules,
)
from assets.rows.usable_days import whole_days
from darkstar_pipeline.config.fingerprints import Stage
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from planner.demand_charges.bills import has_demand_charge
from planner.optimizer.slot_arrays import NEEDED
from planner.policy_names import PLANNERS
from planner.replay.many_homes import replay_homes
from planner.replay.schedules import empty_schedule
from planner.value.scenario_source import SCENARIO_DAYS

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


def hindsight(homes: Homes, slots: pl.DataFrame) -> pl.DataFrame:
    """Return the verified schedules of perfect hindsight: rows of `oracle_schedules`, with `policy`."""
    none = pl.DataFrame(schema=SLOT_FORECASTS.schema)
    return _replayed(homes, "oracle", lambda _: ["oracle"], slots, none, none.clear())


def replayed(homes: Homes, slots: pl.DataFrame, forecasts: pl.DataFrame, past: dict[int, pl.DataFrame]) -> pl.DataFrame:
    """Return the verified schedules of each home's policies: rows of `policy_schedules`."""
    apart = [home for home in homes if not is_plain(home) or _plans_months(home)]
    rows = [
        policy_rows(
            home,
            fleet_policies(home),
            homes.first,
            homes.last,
            slots=slots.filter(pl.col("site") == home.site_name).drop("site"),
            forecasts=forecasts.filter(pl.col("site") == home.site_name),
        ).schedules
        for home in apart
    ]
    gone = {home.site_name for home in apart}
    together = homes.only([name for name in homes.names if name not in gone])
    if together.contexts:
        history = past_of(homes, together, SCENARIO_DAYS, past)
        rows.append(_replayed(together, "policies", fleet_policies, slots, forecasts, history))
    return pl.concat(rows, how="diagonal")


def fleet_policies(home: Context) -> list[str]:
    """Return the policies that a fleet replays of a home: those its settings name, else all but MPC.

    MPC takes a second a home-day, a hundred times what the others take together.
    """
    named = replayed_policies(home)
    return named if "policies" in home.site_settings.model_fields_set else [name for name in named if name != "mpc"]


def _plans_months(home: Context) -> bool:
    """Return whether a home's days depend on the peaks of the month's days before them."""
    return has_demand_charge(home.site) and any(policy in PLANNERS for policy in fleet_policies(home))


def _replayed(
    homes: Homes,
    stage: Stage,
    policies: Callable[[Context], Sequence[str]],
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    history: pl.DataFrame,
) -> pl.DataFrame:
    """Return verified schedules of homes whose scenarios are their days before."""
    by_policy: dict[str, list[Context]] = {}
    for home in homes:
        for policy in policies(home):
            by_policy.setdefault(policy, []).append(home)
    rows = [empty_schedule("", slots.clear())]
    for policy, wanted in by_policy.items():
        protocols = {home.site_name: (home.site, protocol_of(home.site_settings, home.site.battery)) for home in wanted}
        own = homes.only(list(protocols))
        made = replay_homes(policy, protocols, own.own(slots), own.own(forecasts), own.own(history))
        rows.append(made)
    return _verified(homes, pl.concat(rows, how="diagonal").with_columns(homes.versions(stage)))


def _verified(homes: Homes, schedules: pl.DataFrame) -> pl.DataFrame:
    """Return the schedules of homes that nothing is wrong with."""
    by_site = schedules.partition_by("site", as_dict=True)
    return pl.concat(
        [verify_schedules(homes.contexts[str(site)], own).schedules for (site, *_), own in by_site.items()],
        how="diagonal",
    )


def results(homes: Homes, stage: Stage, schedules: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `policy_daily_results`."""
    by_site = schedules.partition_by("site", as_dict=True)
    return pl.concat(
        [
            policy_result_rows(homes.contexts[str(site)], stage, own, quality.filter(pl.col("site") == site))
            for (site, *_), own in by_site.items()
        ]
    )
