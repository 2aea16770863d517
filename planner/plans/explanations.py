"""Explanations of a schedule: for each slot a reason of a closed list, and a sentence with its numbers.

Values are the optimiser's marginal values (duals). The cost of doing nothing comes from the plan solved again without
the battery in that slot (`counterfactuals`). A schedule that no optimiser made (self-consumption, idle) is explained by
its flows and prices alone. How to read the sentences: `docs/explanations.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from env.inverter import Energy, slot_limit
from env.time_grid import SLOT, SLOT_HOURS, slot_count
from env.types import Integers
from planner.optimizer.solution import Solution
from planner.plans.counterfactuals import RISKS_FUSE, IdleSlot, idle_slots
from planner.plans.energy_uses import KEPT, UNKNOWN, first_in_first_out, marginal_uses
from planner.plans.fuse_penalties import most_saved, without_penalties
from planner.plans.idle_variants import added_without
from planner.plans.reasons import with_reasons
from planner.plans.task import PlanTask
from planner.tolerances import SAME_COST_SHOWN, VISIBLE_KWH
from planner.value.end_of_prices import FORECAST, SETTLEMENT
from planner.wording.values import LEAST_SHOWN, Words, cheapest, energy, power, ranks

PRICE_TOLERANCE = 1e-6  # money/kWh


@dataclass(frozen=True, kw_only=True)
class SlotContext:
    """The facts about one slot that explanations are made of; energies [kWh], prices and values [money/kWh].

    Attributes:
        reason: reason by the flows alone (`reasons`).
        surplus: PV above the house's draw, movable loads included.
        deficit: the house's draw above PV, movable loads included.
        keeping_value: marginal value of a kWh kept in the battery instead of delivered now; None if unknown.
        storing_value: marginal value of a kWh charged now; None if unknown.
        used_at: index of the slot that uses the energy stored in this one, `KEPT` or `UNKNOWN`.
        idle: effect of leaving the battery idle in this slot; None if unknown.
        charge_kept_off: what the month's demand charge would rise by without the discharge in this slot [money].
    """

    index: int
    starts: datetime
    reason: str
    import_price: float
    export_price: float
    surplus: float
    deficit: float
    charge: float
    discharge: float
    imported: float
    exported: float
    curtailed: float
    empty: bool
    reserved: bool
    full: bool
    keeping_value: float | None
    storing_value: float | None
    used_at: int
    idle: IdleSlot | None
    charge_kept_off: float


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
    """Add `reason`, `sentence` and `idle_costs` to a schedule of a task.

    Args:
        task: the planning task.
        schedule: the schedule released for it.
        solution: the optimiser's solution that the schedule follows; None if it follows none.
        valuation: valuation by the policy that made the schedule; None if no policy made it.

    Returns:
        The schedule with `reason` (one of `PLAN_REASONS`), `sentence`, and `idle_costs`: the extra cost of the best
        plan with the battery idle in the slot, or the policy's estimate of it [money]; null if unknown or if there is
        no such plan.
    """
    slots = _slots(task, schedule, solution, valuation)
    builder = _ExplanationBuilder(
        task, _discharge_price(schedule).tolist(), [slot.starts for slot in slots], _kept_value(task, schedule)
    )
    explanations = [builder.explain(slot) for slot in slots]
    devices = _device_clauses(task, schedule, builder.words)
    return schedule.with_columns(
        reason=pl.Series([reason for reason, _ in explanations]),
        sentence=pl.Series(["; ".join([text, *more]) for (_, text), more in zip(explanations, devices, strict=True)]),
        idle_costs=pl.Series([None if slot.idle is None else slot.idle.extra_cost for slot in slots], dtype=pl.Float64),
    )


def _slots(
    task: PlanTask, schedule: pl.DataFrame, solution: Solution | None, valuation: PolicyValuation | None
) -> list[SlotContext]:
    """Return the context of every slot."""
    battery = task.site.battery
    moved = sum((schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names), start=np.zeros(task.n_slots))
    for number in range(2, 2 + len(task.site.extra_batteries)):
        charge = schedule[f"battery_{number}_charge_kwh"].to_numpy()
        discharge = schedule[f"battery_{number}_discharge_kwh"].to_numpy()
        moved = moved + charge - discharge
    drawn = schedule.with_columns(load_kwh=pl.col("load_kwh") + moved)
    net = drawn["load_kwh"].to_numpy() - drawn["pv_kwh"].to_numpy()
    idle, stored_value = _in_money(task, schedule, *_valuation(task, solution, valuation))
    uses = _uses(task, schedule, solution)
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
            empty=row["soc_end_kwh"] <= battery.min_soc_kwh + LEAST_SHOWN,
            reserved=row["soc_end_kwh"] <= task.unused_kwh[i] + LEAST_SHOWN,
            full=row["soc_end_kwh"] >= battery.max_soc_kwh - LEAST_SHOWN,
            keeping_value=_keeping_value(task, stored_value, i),
            storing_value=_storing_value(task, stored_value, i),
            used_at=int(uses[i]),
            idle=None if idle is None else idle[i],
            charge_kept_off=float(charges_kept_off[i]),
        )
        for i, row in enumerate(rows)
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


class _ExplanationBuilder:
    """Builds reason and sentence of one slot after the other.

    Args:
        task: the planning task.
        discharge_price: price of a discharged kWh in each slot [money/kWh].
        starts: start of each slot.
        kept_value: value of the last kWh that is left at the end [money/kWh].
    """

    def __init__(self, task: PlanTask, discharge_price: list[float], starts: list[datetime], kept_value: float) -> None:
        self.task = task
        self.words = Words(task.site.currency, task.site.timezone)
        self.discharge_price, self.starts = discharge_price, starts
        self.kept_value = kept_value
        self.fuse = slot_limit(task.site.limits.import_kw)
        self.by_reason: dict[str, Callable[[SlotContext], tuple[str, str]]] = {
            "charge_from_grid": self._charge,
            "store_surplus": self._store,
            "sell_from_battery": self._sell_stored,
            "cover_load": self._cover,
            "curtail": self._curtail,
            "sell_surplus": self._sell_surplus,
            "hold": self._hold,
        }

    def explain(self, slot: SlotContext) -> tuple[str, str]:
        """Return reason and sentence."""
        reason, text = self.by_reason[slot.reason](slot)
        use = self._use_clause(slot) if slot.charge > VISIBLE_KWH else ""
        return reason, "; ".join(part for part in (text, use, self._idle_clause(slot)) if part)

    def _idle_clause(self, slot: SlotContext) -> str:
        """Return the clause on the cost of doing nothing."""
        idle = slot.idle
        if idle is None or max(slot.charge, slot.discharge) <= VISIBLE_KWH:
            return ""
        if idle.extra_cost is None:
            return f"doing nothing here {'risks the fuse' if idle.risks_fuse else 'would miss what is asked for'}"
        if idle.over_fuse_kwh > LEAST_SHOWN:
            return f"doing nothing here exceeds the fuse by {energy(idle.over_fuse_kwh)}"
        if idle.extra_cost < SAME_COST_SHOWN:
            return "doing nothing here costs the same"
        if idle.extra_cost < LEAST_SHOWN:
            return f"doing nothing here costs less than {self.words.money(2 * LEAST_SHOWN)} more"
        return f"doing nothing here costs {self.words.money(idle.extra_cost)} more"

    def _use_clause(self, slot: SlotContext) -> str:
        """Return the clause on the later use of the stored energy."""
        if slot.used_at == UNKNOWN:
            return ""
        if slot.used_at == KEPT:
            return self._kept_clause(slot)
        when = self.words.clock(self.starts[slot.used_at], slot.starts)
        return f"used at {when} for {self.words.price(self.discharge_price[slot.used_at])}"

    def _kept_clause(self, slot: SlotContext) -> str:
        """Return the clause on energy that nothing planned uses: what it is kept for, and its worth there."""
        if self.task.end.return_soc_kwh is not None:
            return "kept for the end"
        worth = self.words.price(self.kept_value)
        if self.task.end.basis == SETTLEMENT:
            return f"kept for the end, worth {worth}"
        day = self.words.day(self.starts[-1] + SLOT, slot.starts)
        by = "by the forecast of its prices" if self.task.end.basis == FORECAST else "as on the last days"
        return f"kept for {day}, worth {worth} {by}"

    def _charge(self, slot: SlotContext) -> tuple[str, str]:
        pv_part = f" ({energy(slot.surplus)} from PV)" if slot.surplus > LEAST_SHOWN else ""
        if slot.import_price < 0:
            return (
                "paid_to_charge",
                f"charges {energy(slot.charge)}{pv_part} and is paid {self.words.price(-slot.import_price)}",
            )
        return "charge_from_grid", f"charges {energy(slot.charge)}{pv_part} at {self.words.price(slot.import_price)}"

    def _store(self, slot: SlotContext) -> tuple[str, str]:
        if slot.export_price < 0:
            alternative = f"cost {self.words.price(-slot.export_price)} to sell"
        else:
            alternative = f"sell at {self.words.price(slot.export_price)}"
        return "store_surplus", f"stores {energy(slot.charge)} of sun that would {alternative}"

    def _sell_stored(self, slot: SlotContext) -> tuple[str, str]:
        covers = f", after covering {energy(slot.deficit)} of load," if slot.deficit > LEAST_SHOWN else ""
        exported = slot.discharge - slot.deficit
        sentence = f"sells {energy(exported)} from the battery{covers} at {self.words.price(slot.export_price)}"
        return "sell_from_battery", sentence + self._keeping_clause(slot)

    def _cover(self, slot: SlotContext) -> tuple[str, str]:
        at_fuse = slot.imported >= self.fuse - LEAST_SHOWN
        pays = not at_fuse if slot.keeping_value is None else slot.import_price >= slot.keeping_value - PRICE_TOLERANCE
        sentence = f"covers {energy(slot.discharge)} of load at {self.words.price(slot.import_price)}"
        if pays:
            return "cover_load", sentence + self._keeping_clause(slot)
        if at_fuse or (slot.idle is not None and slot.idle.over_fuse_kwh > LEAST_SHOWN):
            limit_kw = power(self.fuse / SLOT_HOURS)
            return "keep_under_fuse", f"covers {energy(slot.discharge)} of load to stay within the fuse of {limit_kw}"
        if slot.charge_kept_off > LEAST_SHOWN:
            return (
                "keep_under_peak",
                f"covers {energy(slot.discharge)} of load to keep the month's peak down, which spares "
                f"{self.words.money(slot.charge_kept_off)}",
            )
        return "cover_load", sentence

    def _keeping_clause(self, slot: SlotContext) -> str:
        """Return the clause on the value of keeping the energy."""
        return "" if slot.keeping_value is None else f"; keeping it is worth {self.words.price(slot.keeping_value)}"

    def _curtail(self, slot: SlotContext) -> tuple[str, str]:
        sentence = f"leaves {energy(slot.curtailed)} of sun unused"
        if slot.export_price < 0 and self.task.site.limits.curtailable:
            return "curtail", f"{sentence}, since selling it would cost {self.words.price(-slot.export_price)}"
        return "curtail", f"{sentence}, which grid and inverter cannot take"

    def _sell_surplus(self, slot: SlotContext) -> tuple[str, str]:
        sentence = f"sells {energy(slot.exported)} of sun at {self.words.price(slot.export_price)}"
        if slot.full:
            return "sell_surplus", f"{sentence}; the battery is full"
        if slot.storing_value is None:
            return "sell_surplus", sentence
        return "sell_surplus", f"{sentence}; storing it is worth {self.words.price(slot.storing_value)}"

    def _hold(self, slot: SlotContext) -> tuple[str, str]:
        if slot.imported <= VISIBLE_KWH:
            return "hold", "nothing to cover and nothing to store"
        sentence = f"buys {energy(slot.imported)} at {self.words.price(slot.import_price)}"
        if slot.empty:
            if slot.storing_value is None:
                return "hold", f"{sentence}; the battery is empty"
            value = self.words.price(slot.storing_value)
            return "hold", f"{sentence}; the battery is empty; storing a kWh now is worth {value}"
        if slot.reserved or slot.keeping_value is None:
            return "hold", f"{sentence}; what is stored is kept for outages" if slot.reserved else sentence
        if slot.keeping_value >= slot.import_price - PRICE_TOLERANCE:
            return (
                "keep_for_later",
                f"{sentence}; keeping the stored energy is worth {self.words.price(slot.keeping_value)}",
            )
        return "limited", f"{sentence}; a limit keeps the battery from covering it"


def _device_clauses(task: PlanTask, schedule: pl.DataFrame, words: Words) -> list[list[str]]:
    """Return clauses on the movable loads of each slot."""
    clauses: list[list[str]] = [[] for _ in range(task.n_slots)]
    if not task.loads.names:
        return clauses
    price = schedule["import_price"].to_numpy()
    rank = np.zeros(task.n_slots)
    whole: dict[object, bool] = {}
    days = task.days.to_list()
    for day in dict.fromkeys(days):
        on_day = np.array([slot_day == day for slot_day in days])
        rank[on_day] = ranks(price[on_day])
        whole[day] = int(on_day.sum()) == slot_count(day, task.site.timezone)
    for name in task.loads.names:
        for i in np.flatnonzero(schedule[f"{name}_kwh"].to_numpy() > VISIBLE_KWH).tolist():
            taken = energy(float(schedule[f"{name}_kwh"][i]))
            place = f"the day's {cheapest(int(rank[i]))} slot"
            if not whole[days[i]]:
                place = f"{place} of those planned"
            clauses[i].append(f"{_device_phrase(name)} {taken} at {words.price(float(price[i]))}, {place}")
    return clauses


def _device_phrase(name: str) -> str:
    """Return the phrase for a movable load's use of energy."""
    phrases = {"water": "heats water with", "ev": "charges the car with"}
    return phrases.get(name, f"runs {name.removeprefix('appliance_').replace('_', ' ')} with")
