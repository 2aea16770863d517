"""A policy's plan for the slots ahead: its rollout under the forecast, slot after slot, through the inverter.

A policy decides on readings; here the forecast stands for the readings to come, so the plan is the policy's behaviour
if the forecast is exact. The command of the first slot depends on readings alone and is the one that is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from env.command_menu import full_export_kw
from env.inverter import Command, Decision, Energy, Flows, apply_command, without_discharge
from env.open_loop import simulate_open_loop
from env.simulator import World, simulate, slot_cost
from planner.plans.idle_variants import House, idle_variant_costs
from planner.plans.release import default_loads, flow_columns, simulated
from planner.plans.schedule import schedule_frame
from planner.plans.task import PlanTask
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.plan_before import PlanBefore, SteadyChoices
from planner.policies.rolling import RollingValue
from planner.policies.rolling_learned import RollingLearned
from planner.policies.window import Window
from planner.tolerances import PLAN_ZERO_KWH
from planner.value.scenario_source import ScenarioSource
from planner.value.value_function import interpolated, soc_grid

TINY_KWH = 1e-9
BATCH_SLOTS = 16
"""Slots decided in one batch (measured: of 8, 16, 24, 32 and 64 the fastest over 140 slots)."""


@dataclass(frozen=True, kw_only=True)
class RollingState:
    """The state of a rolling policy: today so far and the slots ahead.

    Attributes:
        window: today from its midnight on, and tomorrow as far as prices are known; load and PV are readings in slots
            that are over, and forecasts elsewhere.
        started_slot: index of the slot at which these prices became known.
        current_slot: index of the slot to decide.
    """

    window: Window
    started_slot: int
    current_slot: int

    @cached_property
    def world(self) -> World:
        """Return the forecast of the slots ahead, `(1, n_slots)`."""
        ahead = slice(self.current_slot, None)
        return World(*(table[:, ahead] for table in vars(self.window.world).values()))


@dataclass(frozen=True)
class PolicySchedule:
    """A policy's plan.

    Attributes:
        schedule: the schedule, with the columns of `schedule.schedule_frame`.
        values: value that the policy assigns to the energy stored at each slot's end, on an even grid over the
            battery's range `(n_slots, n_soc)` [money]; NaN where it gives none.
        remarks: what was done to the policy for this plan, a sentence each.
    """

    schedule: pl.DataFrame
    values: Energy
    remarks: tuple[str, ...] = ()

    def stored_value(self, task: PlanTask) -> Energy:
        """Return the marginal value of energy stored at each slot's end `(n_slots,)` [money/kWh]."""
        grid = soc_grid(task.site.battery, self.values.shape[1])
        low = np.clip(np.searchsorted(grid, self.schedule["soc_end_kwh"].to_numpy()) - 1, 0, len(grid) - 2)
        slot = np.arange(task.n_slots)
        return (self.values[slot, low + 1] - self.values[slot, low]) / max(grid[1] - grid[0], TINY_KWH)

    def idle_costs(self, task: PlanTask) -> Energy:
        """Return the extra cost of leaving the battery idle in each slot `(n_slots,)` [money]; NaN where unknown.

        Less exact than the optimiser's, which plans the rest anew: here the stored energy left is valued by the policy.
        Where power is charged, that value holds expected charges, and the other slots keep their commands instead.
        """
        if task.peak_demands:
            return idle_variant_costs(task, self.schedule)
        _, export_price, load, pv = task.arrays
        site, schedule, nothing = task.site, self.schedule, np.zeros(task.n_slots)
        idle = apply_command(
            Command(nothing, nothing, nothing + full_export_kw(site)),
            load_kwh=House.of(task, schedule).load_kwh,
            pv_kwh=pv,
            soc_kwh=schedule["soc_start_kwh"].to_numpy(),
            export_price=export_price,
            battery=site.battery,
            limits=site.limits,
        )
        world = World(load[None], pv[None], task.arrays[0][None], export_price[None])
        cost = slot_cost(idle, world, site.battery)[0]
        grid = soc_grid(site.battery, self.values.shape[1])
        kept, left = (
            interpolated(grid, self.values, soc)
            for soc in (schedule["soc_end_kwh"].to_numpy(), np.asarray(idle.soc_end_kwh))
        )
        return (cost - left) - (schedule["cost"].to_numpy() - kept)


def value_schedule(
    task: PlanTask,
    ahead: RollingState,
    others: Mapping[str, Energy] | None = None,
    *,
    planner: RollingValue | None = None,
    before: PlanBefore | None = None,
) -> PolicySchedule:
    """Return the plan of the policy `value`.

    Args:
        task: as for `learned_schedule`.
        ahead: as for `learned_schedule`.
        others: as for `learned_schedule`.
        planner: through the same window, where it is not the plain one.
        before: the plan before, whose commands are kept where others are worth next to nothing more; None keeps none.
    """
    window = ahead.window
    rolling = RollingValue(window) if planner is None else planner
    rolling.open_at(ahead.started_slot, len(window.slots))
    start_soc = np.array([task.start_soc_kwh])
    # Scenario weights follow from the readings since the prices became known.
    for slot in range(ahead.current_slot - ahead.started_slot):
        rolling.command(slot, start_soc)
    rolling.meter_past(ahead.current_slot - ahead.started_slot)
    if before is not None:
        starts, current = window.slots["slot_start"].to_list(), ahead.current_slot
        prices = window.column("import_price")[current:]
        rolling.steady = SteadyChoices(before, rolling.days.choices, starts, first=current, import_price=prices)
    return _rolled_out(task, ahead, rolling, others)


