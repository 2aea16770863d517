"""Says for each slot of a schedule why it is run that way: a word of a closed list, and a sentence with its numbers.

Worths are the optimiser's marginal values; what doing nothing would cost is the plan solved again without the battery
in that slot (`counterfactuals`). A schedule that no optimiser made (self-consumption, idle) is told by its flows and
prices alone. How to read the sentences: `docs/explanations.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.inverter import Energy, slot_limit
from env.time_grid import SLOT_HOURS, slot_count
from planner.optimizer.solution import Solution
from planner.plans.counterfactuals import IdleSlot, idle_slots
from planner.plans.energy_uses import KEPT, UNKNOWN, first_in_first_out, marginal_uses
from planner.plans.reasons import SMALL_KWH, with_reasons
from planner.plans.task import PlanTask
from planner.plans.wording import LEAST_SHOWN, Words, cheapest, energy, power, ranks

WORTH_MORE = 1e-6  # money/kWh; values nearer than this are equal
SAME_COST = 1e-5  # money; the tie-break of equal plans costs less


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What there is to say about one slot; energies [kWh], prices and worths [money/kWh].

    Attributes:
        reason: by the flows alone (`reasons`).
        surplus: PV above what the house draws, movable loads included.
        deficit: what the house draws above PV, movable loads included.
        worth_delivered: what a kWh now taken from the battery must bring to be better than keeping it; None unknown.
        worth_stored: what a kWh now put into the battery would save later; None unknown.
        used_at: the slot that uses what this one stores, `KEPT` or `UNKNOWN`.
        idle: what doing nothing here would change; None unknown.
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
    bought: float
    sold: float
    spilled: float
    empty: bool
    full: bool
    worth_delivered: float | None
    worth_stored: float | None
    used_at: int
    idle: IdleSlot | None


@dataclass(frozen=True)
class PolicyValuation:
    """What a policy that made a schedule holds of its slots, each `(n_slots,)`, NaN where it does not say.

    Attributes:
        stored_value: what one more kWh stored is worth later [money/kWh].
        idle_costs: what doing nothing would cost more [money].
    """

    stored_value: Energy
    idle_costs: Energy

    def idle(self) -> list[IdleSlot | None]:
        """The same as the optimiser says it; a policy's own view may be off by what it does not see, never by less."""
        return [IdleSlot(max(cost, 0.0)) if np.isfinite(cost) else None for cost in self.idle_costs.tolist()]


def explain(
    task: PlanTask, schedule: pl.DataFrame, solution: Solution | None, *, valuation: PolicyValuation | None = None
) -> pl.DataFrame:
    """Add `reason`, `sentence` and `idle_costs` to a schedule of a task.

    Args:
        task: what was planned.
        schedule: released for it.
        solution: the optimiser's answer that the schedule is made of; None where it is none's.
        valuation: what a policy that made the schedule holds of its slots; None where the optimiser made it, or nobody.

    Returns:
        The schedule with `reason` (one of `PLAN_REASONS`), `sentence`, and `idle_costs`: what the best plan with the
        battery idle in the slot would cost more, or what its policy thinks so [money]; null where nobody knows or there
        is no such plan.
    """
    slots = _slots(task, schedule, solution, valuation)
    teller = _Teller(task, _brings(schedule).tolist(), [slot.starts for slot in slots])
    told = [teller.tell(slot) for slot in slots]
    devices = _devices(task, schedule, teller.words)
    return schedule.with_columns(
        reason=pl.Series([reason for reason, _ in told]),
        sentence=pl.Series(["; ".join([text, *more]) for (_, text), more in zip(told, devices, strict=True)]),
        idle_costs=pl.Series([None if slot.idle is None else slot.idle.extra_cost for slot in slots], dtype=pl.Float64),
    )


def _slots(
    task: PlanTask, schedule: pl.DataFrame, solution: Solution | None, views: PolicyValuation | None
) -> list[Slot]:
    """Everything about the slots that sentences are made of."""
    battery = task.site.battery
    moved = sum((schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names), start=np.zeros(task.n_slots))
    for number in range(2, 2 + len(task.site.extra_batteries)):
        flows = (schedule[f"battery_{number}_{flow}_kwh"].to_numpy() for flow in ("charge", "discharge"))
        moved = moved + next(flows) - next(flows)
    drawn = schedule.with_columns(load_kwh=pl.col("load_kwh") + moved)
    net = drawn["load_kwh"].to_numpy() - drawn["pv_kwh"].to_numpy()
    idle, stored_value = _seen(task, solution, views)
    uses = _uses(task, schedule, solution)
    rows = with_reasons(drawn).iter_rows(named=True)
    return [
        Slot(
            index=i,
            starts=row["slot_start"],
            reason=row["reason"],
            import_price=row["import_price"],
            export_price=row["export_price"],
            surplus=max(-float(net[i]), 0.0),
            deficit=max(float(net[i]), 0.0),
            charge=row["charge_kwh"],
            discharge=row["discharge_kwh"],
            bought=row["import_kwh"],
            sold=row["export_kwh"],
            spilled=row["curtailed_kwh"],
            empty=row["soc_end_kwh"] <= battery.min_soc_kwh + LEAST_SHOWN,
            full=row["soc_end_kwh"] >= battery.max_soc_kwh - LEAST_SHOWN,
            worth_delivered=_delivered(task, stored_value, i),
            worth_stored=_stored(task, stored_value, i),
            used_at=int(uses[i]),
            idle=None if idle is None else idle[i],
        )
        for i, row in enumerate(rows)
    ]


