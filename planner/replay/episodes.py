"""Graded days as the episodes that environments run: with forecasts, the value function's outlook, and a baseline.

The outlook is that of `planner.policies.outlook`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from env.gym.episodes import Episodes, joined
from env.inverter import Energy
from env.simulator import Replay
from env.site import Site
from env.time_grid import local_clock
from planner.care.soc_targets import SocTargets
from planner.errors import UnknownPolicyError
from planner.forecasts.central import central_forecasts
from planner.policies.mpc import Mpc, exact_program, known_span
from planner.policies.outlook import day_outlook
from planner.policies.write_budget import WriteBudget
from planner.replay.daily import REPLAYERS
from planner.replay.daily_episodes import DailyEpisodes, Expectations
from planner.replay.schedules import READINGS, slot_table, world_of
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource, day_scenarios
from planner.value.scenarios import Scenarios
from planner.value.value_function import GRID_POINTS, soc_grid


def rl_episodes(
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: pl.DataFrame | ScenarioSource | None = None,
    n_soc: int = GRID_POINTS,
    baseline: str | None = None,
) -> Episodes:
    """Days of one home as episodes, one row a day, in order of time within each length of day.

    Args:
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`, with `quantile` or without.
        site: battery, limits, time zone.
        protocol: start and settlement.
        history: readings `slot_start, load_kwh, pv_kwh` before the days, as `replay_days` takes them; or where
            scenarios come from and how they are weighted.
        n_soc: points of stored energy in the outlook; with the value function's own (61) an uncorrected `correction`
            is the policy `value` to the bit, with 21 it captures 0.24-0.26 points less (train weeks of two homes).
        baseline: policy whose slot costs rewards may be measured against, its settlement in the last slot.

    Raises:
        UnknownPolicyError: no such baseline.
    """
    if baseline is not None and baseline not in REPLAYERS:
        message = f"policy {baseline!r} is not known; known: {', '.join(REPLAYERS)}"
        raise UnknownPolicyError(message)
    read = history if history is not None else slots.select(READINGS).clear()
    source = read if isinstance(read, ScenarioSource) else ScenarioSource(history=read)
    parts = slots_by_length(slots, forecasts, site)
    return joined([equal_days(part, source, site, protocol, n_soc=n_soc, baseline=baseline) for part in parts])


def slots_by_length(slots: pl.DataFrame, forecasts: pl.DataFrame, site: Site) -> list[pl.DataFrame]:
    """Slots with their forecasts, days with equally many slots together."""
    planned = (
        slots.sort("slot_start")
        .join(central_forecasts(forecasts), on=["slot_start", "local_day"], how="left", maintain_order="left")
        .with_columns(local_clock(site.timezone), n_slots=pl.len().over("local_day"))
    )
    return planned.partition_by("n_slots", maintain_order=True)


def row_scenarios(
    slots: pl.DataFrame, forecasts: pl.DataFrame, site: Site, *, history: pl.DataFrame
) -> list[Scenarios]:
    """Return the scenarios of each day that MPC plans on, in the order of `rl_episodes`' rows; arguments as there."""
    found: list[Scenarios] = []
    for part in slots_by_length(slots, forecasts, site):
        together = day_scenarios(history, part, site.timezone)
        found += [together.part(slice(day, day + 1)) for day in range(len(together.load_kwh))]
    return found


def equal_days(
    slots: pl.DataFrame,
    source: ScenarioSource,
    site: Site,
    protocol: Protocol,
    *,
    n_soc: int = GRID_POINTS,
    baseline: str | None = None,
    targets: SocTargets | None = None,
) -> Episodes:
    """Episodes of days with equally many slots, as `slots_by_length` gives them; the rest as in `rl_episodes`.

    With targets their outlook has the reserve and care in the value of stored energy.
    """
    n_slots = int(slots["n_slots"][0])

    world = world_of(slots, n_slots)
    scenarios = source.scenarios(slots, site.timezone)
    past = scenarios if baseline is None else day_scenarios(source.history, slots, site.timezone)
    load, pv = (slot_table(slots, name, n_slots) for name in ("load_forecast", "pv_forecast"))
    expected = Expectations(load, pv, past)
    settlement = np.array([protocol.settlement(prices, site.battery) for prices in world.import_price])
    replay = None if baseline is None else REPLAYERS[baseline](DailyEpisodes(world, expected, site, (protocol,)))
    n_days = len(world.load_kwh)
    return Episodes(
        sites=(site,),
        home=np.zeros(n_days, dtype=np.intp),
        n_slots=np.full(n_days, n_slots),
        load_kwh=world.load_kwh,
        pv_kwh=world.pv_kwh,
        import_price=world.import_price,
        export_price=world.export_price,
        load_forecast=np.nan_to_num(expected.load_kwh),
        pv_forecast=np.nan_to_num(expected.pv_kwh),
        clock_minutes=slot_table(slots, "local_clock", n_slots),
        start_soc_kwh=np.full(n_days, protocol.start_soc_kwh),
        settlement_value=settlement,
        outlook=day_outlook(
            world,
            scenarios,
            site,
            settlement[:, None] * soc_grid(site.battery, n_soc),
            rules=source.rules,
            targets=targets,
        ),
        labels=tuple(day.isoformat() for day in slots["local_day"].unique(maintain_order=True).to_list()),
        baseline_cost=None if replay is None else settled_cost(replay, settlement),
    )


def settled_cost(replay: Replay, settlement: Energy) -> Energy:
    """Cost of each slot, the stored energy gained over the day settled in the last `(n_days, n_slots)` [money]."""
    cost = replay.cost.copy()
    cost[:, -1] -= settlement * (replay.soc_kwh[:, -1] - replay.soc_kwh[:, 0])
    return cost


def mpc_planners(
    episodes: Episodes, protocol: Protocol, *, scenarios: Sequence[Scenarios] | None = None
) -> Callable[[int], Mpc]:
    """Return a factory of MPC for a row's day, as `env.gym.antares_mpc.AntaresMPCEnv` needs it.

    Args:
        episodes: the rows.
        protocol: write budget of the commands.
        scenarios: of each row's day (`row_scenarios`); None takes the forecasts for certain.
    """

    def planner(row: int) -> Mpc:
        site, n_slots = episodes.sites[int(episodes.home[row])], int(episodes.n_slots[row])
        span = known_span(
            site=site,
            prices=(episodes.import_price[row, :n_slots], episodes.export_price[row, :n_slots]),
            forecasts=(episodes.load_forecast[row, :n_slots], episodes.pv_forecast[row, :n_slots]),
            end_value=float(episodes.settlement_value[row]) * soc_grid(site.battery),
            scenarios=None if scenarios is None else scenarios[row],
        )
        return Mpc(site, span, budget=WriteBudget(site, protocol.write_budget), program=exact_program(site, n_slots))

    return planner
