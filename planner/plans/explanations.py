"""Explanations of a schedule: for each slot a reason of a closed list, and a sentence with its numbers.

Values are the optimiser's marginal values (duals). The cost of doing nothing comes from the plan solved again without
the battery in that slot (`counterfactuals`). A schedule that no optimiser made (self-consumption, idle) is explained by
its flows and prices alone. How to read the sentences: `docs/explanations.md`.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.inverter import Energy
from env.types import Integers
from planner.optimizer.solution import Solution
from planner.plans.counterfactuals import RISKS_FUSE, IdleSlot, idle_slots
from planner.plans.energy_uses import UNKNOWN, first_in_first_out, marginal_uses
from planner.plans.fuse_penalties import most_saved, without_penalties
from planner.plans.idle_variants import added_without
from planner.plans.reasons import with_reasons
from planner.plans.sentences.batteries import BatteryFlows, batteries_of, levels, together
from planner.plans.sentences.loads import load_clauses
from planner.plans.sentences.several import SeveralSentences
from planner.plans.sentences.slots import BatterySlot, SlotContext, SlotSentences
from planner.plans.task import PlanTask
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import joined, written
from planner.wording.values import LEAST_SHOWN


@dataclass(frozen=True)
class PolicyValuation:
    """A policy's own valuation of the slots of its schedule, each `(n_slots,)`, NaN where it gives none.

    Attributes:
        stored_value: marginal value of stored energy [money/kWh].
        idle_costs: extra cost of leaving the battery idle [money].
    """

    stored_value: Energy
    idle_costs: Energy

    def idle(self) -> list[IdleSlot | None]:
        """Return the idle costs as the optimiser gives them; an estimate below zero is set to zero."""
        return [IdleSlot(max(cost, 0.0)) if np.isfinite(cost) else None for cost in self.idle_costs.tolist()]


def explain(
    task: PlanTask, schedule: pl.DataFrame, solution: Solution | None, *, valuation: PolicyValuation | None = None
) -> pl.DataFrame:
    """Add `reason`, `sentence`, `wording` and `idle_costs` to a schedule of a task.

    Args:
        task: the planning task.
        schedule: the schedule released for it.
        solution: the optimiser's solution that the schedule follows; None if it follows none.
        valuation: valuation by the policy that made the schedule; None if no policy made it.

    Returns:
        The schedule with `reason` (one of `PLAN_REASONS`), `sentence` in English, `wording`: the same for
        every language (`planner.wording.messages.read`), and `idle_costs`: the extra cost of the best plan with the
        battery idle in the slot, or the policy's estimate of it [money]; null if unknown or if there is no such plan.
    """
    slots = _slots(task, schedule, solution, valuation)
    sentences_of = SeveralSentences if task.site.extra_batteries else SlotSentences
    builder = sentences_of(
        task, _discharge_price(schedule).tolist(), [slot.starts for slot in slots], _kept_value(task, schedule)
    )
    explanations = [builder.explain(slot) for slot in slots]
    devices = load_clauses(task, schedule, builder.words)
    sentences = [joined("; ", [text, *more]) for (_, text), more in zip(explanations, devices, strict=True)]
    return schedule.with_columns(
        reason=pl.Series([reason for reason, _ in explanations]),
        sentence=pl.Series(sentences, dtype=pl.String),
        wording=pl.Series([written(sentence) for sentence in sentences], dtype=pl.String),
        idle_costs=pl.Series([None if slot.idle is None else slot.idle.extra_cost for slot in slots], dtype=pl.Float64),
    )


def _slots(
    task: PlanTask, schedule: pl.DataFrame, solution: Solution | None, valuation: PolicyValuation | None
) -> list[SlotContext]:
    """Return the context of every slot."""
    batteries = batteries_of(task.site, schedule)
    level = levels(task, batteries)
    moved = sum((schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names), start=np.zeros(task.n_slots))
    drawn = together(task.site, schedule).with_columns(load_kwh=pl.col("load_kwh") + moved)
    net = drawn["load_kwh"].to_numpy() - drawn["pv_kwh"].to_numpy()
    idle, stored_value = _in_money(task, schedule, *_valuation(task, solution, valuation))
    uses = _uses(task, schedule, solution)
    of_each = [_battery_slots(task, each, uses) for each in batteries] if len(batteries) > 1 else []
    charges_kept_off = added_without(task, schedule)
    rows = with_reasons(drawn).iter_rows(named=True)
    return [
        SlotContext(
            index=i,
            starts=row["slot_start"],
            reason=row["reason"],
            import_price=row["import_price"],
            export_price=row["export_price"],
            surplus=max(-float(net[i]), 0.0),
            deficit=max(float(net[i]), 0.0),
            charge=row["charge_kwh"],
            discharge=row["discharge_kwh"],
            imported=row["import_kwh"],
            exported=row["export_kwh"],
            curtailed=row["curtailed_kwh"],
            empty=bool(level.empty[i]),
            reserved=bool(level.reserved[i]),
            full=bool(level.full[i]),
            keeping_value=_keeping_value(task, stored_value, i),
            storing_value=_storing_value(task, stored_value, i),
            used_at=int(uses[i]),
            idle=None if idle is None else idle[i],
            charge_kept_off=float(charges_kept_off[i]),
            batteries=tuple(each[i] for each in of_each),
        )
        for i, row in enumerate(rows)
    ]


def _battery_slots(task: PlanTask, each: BatteryFlows, uses: Integers) -> list[BatterySlot]:
    """Return one battery of several in every slot; `uses` are those of the first one."""
    floor = task.unused_kwh
    if each.number > 1:
        floor = np.full(task.n_slots, each.battery.min_soc_kwh)
        uses = first_in_first_out(
            charge_kwh=each.charge_kwh,
            discharge_kwh=each.discharge_kwh,
            start_soc_kwh=each.start_soc_kwh,
            battery=each.battery,
        )
    return [
        BatterySlot(
            number=each.number,
            charge=float(each.charge_kwh[i]),
            discharge=float(each.discharge_kwh[i]),
            spare=float(each.soc_end_kwh[i] - floor[i]),
            empty=bool(each.soc_end_kwh[i] <= each.battery.min_soc_kwh + LEAST_SHOWN),
            full=bool(each.soc_end_kwh[i] >= each.battery.max_soc_kwh - LEAST_SHOWN),
            used_at=int(uses[i]),
        )
        for i in range(task.n_slots)
    ]


def _valuation(
    task: PlanTask, solution: Solution | None, valuation: PolicyValuation | None
) -> tuple[list[IdleSlot | None] | None, Energy | None]:
    """Return the effect of idling in each slot and the marginal value of stored energy; None if unknown."""
    if solution is not None:
        return idle_slots(task, solution), solution.stored_value
    return (None, None) if valuation is None else (valuation.idle(), valuation.stored_value)


def _in_money(
    task: PlanTask, schedule: pl.DataFrame, idle: list[IdleSlot | None] | None, stored_value: Energy | None
) -> tuple[list[IdleSlot | None] | None, Energy | None]:
    """Return both without the penalty for going over the fuse: where one holds it, the money is not known."""
    most = most_saved(task)
    if idle is not None:
        moved = (schedule["charge_kwh"] + schedule["discharge_kwh"]).to_list()
        idle = [
            RISKS_FUSE if each is not None and (each.extra_cost or 0.0) > most * energy_moved else each
            for each, energy_moved in zip(idle, moved, strict=True)
        ]
    return idle, None if stored_value is None else without_penalties(stored_value, most)


def _keeping_value(task: PlanTask, stored_value: Energy | None, slot: int) -> float | None:
    if stored_value is None or not np.isfinite(stored_value[slot]):
        return None
    battery = task.site.battery
    return float(stored_value[slot]) / battery.discharge_efficiency + battery.discharge_wear


def _storing_value(task: PlanTask, stored_value: Energy | None, slot: int) -> float | None:
    if stored_value is None or not np.isfinite(stored_value[slot]):
        return None
    battery = task.site.battery
    return float(stored_value[slot]) * battery.charge_efficiency - battery.charge_wear


def _uses(task: PlanTask, schedule: pl.DataFrame, solution: Solution | None) -> Integers:
    """Return for each slot the later slot that uses the energy stored in it."""
    battery = task.site.battery
    charge, discharge = (schedule[name].to_numpy() for name in ("charge_kwh", "discharge_kwh"))
    uses = first_in_first_out(
        charge_kwh=charge, discharge_kwh=discharge, start_soc_kwh=task.start_soc_kwh, battery=battery
    )
    if solution is None:
        return uses
    marginal = marginal_uses(
        discharge_kwh=discharge,
        soc_end_kwh=schedule["soc_end_kwh"].to_numpy(),
        price=_discharge_price(schedule),
        stored_value=solution.stored_value,
        end_value=np.nan if task.end.return_soc_kwh is not None else _kept_value(task, schedule),
        battery=battery,
    )
    return np.where((marginal == UNKNOWN) | (uses == UNKNOWN), uses, marginal)


def _kept_value(task: PlanTask, schedule: pl.DataFrame) -> float:
    """Return the value of the last kWh that is left at the end [money/kWh]."""
    return task.end.marginal_value(float(schedule["soc_end_kwh"][-1]))


def _discharge_price(schedule: pl.DataFrame) -> Energy:
    """Return the price of a discharged kWh in each slot: exported, or import avoided [money/kWh]."""
    exports = schedule["export_kwh"].to_numpy() > VISIBLE_KWH
    return np.where(exports, schedule["export_price"].to_numpy(), schedule["import_price"].to_numpy())