def learned_schedule(
    task: PlanTask,
    ahead: RollingState,
    policy: LearnedPolicy,
    source: ScenarioSource,
    others: Mapping[str, Energy] | None = None,
) -> PolicySchedule:
    """Return the plan of a learned policy.

    Args:
        task: the slots ahead, the stored energy now, and the value of the end.
        ahead: the rolling state for the same slots.
        policy: the learned policy.
        source: source of its scenarios; the weight rules are the policy's own.
        others: movable loads and further batteries, as `schedule.schedule_frame` takes them; None for
            `release.default_loads`.

    Raises:
        PolicyMismatchError: the policy was trained on another state layout than this version's.
    """
    own = ScenarioSource(
        history=source.history, rules=policy.weight_rules, forecast_scenarios=source.forecast_scenarios
    )
    rolling = RollingLearned(ahead.window, policy, own)
    rolling.open_at(ahead.started_slot, len(ahead.window.slots))
    moved = default_loads(task) if others is None else others
    first = ahead.current_slot - ahead.started_slot
    values = rolling.later_values(first, first + task.n_slots)
    return PolicySchedule(simulated(task, moved, _commands(task, ahead, rolling, moved)), values)


def _rolled_out(
    task: PlanTask, ahead: RollingState, rolling: RollingValue, others: Mapping[str, Energy] | None
) -> PolicySchedule:
    """Roll a policy out over the slots ahead, one after the other."""
    moved = default_loads(task) if others is None else others
    values: list[Energy] = []
    first = ahead.current_slot - ahead.started_slot

    draws = task.kept_from_battery(moved) > PLAN_ZERO_KWH

    def decide(slot: int, soc_kwh: Energy) -> Decision:
        decision = rolling.command(first + slot, soc_kwh)
        values.append(rolling.later_value(first + slot))
        if task.by_hand is not None:
            decision = task.by_hand.decided(decision, slot, soc_kwh, task.site)
            if task.targets is not None:
                decision = task.targets.kept_above(decision, slot, soc_kwh, task.site.battery)
        return without_discharge(decision) if draws[slot] else decision

    done = simulate(decide, _expected_world(task, ahead, moved), task.site, np.array([task.start_soc_kwh]))
    flows = Flows(**{name: table[0] for name, table in vars(done.flows).items()})
    command = Command(*(power[0] for power in done.commands))
    limit_kw = None if done.import_limit_kw is None else done.import_limit_kw[0]
    return PolicySchedule(schedule_frame(task, flow_columns(flows), moved, command, limit_kw), np.stack(values))


def _expected_world(task: PlanTask, ahead: RollingState, moved: Mapping[str, Energy]) -> World:
    """Return the slots ahead with the draw of movable loads and further batteries."""
    expected = ahead.world
    load = expected.load_kwh + task.shifted_load(moved)
    return World(load, expected.pv_kwh, expected.import_price, expected.export_price)


def _commands(task: PlanTask, ahead: RollingState, rolling: RollingLearned, moved: Mapping[str, Energy]) -> Command:
    """Return the policy's commands of the slots ahead, the same as decided slot after slot.

    A batch of slots is decided from guessed stored energy, and the simulated stored energy is the next guess
    (fixed-point iteration). All commands up to the first wrong guess are right, at least one a batch. Commands are
    discrete, so that mostly many are right (measured: 140 slots in 25 ms, slot after slot in 100 ms).
    """
    first, world = ahead.current_slot - ahead.started_slot, _expected_world(task, ahead, moved)
    draws = task.kept_from_battery(moved) > PLAN_ZERO_KWH
    guess = np.full(task.n_slots + 1, task.start_soc_kwh)
    powers, decided = np.zeros((3, task.n_slots)), 0
    while decided < task.n_slots:
        part = slice(decided, min(decided + BATCH_SLOTS, task.n_slots))
        slots = np.arange(part.start, part.stop)
        powers[:, part] = rolling.commands(first + slots, guess[part])
        if task.by_hand is not None:
            commands = task.by_hand.slots(part.start, part.stop).over(Command(*powers[:, part]))
            powers[:, part] = task.by_hand.until_target(commands, part, guess[part], task.site)
        powers[1, part] = np.where(draws[part], 0.0, powers[1, part])
        flows = simulate_open_loop(
            Command(*powers[:, part]),
            load_kwh=world.load_kwh[0, part],
            pv_kwh=world.pv_kwh[0, part],
            export_price=world.export_price[0, part],
            site=task.site,
            start_soc_kwh=float(guess[decided]),
        )
        simulated_soc = np.concatenate([guess[decided : decided + 1], flows.soc_end_kwh])
        wrong = np.flatnonzero(simulated_soc[:-1] != guess[part])
        decided += int(wrong[0]) if len(wrong) else len(slots)
        guess[part.start : part.stop + 1] = simulated_soc
        guess[part.stop + 1 :] = simulated_soc[-1]
    return Command(*powers)