def _seen(
    task: PlanTask, solution: Solution | None, views: PolicyValuation | None
) -> tuple[list[IdleSlot | None] | None, Energy | None]:
    """What doing nothing would change in each slot, and what stored energy is worth; None where nobody says."""
    if solution is not None:
        return idle_slots(task, solution), solution.stored_value
    return (None, None) if views is None else (views.idle(), views.stored_value)


def _delivered(task: PlanTask, stored_value: Energy | None, slot: int) -> float | None:
    if stored_value is None or not np.isfinite(stored_value[slot]):
        return None
    battery = task.site.battery
    return float(stored_value[slot]) / battery.discharge_efficiency + battery.discharge_wear


def _stored(task: PlanTask, stored_value: Energy | None, slot: int) -> float | None:
    if stored_value is None or not np.isfinite(stored_value[slot]):
        return None
    battery = task.site.battery
    return float(stored_value[slot]) * battery.charge_efficiency - battery.charge_wear


def _uses(task: PlanTask, schedule: pl.DataFrame, solution: Solution | None) -> NDArray[np.int64]:
    """For each slot the later one that uses what it stores."""
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
        price=_brings(schedule),
        stored_value=solution.stored_value,
        end_value=np.nan if task.end.curve is not None or task.end.return_soc_kwh is not None else task.end.value,
        battery=battery,
    )
    return np.where((marginal == UNKNOWN) | (uses == UNKNOWN), uses, marginal)


def _brings(schedule: pl.DataFrame) -> Energy:
    """What a kWh out of the battery brings in each slot: sold, or spared [money/kWh]."""
    sold = schedule["export_kwh"].to_numpy() > SMALL_KWH
    return np.where(sold, schedule["export_price"].to_numpy(), schedule["import_price"].to_numpy())


