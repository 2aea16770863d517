"""What a policy would do over the slots ahead: asked slot after slot, on what is expected, through the inverter.

A policy decides on what it reads; here it is told that everything comes as forecast, so its plan is what it would do on
such a day. The command of the first slot rests on readings alone and is the one that counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Energy, Flows, apply_command
from env.open_loop import simulate_open_loop
from env.simulator import World, simulate, slot_cost
from planner.plans.release import default_loads, flow_columns, simulated
from planner.plans.schedule import schedule_frame
from planner.plans.task import PlanTask
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.rolling import RollingValue
from planner.policies.rolling_learned import RollingLearned
from planner.policies.window import Window
from planner.value.scenario_source import ScenarioSource
from planner.value.value_function import interpolated, soc_grid

TINY_KWH = 1e-9
TOGETHER = 16
"""Slots asked at once: of 8, 16, 24, 32 and 64 the fastest (140 slots)."""


@dataclass(frozen=True, kw_only=True)
class RollingState:
    """What a policy sees of today and of the slots ahead.

    Attributes:
        window: today from its midnight on, and tomorrow as far as prices are known; load and PV are what was read in
            slots that are over, and what is expected elsewhere.
        started_slot: slot at which these prices became known.
        current_slot: slot that is decided.
    """

    window: Window
    started_slot: int
    current_slot: int

    @cached_property
    def world(self) -> World:
        """The slots ahead as they are expected, `(1, n_slots)`."""
        ahead = slice(self.current_slot, None)
        return World(*(table[:, ahead] for table in vars(self.window.world).values()))


@dataclass(frozen=True)
class PolicySchedule:
    """A policy's plan.

    Attributes:
        schedule: as `plan_schedule.schedule_frame`.
        values: value that the policy assigns to the energy stored at each slot's end, on an even grid over the
            battery's range `(n_slots, n_soc)` [money]; NaN where it does not say.
    """

    schedule: pl.DataFrame
    values: Energy

    def stored_value(self, task: PlanTask) -> Energy:
        """What one more kWh stored at each slot's end is worth later `(n_slots,)` [money/kWh]."""
        grid = soc_grid(task.site.battery, self.values.shape[1])
        low = np.clip(np.searchsorted(grid, self.schedule["soc_end_kwh"].to_numpy()) - 1, 0, len(grid) - 2)
        slot = np.arange(task.n_slots)
        return (self.values[slot, low + 1] - self.values[slot, low]) / max(grid[1] - grid[0], TINY_KWH)

    def idle_costs(self, task: PlanTask) -> Energy:
        """What each slot would cost more with the battery idle in it, what is left counted as the policy does [money].

        Not as exact as the optimiser's, which plans the rest anew: here the rest is worth what the policy holds it to
        be; `(n_slots,)`, NaN where it does not say.
        """
        _, export_price, load, pv = task.arrays
        site, schedule, nothing = task.site, self.schedule, np.zeros(task.n_slots)
        others = {name: schedule[name].to_numpy() for name in schedule.columns}
        moved = {name: others[f"{name}_kwh"] for name in task.loads.names}
        for number in range(2, 2 + len(site.extra_batteries)):
            flows = (f"battery_{number}_charge", f"battery_{number}_discharge")
            moved |= {name: others[f"{name}_kwh"] for name in flows}
        idle = apply_command(
            Command(nothing, nothing, nothing + full_export_kw(site)),
            load_kwh=load + task.shifted_load(moved),
            pv_kwh=pv,
            soc_kwh=others["soc_start_kwh"],
            export_price=export_price,
            battery=site.battery,
            limits=site.limits,
        )
        world = World(load[None], pv[None], task.arrays[0][None], export_price[None])
        cost = slot_cost(idle, world, site.battery)[0]
        grid = soc_grid(site.battery, self.values.shape[1])
        kept, left = (
            interpolated(grid, self.values, soc) for soc in (others["soc_end_kwh"], np.asarray(idle.soc_end_kwh))
        )
        return (cost - left) - (others["cost"] - kept)


