"""The daily protocol: every day starts with the same stored energy, on what could be known slot by slot.

With a demand charge, planners know the peaks of the month so far (`monthly`); the oracle here does not see that charge
(`monthly_oracle` does).

Policies here: `idle` (the battery is not used), `self_consumption`, `mpc`, `value`, and `oracle`, which is no policy
but the bound.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import TypeAlias

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.fleet import Homes, by_row
from env.home_rows import by_home
from env.inverter import Command, Decision, Energy, Flows
from env.simulator import Replay, simulate
from env.site import Site
from planner.care.soc_targets import SocTargets, no_targets, scheduled_targets
from planner.demand_charges.bills import has_demand_charge
from planner.errors import UnknownPolicyError
from planner.forecasts.central import central_forecasts
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.slot_arrays import NEEDED, needed_arrays
from planner.parallel import map_shards
from planner.policies.mpc import Mpc, exact_program, valued_span
from planner.policies.value_policy import ValueDays
from planner.policies.write_budget import WriteBudget
from planner.policy_names import PLANNERS
from planner.replay.daily_episodes import DailyEpisodes, Expectations
from planner.replay.schedules import (
    ORACLE_SECONDS,
    READINGS,
    check_whole,
    constant_command,
    empty_schedule,
    leaving_reserve,
    replay_of_plan,
    schedule_frame,
    shards_of_days,
    slot_table,
    unused_battery,
    world_of,
)
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past, day_scenarios
from planner.value.scenarios import Scenarios, joined_scenarios
from planner.value.value_function import ValueFunction, soc_grid, soc_grids, value_function

VALUE_DAYS = 200  # days planned together by the value function: 66 MB
Home: TypeAlias = tuple[Site, Protocol]
"""A home, and how its days begin and are settled."""
_log = logging.getLogger(__name__)


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
    """Replay a policy on each day.

    Args:
        policy: one of `REPLAYERS`.
        slots: `slot_start, local_day, import_price, export_price, load_kwh, pv_kwh` of whole days.
        forecasts: `slot_start, local_day` (of the vintage)`, load_kwh, pv_kwh`; only the oracle and the simple
            policies do without.
        site: battery, limits, time zone.
        protocol: start and settlement.
        history: readings `slot_start, load_kwh, pv_kwh` from `SCENARIO_DAYS` before the first day on, null where there
            is none; planners take their scenarios from it, without any from the forecasts. Or the scenarios
            of each day themselves, as its midnight saw them (`planner.forecasts.aurora`).
        workers: processes at most; None for one per core.

    Returns:
        The slots with `policy`, the command (`charge_kw, discharge_kw, export_kw`), the flows, `soc_start_kwh`,
        `soc_end_kwh`, `cost` and `reason`.

    Raises:
        UnknownPolicyError: no such policy.
        IncompleteDayError: a slot has no finite price, load or PV, or a day is not whole.
    """
    if policy not in REPLAYERS:
        message = f"policy {policy!r} is not known; known: {', '.join(REPLAYERS)}"
        raise UnknownPolicyError(message)
    known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
    if known.is_empty():
        return empty_schedule(policy, known)
    planned = planned_slots(known, forecasts, site)
    if policy in PLANNERS and has_demand_charge(site):
        return _months([policy], planned, site, protocol, history=history, workers=workers)[policy]
    shards = shards_of_days(planned) if policy in REPLANNED else [planned]
    read = history if history is not None and policy in ON_SCENARIOS else known.select(READINGS).clear()
    replayed = map_shards(partial(replay_shard, policy, [(site, protocol)], read), shards, workers=workers)
    return pl.concat([schedules[0] for schedules in replayed]).sort("slot_start")


def replay_policies(
    policies: Sequence[str],
    slots: pl.DataFrame,
    forecasts: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: Past | None = None,
) -> list[pl.DataFrame]:
    """Replay policies on each day, as `replay_days` does one by one; planners of a demand charge share their months."""
    planners = [policy for policy in policies if policy in PLANNERS]
    together: Mapping[str, pl.DataFrame] = {}
    if len(planners) > 1 and has_demand_charge(site) and not slots.is_empty():
        known = slots.select("slot_start", "local_day", *NEEDED).sort("slot_start")
        together = _months(
            planners, planned_slots(known, forecasts, site), site, protocol, history=history, workers=None
        )
    return [
        together[policy]
        if policy in together
        else replay_days(policy, slots, forecasts, site, protocol, history=history)
        for policy in policies
    ]


def planned_slots(known: pl.DataFrame, forecasts: pl.DataFrame, site: Site) -> pl.DataFrame:
    """Return slots with the forecasts of their mornings; refuse days that are not whole."""
    needed_arrays(known)
    check_whole(known, site.timezone)
    keys = by_home(known, "slot_start", "local_day")
    return known.join(central_forecasts(forecasts, keys), on=keys, how="left", maintain_order="left")


def _months(
    policies: Sequence[str],
    planned: pl.DataFrame,
    site: Site,
    protocol: Protocol,
    *,
    history: Past | None,
    workers: int | None,
) -> dict[str, pl.DataFrame]:
    """Replay months with a demand charge, where a day depends on the peaks of the days before it."""
    from planner.replay.monthly import replay_months  # SciPy's solver is needed there only

    read = history if history is not None else planned.select(READINGS).clear()
    found = replay_months(policies, planned, site, protocol, history=read, workers=workers)
    return {
        policy: pl.concat([schedule_frame(policy, slots, replay) for slots, replay in days]).sort("slot_start")
        for policy, days in zip(policies, found, strict=True)
    }


def replay_shard(policy: str, homes: Sequence[Home], history: Past, slots: pl.DataFrame) -> list[pl.DataFrame]:
    """Replay the same whole days of homes that differ in their battery alone; a schedule a home.

    Days with equally many slots and scenarios are replayed together.

    Args:
        policy: one of `REPLAYERS`.
        homes: of one tariff and time zone.
        history: as for `replay_days`; of policies without scenarios it may be anything.
        slots: of `planned_slots`; of several houses with `site`, by house and slot, and `history` with it too.
    """
    sized = slots.with_columns(n_slots=pl.len().over(by_home(slots, "local_day")), n_scenarios=pl.lit(0))
    if isinstance(history, Mapping):
        counts = {day: history[day].load_kwh.shape[1] for day in slots["local_day"].unique()}
        sized = sized.with_columns(n_scenarios=pl.col("local_day").replace_strict(counts, return_dtype=pl.Int32))
    equal = sized.partition_by("n_slots", "n_scenarios", maintain_order=True)
    rows = [(site, (protocol,)) for site, protocol in homes]
    timezone = homes[0][0].timezone
    parts = [replay_equal(policy, rows, history, part.drop("n_scenarios"), timezone) for part in equal]
    return [pl.concat(schedules) for schedules in zip(*parts, strict=True)]


def replay_equal(
    policy: str,
    homes: Sequence[tuple[Homes, tuple[Protocol, ...]]],
    history: Past,
    slots: pl.DataFrame,
    timezone: str,
) -> list[pl.DataFrame]:
    """Replay days with equally many slots, arrays `(n_days, n_slots)`: a schedule for each of the homes.

    Args:
        policy: one of `REPLAYERS`.
        homes: each a home of all days, or the homes of each day, with start and settlement of each of them.
        history: as for `replay_shard`.
        slots: as for `replay_shard`, with their number in a day, `n_slots`.
        timezone: of all homes.
    """
    n_slots = int(slots["n_slots"][0])
    world = world_of(slots, n_slots)
    scenarios = _scenarios(
        history if policy in ON_SCENARIOS else slots.select(by_home(slots, *READINGS)).clear(), slots, timezone
    )
    load, pv = (slot_table(slots, name, n_slots) for name in ("load_forecast", "pv_forecast"))
    expected, bare = Expectations(load, pv, scenarios), slots.drop("n_slots", "load_forecast", "pv_forecast")
    schedules: list[pl.DataFrame] = []
    for site, protocols in homes:
        targets: SocTargets | None = None
        if isinstance(site, Site):
            targets = scheduled_targets(site, slots["slot_start"], world.import_price, world.export_price)
        replay = REPLAYERS[policy](DailyEpisodes(world, expected, site, protocols, targets))
        schedules.append(schedule_frame(policy, bare, replay))
    return schedules


def _scenarios(history: Past, slots: pl.DataFrame, timezone: str) -> Scenarios:
    """Return the scenarios of days with equally many slots: as given, or the days before them."""
    if not isinstance(history, Mapping):
        return day_scenarios(history, slots, timezone)
    return joined_scenarios([history[day] for day in slots["local_day"].unique(maintain_order=True).to_list()])


def _idle(days: DailyEpisodes) -> Replay:
    """Replay the home without using its battery: one without power, so that surplus is exported."""
    command = constant_command(0.0, by_row(days.homes, lambda site: np.array(full_export_kw(site))))
    unused = unused_battery(days.homes) if isinstance(days.homes, Site) else days.homes.of_kinds(unused_battery)
    return simulate(command, days.world, unused, days.start_soc_kwh)


def _self_consumption(days: DailyEpisodes) -> Replay:
    """Replay surplus into the battery, deficit out of it: what most inverters do by themselves."""
    command = constant_command(by_row(days.homes, lambda site: np.array(site.battery.discharge_kw)), 0.0)
    if days.targets is not None:
        command = leaving_reserve(command, days.targets, days.site.battery)
    return simulate(command, days.world, days.homes, days.start_soc_kwh)


def _mpc(days: DailyEpisodes) -> Replay:
    """Replay days that are planned anew in every slot."""
    site, world, expected = days.site, days.world, days.expected
    grid = soc_grid(site.battery)
    end_value = days.settlements[:, None] * grid
    value = value_function(
        expected.scenarios,
        world.import_price,
        world.export_price,
        site=site,
        end_value=end_value,
        targets=days.targets,
    )
    program = exact_program(site, world.load_kwh.shape[1])
    replays: list[Replay] = []
    for day in range(len(world.load_kwh)):
        own = slice(day, day + 1)
        span = valued_span(
            prices=(world.import_price[day], world.export_price[day]),
            # Without history nothing is expected but what was read last: 86-99 % captured (self-consumption: 3-72 %).
            forecasts=(np.nan_to_num(expected.load_kwh[day]), np.nan_to_num(expected.pv_kwh[day])),
            value=ValueFunction(grid, value.value[own]),
            scenarios=expected.scenarios.part(own),
            targets=None if days.targets is None else days.targets.homes(own),
        )
        mpc = Mpc(site, span, budget=WriteBudget(site, days.protocol.write_budget), program=program)
        replays.append(_mpc_day(days.part(own), mpc))
    return _stacked(replays)


def _mpc_day(day: DailyEpisodes, mpc: Mpc) -> Replay:
    world = day.world

    def decide(slot: int, soc_kwh: Energy) -> Command:
        before = slot - 1
        last = (world.load_kwh[0, before], world.pv_kwh[0, before]) if slot > 0 else (None, None)
        return mpc.command(slot, float(soc_kwh[0]), *last)

    return simulate(decide, world, day.site, day.start_soc_kwh)


def _value(days: DailyEpisodes) -> Replay:
    """Replay the policy `value`, so many days at once as there is memory for."""
    starts = range(0, len(days.world.load_kwh), VALUE_DAYS)
    return _stacked([_value_days(days.part(slice(start, start + VALUE_DAYS))) for start in starts])


def _value_days(days: DailyEpisodes) -> Replay:
    """Replay `value` over days that are decided at once."""
    world = days.world
    policy = ValueDays(
        site=days.homes,
        scenarios=days.expected.scenarios,
        import_price=world.import_price,
        export_price=world.export_price,
        end_value=days.settlements[:, None] * soc_grids(days.homes),
        targets=days.targets,
    )

    def decide(slot: int, soc_kwh: Energy) -> Decision:
        last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)
        return policy.command(slot, soc_kwh, *last)

    return simulate(decide, world, days.homes, days.start_soc_kwh)


def _oracle(days: DailyEpisodes) -> Replay:
    """Solve in perfect hindsight, each day from scratch, so that it does not depend on its neighbours."""
    n_days, n_slots = days.world.load_kwh.shape
    programs: dict[int, HomeProgram] = {}
    replays: list[Replay] = []
    for number in range(n_days):
        day, kind = days.day(number), int(days.which[number])
        if kind not in programs:
            programs[kind] = HomeProgram(day.site.commanded, n_slots, targets=no_targets(day.site, n_slots))
        replays.append(_oracle_day(programs[kind], day))
    return _stacked(replays)


def _oracle_day(program: HomeProgram, day: DailyEpisodes) -> Replay:
    """The best schedule as flows, with the commands that give them."""
    world, protocol = day.world, day.protocol
    import_price, export_price = world.import_price[0], world.export_price[0]
    program.clear_basis()
    program.set_prices(import_price, export_price, protocol.settlement(import_price, program.site.battery))
    program.set_house(world.load_kwh[0], world.pv_kwh[0], export_price)
    program.start_at(0, protocol.start_soc_kwh)
    if day.targets is not None:
        program.set_targets(day.targets)
    solution = program.solve(time_limit=ORACLE_SECONDS)
    if solution.record.gap > 0:
        _log.warning("an oracle day is within %.2g of its optimum only: %s", solution.record.gap, solution.record)
    return replay_of_plan(solution.flows, world, program.site, protocol.start_soc_kwh)


def _stacked(days: list[Replay]) -> Replay:
    """Replays of single days as one."""

    def join(arrays: list[Energy]) -> Energy:
        return np.concatenate(arrays, axis=0)

    flows = Flows(*(join([getattr(day.flows, field.name) for day in days]) for field in fields(Flows)))
    commands = Command(*(join([day.commands[i] for day in days]) for i in range(len(Command._fields))))
    return Replay(commands, flows, join([day.soc_kwh for day in days]), join([day.cost for day in days]))


Replayer: TypeAlias = Callable[[DailyEpisodes], Replay]
REPLAYERS: dict[str, Replayer] = {
    "idle": _idle,
    "self_consumption": _self_consumption,
    "mpc": _mpc,
    "value": _value,
    "oracle": _oracle,
}
REPLANNED = frozenset({"mpc"})
ON_SCENARIOS = frozenset({"mpc", "value"})
