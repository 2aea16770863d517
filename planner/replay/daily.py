"""Replays policies over daily episodes: every day from the same stored energy, on what could be known slot by slot.

Where power is charged, planners know the peaks of the month so far (`power_replay`); the oracle here does not see that
charge (`power_oracle` does).

Policies here: `idle` (the battery is not used), `self_consumption`, `mpc`, `value`, and `oracle`, which is no policy
but the bound.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import partial
from typing import TypeAlias

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Energy, Flows, slot_limit
from env.simulator import Decide, Replay, World, simulate, slot_cost
from env.site import Site
from env.time_grid import slot_count
from planner.demand_charges.bills import charges_power
from planner.errors import IncompleteDayError, UnknownPolicyError
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.plan_commands import exact_commands
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.optimizer.solution import CHARGE, DISCHARGE, EXPORT, IMPORT, SOC, SPILL
from planner.parallel import map_shards
from planner.plans.reasons import with_reasons
from planner.policies.mpc import Mpc, Span, exact_program
from planner.policies.value_policy import replay_value
from planner.policies.write_budget import Steadiness
from planner.policy_names import PLANNERS
from planner.value.protocol import Protocol
from planner.value.scenario_source import day_scenarios, joined_scenarios
from planner.value.scenario_weights import Beliefs
from planner.value.value_function import Scenarios, ValueFunction, soc_grid, value_function

SHARD_DAYS = 60  # days whose re-planning outweighs the start of a process
VALUE_DAYS = 200  # days planned together by the value function: 66 MB
ORACLE_SECONDS = 60.0  # a bound is worth waiting for; with ordinary prices it takes a millisecond
_log = logging.getLogger(__name__)
Past: TypeAlias = pl.DataFrame | Mapping[date, Scenarios]
READINGS = ("slot_start", "load_kwh", "pv_kwh")
_FLOW_COLUMNS = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")


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
    central = forecasts.filter(pl.col("quantile") == 0.5) if "quantile" in forecasts.columns else forecasts  # noqa: PLR2004 - the median
    expected = central.select("slot_start", "local_day", load_forecast="load_kwh", pv_forecast="pv_kwh")
    planned = known.join(expected, on=["slot_start", "local_day"], how="left", maintain_order="left")
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
        raise ValueError(message)  # noqa: TRY004 - both types are right, elsewhere
    read = history if history is not None else planned.select(READINGS).clear()
    days = replay_months(policy, planned, site, protocol, history=read, workers=workers)
    return pl.concat([schedule_frame(policy, slots, replay) for slots, replay in days]).sort("slot_start")


def check_whole(slots: pl.DataFrame, timezone: str) -> None:
    """Refuse part of a day, which would be settled as if the day had ended there.

    Raises:
        IncompleteDayError: a day has more or fewer slots than the calendar gives it, or one of them twice.
    """
    for day, found in slots.group_by("local_day", maintain_order=True).len().iter_rows():
        if found != (whole := slot_count(day, timezone)):
            message = f"{day} has {found} of {whole} slots; give whole local days of {timezone}"
            raise IncompleteDayError(message)
    twice = slots.filter(pl.col("slot_start").is_duplicated())
    if twice.height:
        message = f"{twice['local_day'][0]}: slot {twice['slot_start'][0]} comes twice; give every slot once"
        raise IncompleteDayError(message)


def shards_of_days(slots: pl.DataFrame) -> list[pl.DataFrame]:
    """The slots cut into pieces of whole days, small enough that every core has work."""
    days = slots["local_day"].unique().sort()
    pieces = max(1, -(-len(days) // SHARD_DAYS))
    index = {day: i * pieces // len(days) for i, day in enumerate(days.to_list())}
    keyed = slots.with_columns(piece=pl.col("local_day").replace_strict(index, return_dtype=pl.Int32))
    return [piece.drop("piece") for piece in keyed.partition_by("piece", maintain_order=True)]


def _replay_shard(policy: str, site: Site, protocol: Protocol, history: Past, slots: pl.DataFrame) -> pl.DataFrame:
    """Replay whole days, those with equally many slots together."""
    sized = slots.with_columns(n_slots=pl.len().over("local_day"))
    equal = sized.partition_by("n_slots", maintain_order=True)
    return pl.concat([_replay_equal(policy, site, protocol, history, part) for part in equal])


def _replay_equal(policy: str, site: Site, protocol: Protocol, history: Past, slots: pl.DataFrame) -> pl.DataFrame:
    """Replay days with equally many slots: arrays `(n_days, n_slots)`."""
    shape = (-1, int(slots["n_slots"][0]))

    def table(name: str) -> Energy:
        return slots[name].cast(pl.Float64).to_numpy().reshape(shape)

    world = World(table("load_kwh"), table("pv_kwh"), table("import_price"), table("export_price"))
    scenarios = _scenarios(history if policy in ON_SCENARIOS else slots.select(READINGS).clear(), slots, site.timezone)
    expected = Expectations(table("load_forecast"), table("pv_forecast"), scenarios)
    replay = POLICIES[policy](world, expected, site, protocol)
    return schedule_frame(policy, slots.drop("n_slots", "load_forecast", "pv_forecast"), replay)


def _scenarios(history: Past, slots: pl.DataFrame, timezone: str) -> Scenarios:
    """What days of equally many slots may be: as told, or as the days before them were."""
    if not isinstance(history, Mapping):
        return day_scenarios(history, slots, timezone)
    return joined_scenarios([history[day] for day in slots["local_day"].unique(maintain_order=True).to_list()])


def schedule_frame(policy: str, slots: pl.DataFrame, replay: Replay) -> pl.DataFrame:
    """What happened as a table: the slots with policy, command, flows, stored energy, cost and reason."""
    columns = {name: getattr(replay.flows, name).ravel() for name in _FLOW_COLUMNS}
    told = {name: getattr(replay.commands, name).ravel() for name in Command._fields}
    frame = slots.with_columns(
        pl.lit(policy).alias("policy"),
        **told,
        **columns,
        soc_start_kwh=replay.soc_kwh[:, :-1].ravel(),
        soc_end_kwh=replay.soc_kwh[:, 1:].ravel(),
        cost=replay.cost.ravel(),
    )
    return with_reasons(frame)


def _idle(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """The home without using its battery: a battery without power, so that surplus is sold and nothing is stored."""
    del expected
    return simulate(constant_command(0.0, full_export_kw(site)), world, unused_battery(site), _start(world, protocol))


def unused_battery(site: Site) -> Site:
    """The home with a battery that has no power."""
    return replace(site, battery=replace(site.battery, charge_kw=0.0, discharge_kw=0.0))


def _self_consumption(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Surplus into the battery, deficit out of it: what most inverters do by themselves."""
    del expected
    return simulate(constant_command(site.battery.discharge_kw, 0.0), world, site, _start(world, protocol))