def value_schedule(task: PlanTask, ahead: RollingState, others: Mapping[str, Energy] | None = None) -> PolicySchedule:
    """The plan of the policy `value`; arguments as for `learned_schedule`."""
    rolling = RollingValue(ahead.window)
    rolling.open_at(ahead.started_slot, len(ahead.window.slots))
    nowhere = np.array([task.start_soc_kwh])
    for slot in range(
        ahead.current_slot - ahead.started_slot
    ):  # beliefs come from the readings since the span was opened
        rolling.command(slot, nowhere)
    return _asked(task, ahead, rolling, others)


def learned_schedule(
    task: PlanTask,
    ahead: RollingState,
    policy: LearnedPolicy,
    source: ScenarioSource,
    others: Mapping[str, Energy] | None = None,
) -> PolicySchedule:
    """The plan of a learned policy.

    Args:
        task: the slots ahead, the stored energy now, and what the end is worth.
        ahead: the same slots as the policy sees them.
        policy: what decides.
        source: where its scenarios come from; the rules are the policy's own.
        others: movable loads and further batteries, as `plan_schedule.schedule_frame` takes them; None as a home
            without plans has them.

    Raises:
        PolicyMismatchError: the policy sees another state than this version shows.
    """
    own = ScenarioSource(
        history=source.history, rules=policy.weight_rules, forecast_scenarios=source.forecast_scenarios
    )
    rolling = RollingLearned(ahead.window, policy, own)
    rolling.open_at(ahead.started_slot, len(ahead.window.slots))
    moved = default_loads(task) if others is None else others
    first = ahead.current_slot - ahead.started_slot
    worth = rolling.later_values(first, first + task.n_slots)
    return PolicySchedule(simulated(task, moved, _followed(task, ahead, rolling, moved)), worth)


def _asked(
    task: PlanTask, ahead: RollingState, rolling: RollingValue, others: Mapping[str, Energy] | None
) -> PolicySchedule:
    """Ask for every slot ahead, one after the other."""
    moved = default_loads(task) if others is None else others
    worth: list[Energy] = []
    first = ahead.current_slot - ahead.started_slot

    def decide(slot: int, soc_kwh: Energy) -> Command:
        command = rolling.command(first + slot, soc_kwh)
        worth.append(rolling.later_value(first + slot))
        return command

    done = simulate(decide, _drawn(task, ahead, moved), task.site, np.array([task.start_soc_kwh]))
    flows = Flows(**{name: table[0] for name, table in vars(done.flows).items()})
    command = Command(*(power[0] for power in done.commands))
    return PolicySchedule(schedule_frame(task, flow_columns(flows), moved, command), np.stack(worth))


def _drawn(task: PlanTask, ahead: RollingState, moved: Mapping[str, Energy]) -> World:
    """The slots ahead with what movable loads and further batteries draw."""
    expected = ahead.world
    load = expected.load_kwh + task.shifted_load(moved)
    return World(load, expected.pv_kwh, expected.import_price, expected.export_price)


def _followed(task: PlanTask, ahead: RollingState, rolling: RollingLearned, moved: Mapping[str, Energy]) -> Command:
    """The policy's commands of the slots ahead, the same as asked slot after slot.

    Some slots are asked at once from guessed stored energy, and what the inverter makes of the commands is the next
    guess. Up to the first wrong guess all is right, the slot after what is settled always; commands come in steps, so
    that mostly many are (140 slots: 25 ms, slot after slot 100 ms).
    """
    first, world = ahead.current_slot - ahead.started_slot, _drawn(task, ahead, moved)
    guess = np.full(task.n_slots + 1, task.start_soc_kwh)
    powers, settled = np.zeros((3, task.n_slots)), 0
    while settled < task.n_slots:
        part = slice(settled, min(settled + TOGETHER, task.n_slots))
        slots = np.arange(part.start, part.stop)
        powers[:, part] = rolling.commands(first + slots, guess[part])
        flows = simulate_open_loop(
            Command(*powers[:, part]),
            load_kwh=world.load_kwh[0, part],
            pv_kwh=world.pv_kwh[0, part],
            export_price=world.export_price[0, part],
            site=task.site,
            start_soc_kwh=float(guess[settled]),
        )
        came = np.concatenate([guess[settled : settled + 1], flows.soc_end_kwh])
        wrong = np.flatnonzero(came[:-1] != guess[part])
        settled += int(wrong[0]) if len(wrong) else len(slots)
        guess[part.start : part.stop + 1] = came
        guess[part.stop + 1 :] = came[-1]
    return Command(*powers)
