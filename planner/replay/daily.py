"""Replays policies over daily episodes: every day from the same stored energy, on what could be known slot by slot.

Where power is charged, planners know the peaks of the month so far (`power_replay`); the oracle here does not see that
charge (`power_oracle` does).

Policies here: `idle` (the battery is not used), `self_consumption`, `mpc`, `value`, and `oracle`, which is no policy
but the bound.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from typing import TypeAlias

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Energy, Flows
from env.simulator import Replay, World, simulate
from env.site import Site
from planner.demand_charges.bills import charges_power
from planner.errors import ReplayHistoryError, UnknownPolicyError
from planner.forecasts.central import central_forecasts
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.parallel import map_shards
from planner.policies.mpc import Mpc, Span, exact_program
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import Steadiness
from planner.policy_names import PLANNERS
from planner.replay.schedules import (
    ORACLE_SECONDS,
    READINGS,
    check_whole,
    constant_command,
    empty_schedule,
    replay_of_plan,
    schedule_frame,
    shards_of_days,
    slot_table,
    unused_battery,
    world_of,
)
from planner.value.protocol import Protocol
from planner.value.scenario_source import day_scenarios
from planner.value.scenario_weights import Beliefs
from planner.value.scenarios import Scenarios, joined_scenarios
from planner.value.value_function import ValueFunction, soc_grid, value_function

VALUE_DAYS = 200  # days planned together by the value function: 66 MB
_log = logging.getLogger(__name__)
Past: TypeAlias = pl.DataFrame | Mapping[date, Scenarios]


@dataclass(frozen=True)
class Expectations:
    """What is expected of days with equally many slots, as their mornings see them.

    Attributes:
        load_kwh: forecast `(n_days, n_slots)`, nan where there is none [kWh].
        pv_kwh: forecast `(n_days, n_slots)`, nan where there is none [kWh].
        scenarios: what the days may be.
    """

    load_kwh: Energy
    pv_kwh: Energy
    scenarios: Scenarios


def replay_days(
    policy: str,
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: Past | None = None,
    workers: int | None = None,
) -> pl.DataFrame:
    """What a policy does on each day.

    Args:
        policy: one of `POLICIES`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`; only the oracle and the simple
            policies do without.
        site: battery, limits, time zone.
        protocol: start and settlement.
        history: readings `slot_start, load_kwh, pv_kwh` from `SCENARIO_DAYS` before the first day on, null where there
            is none; what planners take their scenarios from. Without any they take the forecasts. Or the scenarios
            of each day themselves, as its midnight saw them (`planner.forecasts.aurora`).
        workers: processes at most; None for one per core.

    Returns:
        The slots with `policy`, the command (`charge_kw, discharge_kw, export_kw`), the flows, `soc_start_kwh`,
        `soc_end_kwh`, `cost` and `reason`.

    Raises:
        UnknownPolicyError: no such policy.
        IncompleteDayError: a slot has no finite price, load or PV, or a day is not whole.
    """
    if policy not in POLICIES:
        message = f"policy {policy!r} is not known; known: {', '.join(POLICIES)}"
        raise UnknownPolicyError(message)
    known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
    if known.is_empty():
        return empty_schedule(policy, known)
    needed_arrays(known)
    check_whole(known, site.timezone)
    planned = known.join(
        central_forecasts(forecasts), on=["slot_start", "local_day"], how="left", maintain_order="left"
    )
    if policy in PLANNERS and charges_power(site):
        return _months(policy, planned, site, protocol, history=history, workers=workers)
    shards = shards_of_days(planned) if policy in REPLANNED else [planned]
    read = history if history is not None and policy in ON_SCENARIOS else known.select(READINGS).clear()
    replayed = map_shards(partial(_replay_shard, policy, site, protocol, read), shards, workers=workers)
    return pl.concat(replayed).sort("slot_start")


def _months(
    policy: str,
    planned: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: Past | None,
    workers: int | None,
) -> pl.DataFrame:
    """The same where power is charged and a day depends on the peaks of the days before it."""
    from planner.replay.monthly import replay_months  # SciPy's solver is needed there only

    if isinstance(history, Mapping):
        message = "where power is charged, months are replayed on readings; give those instead of scenarios"
        raise ReplayHistoryError(message)
    read = history if history is not None else planned.select(READINGS).clear()
    days = replay_months(policy, planned, site, protocol, history=read, workers=workers)
    return pl.concat([schedule_frame(policy, slots, replay) for slots, replay in days]).sort("slot_start")


def _replay_shard(policy: str, site: Site, protocol: Protocol, history: Past, slots: pl.DataFrame) -> pl.DataFrame:
    """Replay whole days, those with equally many slots together."""
    sized = slots.with_columns(n_slots=pl.len().over("local_day"))
    equal = sized.partition_by("n_slots", maintain_order=True)
    return pl.concat([_replay_equal(policy, site, protocol, history, part) for part in equal])


def _replay_equal(policy: str, site: Site, protocol: Protocol, history: Past, slots: pl.DataFrame) -> pl.DataFrame:
    """Replay days with equally many slots: arrays `(n_days, n_slots)`."""
    n_slots = int(slots["n_slots"][0])
    world = world_of(slots, n_slots)
    scenarios = _scenarios(history if policy in ON_SCENARIOS else slots.select(READINGS).clear(), slots, site.timezone)
    load, pv = (slot_table(slots, name, n_slots) for name in ("load_forecast", "pv_forecast"))
    expected = Expectations(load, pv, scenarios)
    replay = POLICIES[policy](world, expected, site, protocol)
    return schedule_frame(policy, slots.drop("n_slots", "load_forecast", "pv_forecast"), replay)


def _scenarios(history: Past, slots: pl.DataFrame, timezone: str) -> Scenarios:
    """What days of equally many slots may be: as told, or as the days before them were."""
    if not isinstance(history, Mapping):
        return day_scenarios(history, slots, timezone)
    return joined_scenarios([history[day] for day in slots["local_day"].unique(maintain_order=True).to_list()])


def _idle(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """The home without using its battery: a battery without power, so that surplus is sold and nothing is stored."""
    del expected
    return simulate(constant_command(0.0, full_export_kw(site)), world, unused_battery(site), _start(world, protocol))


def _self_consumption(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Surplus into the battery, deficit out of it: what most inverters do by themselves."""
    del expected
    return simulate(constant_command(site.battery.discharge_kw, 0.0), world, site, _start(world, protocol))


def _mpc(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Every day re-planned slot by slot."""
    grid, scenarios = soc_grid(site.battery), expected.scenarios
    end_value = _settlements(world, site, protocol)[:, None] * grid
    value = value_function(scenarios, world.import_price, world.export_price, site=site, end_value=end_value)
    program = exact_program(site, world.load_kwh.shape[1])
    days: list[Replay] = []
    for day in range(len(world.load_kwh)):
        own = slice(day, day + 1)
        span = Span(
            import_price=world.import_price[day],
            export_price=world.export_price[day],
            # Without history nothing is expected but what was read last: 86-99 % captured (self-consumption: 3-72 %).
            load_forecast=np.nan_to_num(expected.load_kwh[day]),
            pv_forecast=np.nan_to_num(expected.pv_kwh[day]),
            value=ValueFunction(grid, value.value[own]),
            beliefs=Beliefs(scenarios.part(own)),
        )
        mpc = Mpc(site, span, steadiness=Steadiness(site, protocol.steadiness), program=program)
        days.append(_mpc_day(_row(world, day), mpc, site, protocol))
    return _stacked(days)


def _mpc_day(world: World, mpc: Mpc, site: Site, protocol: Protocol) -> Replay:
    def decide(slot: int, soc_kwh: Energy) -> Command:
        before = slot - 1
        last = (world.load_kwh[0, before], world.pv_kwh[0, before]) if slot > 0 else (None, None)
        return mpc.command(slot, float(soc_kwh[0]), *last)

    return simulate(decide, world, site, _start(world, protocol))


def _value(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Replay the policy `value`, so many days at once as memory is spared for."""
    starts = range(0, len(world.load_kwh), VALUE_DAYS)
    parts = [slice(start, start + VALUE_DAYS) for start in starts]
    return _stacked([replay_value(_rows(world, part), expected.scenarios.part(part), site, protocol) for part in parts])


def replay_value(world: World, scenarios: Scenarios, site: Site, protocol: Protocol) -> Replay:
    """Replay `value` over days with equally many slots; `scenarios` has as many homes as `world` days."""
    days = ValueDays(
        site=site,
        scenarios=scenarios,
        import_price=world.import_price,
        export_price=world.export_price,
        end_value=_settlements(world, site, protocol)[:, None] * soc_grid(site.battery),
    )

    def decide(slot: int, soc_kwh: Energy) -> Command:
        last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)
        return days.command(slot, soc_kwh, *last)

    return simulate(decide, world, site, _start(world, protocol))


def _oracle(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Perfect hindsight, day by day; each day solved from scratch, so that it does not depend on its neighbours."""
    del expected
    program = HomeProgram(site.commanded, world.load_kwh.shape[1])
    return _stacked([_oracle_day(program, _row(world, day), protocol) for day in range(len(world.load_kwh))])


def _oracle_day(program: HomeProgram, world: World, protocol: Protocol) -> Replay:
    """The best schedule as flows, with the commands that give them."""
    import_price, export_price = world.import_price[0], world.export_price[0]
    program.forget()
    program.set_prices(import_price, export_price, protocol.settlement(import_price, program.site.battery))
    program.set_house(world.load_kwh[0], world.pv_kwh[0], export_price)
    program.start_at(0, protocol.start_soc_kwh)
    solution = program.solve(time_limit=ORACLE_SECONDS)
    if solution.record.gap > 0:
        _log.warning("an oracle day is within %.2g of its optimum only: %s", solution.record.gap, solution.record)
    return replay_of_plan(solution.flows, world, program.site, protocol.start_soc_kwh)


def _settlements(world: World, site: Site, protocol: Protocol) -> Energy:
    """Return the settlement value of each day `(n_days,)` [money/kWh]."""
    return np.array([protocol.settlement(prices, site.battery) for prices in world.import_price])


def _start(world: World, protocol: Protocol) -> Energy:
    return np.full(len(world.load_kwh), protocol.start_soc_kwh)


def _row(world: World, day: int) -> World:
    """One day of a world, still two-dimensional."""
    return _rows(world, slice(day, day + 1))


def _rows(world: World, days: slice) -> World:
    """Some days of a world."""
    return World(*(table[days] for table in vars(world).values()))


def _stacked(days: list[Replay]) -> Replay:
    """Replays of single days as one."""

    def join(arrays: list[Energy]) -> Energy:
        return np.concatenate(arrays, axis=0)

    flows = Flows(*(join([getattr(day.flows, field.name) for day in days]) for field in fields(Flows)))
    commands = Command(*(join([day.commands[i] for day in days]) for i in range(len(Command._fields))))
    return Replay(commands, flows, join([day.soc_kwh for day in days]), join([day.cost for day in days]))


Replayer: TypeAlias = Callable[[World, Expectations, Site, Protocol], Replay]
POLICIES: dict[str, Replayer] = {
    "idle": _idle,
    "self_consumption": _self_consumption,
    "mpc": _mpc,
    "value": _value,
    "oracle": _oracle,
}
REPLANNED = frozenset({"mpc"})
ON_SCENARIOS = frozenset({"mpc", "value"})
