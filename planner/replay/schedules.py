"""Schedules of replays: days checked and cut into shards, arrays of their slots, and replays as tables."""

from dataclasses import replace

import numpy as np
import polars as pl

from env.battery import Battery
from env.home_rows import by_home
from env.inverter import IMPORT_LIMIT, Command, Energy, Flows, slot_limit
from env.simulator import Decide, Replay, World, slot_cost
from env.site import Site
from env.time_grid import slot_count
from planner.care.soc_targets import SocTargets
from planner.errors import IncompleteDayError
from planner.optimizer.plan_commands import exact_commands
from planner.optimizer.slot_arrays import NEEDED
from planner.optimizer.solution import CHARGE, CURTAIL, DISCHARGE, EXPORT, IMPORT, SOC
from planner.plans.reasons import with_reasons
from planner.plans.schedule import null_where_endless

SHARD_DAYS = 60  # days whose re-planning outweighs the start of a process
ORACLE_SECONDS = 60.0  # a bound is worth waiting for; with ordinary prices it takes a millisecond
READINGS = ("slot_start", "load_kwh", "pv_kwh")
_FLOW_COLUMNS = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")


def slot_table(slots: pl.DataFrame, name: str, n_slots: int) -> Energy:
    """Return a column of days with equally many slots as an array `(n_days, n_slots)`."""
    return slots[name].cast(pl.Float64).to_numpy().reshape(-1, n_slots)


def world_of(slots: pl.DataFrame, n_slots: int) -> World:
    """Return prices, load and PV of days with equally many slots, each `(n_days, n_slots)`."""
    import_price, export_price, load, pv = (slot_table(slots, name, n_slots) for name in NEEDED)
    return World(load, pv, import_price, export_price)


def check_whole(slots: pl.DataFrame, timezone: str) -> None:
    """Refuse part of a day, which would be settled as if the day had ended there.

    Raises:
        IncompleteDayError: a day has more or fewer slots than the calendar gives it, or one of them twice.
    """
    for *_, day, found in slots.group_by(by_home(slots, "local_day"), maintain_order=True).len().iter_rows():
        if found != (whole := slot_count(day, timezone)):
            message = f"{day} has {found} of {whole} slots; give whole local days of {timezone}"
            raise IncompleteDayError(message)
    twice = slots.filter(pl.struct(by_home(slots, "slot_start")).is_duplicated())
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


def schedule_frame(policy: str, slots: pl.DataFrame, replay: Replay) -> pl.DataFrame:
    """Return a replay as a table: the slots with policy, command, flows, stored energy, cost and reason."""
    columns = {name: getattr(replay.flows, name).ravel() for name in _FLOW_COLUMNS}
    commands = {name: getattr(replay.commands, name).ravel() for name in Command._fields}
    if replay.import_limit_kw is not None:
        commands |= {IMPORT_LIMIT: null_where_endless(replay.import_limit_kw.ravel())}
    frame = slots.with_columns(
        pl.lit(policy).alias("policy"),
        **commands,
        **columns,
        soc_start_kwh=replay.soc_kwh[:, :-1].ravel(),
        soc_end_kwh=replay.soc_kwh[:, 1:].ravel(),
        cost=replay.cost.ravel(),
    )
    return with_reasons(frame)


def replay_of_plan(planned: Energy, world: World, site: Site, start_soc_kwh: float) -> Replay:
    """Return the optimiser's plan of one day or window as a replay, with the commands that give its flows.

    Args:
        planned: columns of the plan `(n_slots, 6)`, as `Solution.flows` [kWh].
        world: the same slots `(1, n_slots)`.
        site: battery and limits.
        start_soc_kwh: stored energy at the start [kWh].
    """
    flows = _as_flows(np.maximum(planned, 0.0)[None], site)
    commands = exact_commands(
        charge_kwh=flows.charge_kwh, discharge_kwh=flows.discharge_kwh, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh
    )
    soc = np.concatenate([[[start_soc_kwh]], flows.soc_end_kwh], axis=1)
    return Replay(commands, flows, soc, slot_cost(flows, world, site.battery))


def _as_flows(planned: Energy, site: Site) -> Flows:
    """Return the optimiser's columns `(n_days, n_slots, 6)` as flows."""
    imported = planned[..., IMPORT]
    nothing = np.zeros_like(imported)
    return Flows(
        import_kwh=imported,
        export_kwh=planned[..., EXPORT],
        charge_kwh=planned[..., CHARGE],
        discharge_kwh=planned[..., DISCHARGE],
        curtailed_kwh=planned[..., CURTAIL],
        soc_end_kwh=planned[..., SOC],
        clamped_kwh=nothing,
        breach_kwh=np.maximum(imported - slot_limit(site.limits.import_kw), 0.0),
    )


def leaving_reserve(decide: Decide, targets: SocTargets | None, battery: Battery) -> Decide:
    """Return decisions that leave the reserve in the store; the same where there is none."""
    if targets is None:
        return decide
    return lambda slot, soc_kwh: targets.kept_above(decide(slot, soc_kwh), slot, soc_kwh, battery)


def constant_command(discharge_kw: float | Energy, export_kw: float | Energy) -> Decide:
    """Return a decision that gives the same command in every slot, to all homes or to each."""

    def decide(slot: int, soc_kwh: Energy) -> Command:
        del slot
        nothing = np.zeros_like(soc_kwh)
        return Command(nothing, nothing + discharge_kw, nothing + export_kw)

    return decide


def unused_battery(site: Site) -> Site:
    """Return the home with a battery that has no power."""
    return replace(site, battery=replace(site.battery, charge_kw=0.0, discharge_kw=0.0))


def empty_schedule(policy: str, slots: pl.DataFrame) -> pl.DataFrame:
    """Return the schedule of no days at all."""
    numbers = (*Command._fields, *_FLOW_COLUMNS, "soc_start_kwh", "soc_end_kwh", "cost")
    return slots.with_columns(
        pl.lit(policy).alias("policy"),
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in numbers),
        pl.lit("").alias("reason"),
    )