def _mpc(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Every day re-planned slot by slot."""
    grid, scenarios = soc_grid(site.battery), expected.scenarios
    settlement = np.array([protocol.settlement(prices, site.battery) for prices in world.import_price])
    value = value_function(
        scenarios, world.import_price, world.export_price, site=site, end_value=settlement[:, None] * grid
    )
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
    """The value function's choice."""
    starts = range(0, len(world.load_kwh), VALUE_DAYS)
    parts = [slice(start, start + VALUE_DAYS) for start in starts]
    return _stacked([replay_value(_rows(world, part), expected.scenarios.part(part), site, protocol) for part in parts])


def _oracle(world: World, expected: Expectations, site: Site, protocol: Protocol) -> Replay:
    """Perfect hindsight, day by day; each day solved from scratch, so that it does not depend on its neighbours."""
    del expected
    program = HomeProgram(site.commanded, world.load_kwh.shape[1])
    return _stacked([_oracle_day(program, _row(world, day), protocol) for day in range(len(world.load_kwh))])


def _oracle_day(program: HomeProgram, world: World, protocol: Protocol) -> Replay:
    """The best schedule as flows, with the commands that give them."""
    battery = program.site.battery
    import_price, export_price = world.import_price[0], world.export_price[0]
    program.forget()
    program.set_prices(import_price, export_price, protocol.settlement(import_price, battery))
    program.set_house(world.load_kwh[0], world.pv_kwh[0], export_price)
    program.start_at(0, protocol.start_soc_kwh)
    solution = program.solve(time_limit=ORACLE_SECONDS)
    if solution.record.gap > 0:
        _log.warning("an oracle day is within %.2g of its optimum only: %s", solution.record.gap, solution.record)
    flows = as_flows(np.maximum(solution.flows, 0.0)[None], program.site)
    commands = exact_commands(
        charge_kwh=flows.charge_kwh, discharge_kwh=flows.discharge_kwh, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh
    )
    soc = np.concatenate([[[protocol.start_soc_kwh]], flows.soc_end_kwh], axis=1)
    return Replay(commands, flows, soc, slot_cost(flows, world, battery))


def as_flows(planned: Energy, site: Site) -> Flows:
    """The optimiser's columns `(n_days, n_slots, 6)` as flows."""
    bought = planned[..., IMPORT]
    nothing = np.zeros_like(bought)
    return Flows(
        import_kwh=bought,
        export_kwh=planned[..., EXPORT],
        charge_kwh=planned[..., CHARGE],
        discharge_kwh=planned[..., DISCHARGE],
        curtailed_kwh=planned[..., SPILL],
        soc_end_kwh=planned[..., SOC],
        clamped_kwh=nothing,
        breach_kwh=np.maximum(bought - slot_limit(site.limits.import_kw), 0.0),
    )


def constant_command(discharge_kw: float, export_kw: float) -> Decide:
    """The same command in every slot."""

    def decide(slot: int, soc_kwh: Energy) -> Command:
        del slot
        nothing = np.zeros_like(soc_kwh)
        return Command(nothing, nothing + discharge_kw, nothing + export_kw)

    return decide


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


def empty_schedule(policy: str, slots: pl.DataFrame) -> pl.DataFrame:
    """The result for no days at all."""
    numbers = (*Command._fields, *_FLOW_COLUMNS, "soc_start_kwh", "soc_end_kwh", "cost")
    return slots.with_columns(
        pl.lit(policy).alias("policy"),
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in numbers),
        pl.lit("").alias("reason"),
    )


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