class _Teller:
    """Tells slots one by one.

    Args:
        task: what was planned.
        brings: what a kWh out of the battery brings in each slot [money/kWh].
        starts: of the slots.
    """

    def __init__(self, task: PlanTask, brings: list[float], starts: list[datetime]) -> None:
        self.task = task
        self.words = Words(task.site.currency, task.site.timezone)
        self.brings, self.starts = brings, starts
        self.fuse = slot_limit(task.site.limits.import_kw)
        self.metered_power = any(version.power for version in task.site.tariff.versions)
        self.by_reason: dict[str, Callable[[Slot], tuple[str, str]]] = {
            "charge_from_grid": self._charge,
            "store_surplus": self._store,
            "sell_from_battery": self._sell_stored,
            "cover_load": self._cover,
            "curtail": self._curtail,
            "sell_surplus": self._sell_surplus,
            "hold": self._hold,
        }

    def tell(self, slot: Slot) -> tuple[str, str]:
        """Reason and sentence."""
        reason, text = self.by_reason[slot.reason](slot)
        stored = self._used(slot) if slot.charge > SMALL_KWH else ""
        return reason, "; ".join(part for part in (text, stored, self._nothing(slot)) if part)

    def _nothing(self, slot: Slot) -> str:
        """What doing nothing here would cost."""
        idle = slot.idle
        if idle is None or max(slot.charge, slot.discharge) <= SMALL_KWH:
            return ""
        if idle.extra_cost is None:
            return "doing nothing here would miss what is asked for"
        if idle.over_fuse_kwh > LEAST_SHOWN:
            return f"doing nothing here exceeds the fuse by {energy(idle.over_fuse_kwh)}"
        if idle.extra_cost < SAME_COST:
            return "doing nothing here costs the same"
        if idle.extra_cost < LEAST_SHOWN:
            return f"doing nothing here costs less than {self.words.money(2 * LEAST_SHOWN)} more"
        return f"doing nothing here costs {self.words.money(idle.extra_cost)} more"

    def _used(self, slot: Slot) -> str:
        """Where the stored energy goes."""
        if slot.used_at == UNKNOWN:
            return ""
        if slot.used_at == KEPT:
            worth = self.task.end.value
            valued = self.task.end.curve is None and self.task.end.return_soc_kwh is None
            return f"kept for the end, worth {self.words.price(worth)}" if valued else "kept for the end"
        when = self.words.clock(self.starts[slot.used_at], slot.starts)
        return f"used at {when} for {self.words.price(self.brings[slot.used_at])}"

    def _charge(self, slot: Slot) -> tuple[str, str]:
        sun = f", {energy(slot.surplus)} of it sun," if slot.surplus > LEAST_SHOWN else ""
        if slot.import_price < 0:
            return (
                "paid_to_charge",
                f"charges {energy(slot.charge)}{sun} and is paid {self.words.price(-slot.import_price)}",
            )
        return "charge_from_grid", f"charges {energy(slot.charge)}{sun} at {self.words.price(slot.import_price)}"

    def _store(self, slot: Slot) -> tuple[str, str]:
        if slot.export_price < 0:
            told = f"stores {energy(slot.charge)} of sun that would cost {self.words.price(-slot.export_price)} to sell"
        else:
            told = f"stores {energy(slot.charge)} of sun that would sell at {self.words.price(slot.export_price)}"
        return "store_surplus", told

    def _sell_stored(self, slot: Slot) -> tuple[str, str]:
        covers = f", after covering {energy(slot.deficit)} of load," if slot.deficit > LEAST_SHOWN else ""
        sold = slot.discharge - slot.deficit
        told = f"sells {energy(sold)} from the battery{covers} at {self.words.price(slot.export_price)}"
        return "sell_from_battery", told + self._kept(slot)

    def _cover(self, slot: Slot) -> tuple[str, str]:
        pays = slot.worth_delivered is None or slot.import_price >= slot.worth_delivered - WORTH_MORE
        told = f"covers {energy(slot.discharge)} of load at {self.words.price(slot.import_price)}"
        if pays:
            return "cover_load", told + self._kept(slot)
        if slot.bought >= self.fuse - LEAST_SHOWN or (slot.idle is not None and slot.idle.over_fuse_kwh > LEAST_SHOWN):
            limit_kw = power(self.fuse / SLOT_HOURS)
            return "keep_under_fuse", f"covers {energy(slot.discharge)} of load to stay within the fuse of {limit_kw}"
        if self.metered_power:
            return "keep_under_peak", f"covers {energy(slot.discharge)} of load to keep the month's peak down"
        return "cover_load", told

    def _kept(self, slot: Slot) -> str:
        """What the energy would bring later."""
        return "" if slot.worth_delivered is None else f"; keeping it is worth {self.words.price(slot.worth_delivered)}"

    def _curtail(self, slot: Slot) -> tuple[str, str]:
        told = f"leaves {energy(slot.spilled)} of sun unused"
        if slot.export_price < 0 and self.task.site.limits.curtailable:
            return "curtail", f"{told}, since selling it would cost {self.words.price(-slot.export_price)}"
        return "curtail", f"{told}, which grid and inverter cannot take"

    def _sell_surplus(self, slot: Slot) -> tuple[str, str]:
        told = f"sells {energy(slot.sold)} of sun at {self.words.price(slot.export_price)}"
        if slot.full:
            return "sell_surplus", f"{told}; the battery is full"
        if slot.worth_stored is None:
            return "sell_surplus", told
        return "sell_surplus", f"{told}; storing it is worth {self.words.price(slot.worth_stored)}"

    def _hold(self, slot: Slot) -> tuple[str, str]:
        if slot.bought <= SMALL_KWH:
            return "hold", "nothing to cover and nothing to store"
        told = f"buys {energy(slot.bought)} at {self.words.price(slot.import_price)}"
        if slot.empty:
            if slot.worth_stored is None:
                return "hold", f"{told}; the battery is empty"
            return (
                "hold",
                f"{told}; the battery is empty, and to store a kWh now is worth {self.words.price(slot.worth_stored)}",
            )
        if slot.worth_delivered is None:
            return "hold", told
        if slot.worth_delivered >= slot.import_price - WORTH_MORE:
            return (
                "keep_for_later",
                f"{told}; keeping the stored energy is worth {self.words.price(slot.worth_delivered)}",
            )
        return "limited", f"{told}; a limit keeps the battery from covering it"


def _devices(task: PlanTask, schedule: pl.DataFrame, words: Words) -> list[list[str]]:
    """What movable loads do in each slot."""
    told: list[list[str]] = [[] for _ in range(task.n_slots)]
    if not task.loads.names:
        return told
    price = schedule["import_price"].to_numpy()
    rank = np.zeros(task.n_slots)
    whole: dict[object, bool] = {}
    days = task.days.to_list()
    for day in dict.fromkeys(days):
        here = np.array([each == day for each in days])
        rank[here] = ranks(price[here])
        whole[day] = int(here.sum()) == slot_count(day, task.site.timezone)
    for name in task.loads.names:
        for i in np.flatnonzero(schedule[f"{name}_kwh"].to_numpy() > SMALL_KWH).tolist():
            taken = energy(float(schedule[f"{name}_kwh"][i]))
            place = f"the day's {cheapest(int(rank[i]))} slot"
            if not whole[days[i]]:
                place = f"{place} of those planned"
            told[i].append(f"{_does(name)} {taken} at {words.price(float(price[i]))}, {place}")
    return told


def _does(name: str) -> str:
    """What a movable load does with its energy."""
    known = {"water": "heats water with", "ev": "charges the car with"}
    return known.get(name, f"runs {name.removeprefix('appliance_').replace('_', ' ')} with")
