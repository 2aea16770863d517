"""Blocks of a plan: consecutive slots with one intent, with their energy, price, money and reason in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_HOURS
from planner.plans.energy_uses import KEPT, first_in_first_out
from planner.plans.sentences.batteries import BatteryFlows, Levels, batteries_of, exchanges, levels, together
from planner.plans.task import PlanTask
from planner.summaries.intents import CHARGE, COVER, CURTAIL, REST, SELL, SELL_SURPLUS, STORE, Intent, Run, runs
from planner.summaries.money import Savings, savings
from planner.summaries.sentences import BlockFacts, block_sentence
from planner.tolerances import VISIBLE_KWH
from planner.wording.values import Words

_FLOW: dict[Intent, str] = {
    CHARGE: "charge_kwh",
    STORE: "charge_kwh",
    COVER: "discharge_kwh",
    SELL: "discharge_kwh",
    SELL_SURPLUS: "export_kwh",
    CURTAIL: "curtailed_kwh",
    REST: "import_kwh",
}
"""Flow that a block is about, by its intent."""
_PRICE: dict[Intent, str] = {
    CHARGE: "import_price",
    STORE: "export_price",
    COVER: "import_price",
    SELL: "export_price",
    SELL_SURPLUS: "export_price",
    CURTAIL: "export_price",
    REST: "import_price",
}
"""Price that a block is about, by its intent."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive slots of a plan with one intent; energies over the whole block [kWh].

    Attributes:
        start: start of the first slot.
        end: end of the last slot.
        intent: what the battery is there for.
        reason: the slots' reason, of several the one that moves most energy.
        sentence: what the battery does, why, and what it is worth.
        by_hand: whether a person has set it.
        energy_kwh: the flow that the block is about: charged, discharged, exported, curtailed or imported.
        power_kw: its mean power [kW].
        price: its mean price [money/kWh].
        charge_kwh: charged by all batteries together.
        discharge_kwh: discharged by them.
        import_kwh: imported.
        export_kwh: exported.
        soc_start_kwh: stored at the start in the battery that takes commands.
        soc_end_kwh: stored in it at the end.
        saving: what these slots cost less than with a battery that is not used; below zero while it charges [money].
        gain: what the energy charged here brings later, less what it costs now [money]; 0 where nothing is charged.
    """

    start: datetime
    end: datetime
    intent: Intent
    reason: str
    sentence: str
    by_hand: bool
    energy_kwh: float
    power_kw: float
    price: float
    charge_kwh: float
    discharge_kwh: float
    import_kwh: float
    export_kwh: float
    soc_start_kwh: float
    soc_end_kwh: float
    saving: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class PlanSummary:
    """A plan in blocks, and what it saves against a battery that is not used, in parts that add up [money].

    Attributes:
        blocks: the blocks in order; the sum of their savings is the battery's part.
        battery: what the batteries save in the plan's slots.
        loads: what moving loads saves.
        peaks: what the plan saves on the month's demand charge.
        left: what the energy left at the end is worth more.
    """

    blocks: tuple[Block, ...]
    battery: float
    loads: float
    peaks: float
    left: float

    @property
    def total(self) -> float:
        """Return what the plan saves: the cost of idle less its own."""
        return self.battery + self.loads + self.peaks + self.left


def summarize(task: PlanTask, schedule: pl.DataFrame) -> PlanSummary:
    """Return the summary of a released plan.

    Args:
        task: the planning task.
        schedule: its released schedule with `reason` (`planner.plans.explanations.explain`).
    """
    saved = savings(task, schedule)
    batteries = batteries_of(task.site, schedule)
    whole = together(task.site, schedule)
    stored = _Stored(batteries, [_uses(each) for each in batteries], levels(task, batteries))
    found = runs(whole, by_hand=task.shown_by_hand)
    return PlanSummary(
        blocks=tuple(_block(task, whole, run, saved, stored) for run in found),
        battery=float(saved.battery.sum()),
        loads=saved.loads,
        peaks=saved.peaks,
        left=saved.left,
    )


@dataclass(frozen=True)
class _Stored:
    """The batteries of a plan, with what becomes of the energy in them.

    Attributes:
        batteries: the batteries.
        uses: of each, the slot that uses most of what each slot stores; `KEPT` or `UNKNOWN` for none.
        levels: the slots in which they have nothing to do by what is stored.
    """

    batteries: Sequence[BatteryFlows]
    uses: Sequence[Sequence[int]]
    levels: Levels


def _uses(each: BatteryFlows) -> Sequence[int]:
    """Return the slot that uses most of what a battery stores in each slot; `KEPT` or `UNKNOWN` for none."""
    uses = first_in_first_out(
        charge_kwh=each.charge_kwh,
        discharge_kwh=each.discharge_kwh,
        start_soc_kwh=each.start_soc_kwh,
        battery=each.battery,
    )
    return [int(slot) for slot in uses.tolist()]


def _block(task: PlanTask, schedule: pl.DataFrame, run: Run, saved: Savings, stored: _Stored) -> Block:
    """Return the block of a run of slots of a schedule of all batteries together."""
    rows, part = schedule.slice(run.first, run.end - run.first), slice(run.first, run.end)
    flow, price = _FLOW[run.intent], _PRICE[run.intent]
    energy, prices = (rows[name].to_numpy() for name in (flow, price))
    in_use = int((energy > VISIBLE_KWH).sum())
    total = {name: float(rows[f"{name}_kwh"].sum()) for name in ("charge", "discharge", "import", "export")}
    level = stored.levels
    facts = BlockFacts(
        intent=run.intent,
        reason=_main_reason(rows),
        by_hand=run.by_hand,
        starts=rows["slot_start"][0],
        energy_kwh=float(energy.sum()),
        power_kw=float(energy.sum()) / SLOT_HOURS / max(in_use, 1),
        price=_mean_price(prices, energy),
        sun_kwh=_sun(rows) if run.intent == CHARGE else 0.0,
        full=bool(level.full[part].all()),
        empty=bool(level.empty[part].all()),
        reserved=bool(level.reserved[part].all()),
        used=_use(task, schedule, part, stored),
        saving=float(saved.battery[part].sum()),
        gain=float(saved.gain[part].sum()),
        exchanged=exchanges(stored.batteries, part),
        several=len(stored.batteries) > 1,
    )
    return Block(
        start=facts.starts,
        end=rows["slot_start"][-1] + SLOT,
        intent=run.intent,
        reason=facts.reason,
        sentence=block_sentence(facts, Words(task.site.currency, task.site.timezone)),
        by_hand=run.by_hand,
        energy_kwh=facts.energy_kwh,
        power_kw=facts.power_kw,
        price=facts.price,
        **{f"{name}_kwh": kwh for name, kwh in total.items()},
        soc_start_kwh=float(rows["soc_start_kwh"][0]),
        soc_end_kwh=float(rows["soc_end_kwh"][-1]),
        saving=facts.saving,
        gain=facts.gain,
    )


def _main_reason(rows: pl.DataFrame) -> str:
    """Return the reason of the slots that move most energy; of those that move none, of most slots."""
    moved = rows.select("reason", moved=pl.col("charge_kwh") + pl.col("discharge_kwh") + 1e-9)
    return str(moved.group_by("reason", maintain_order=True).sum().sort("moved", descending=True)["reason"][0])


def _mean_price(prices: Energy, energy: Energy) -> float:
    """Return the price weighted by energy; the mean over time where there is none."""
    return float(np.average(prices, weights=energy if energy.sum() > VISIBLE_KWH else None))


def _sun(rows: pl.DataFrame) -> float:
    """Return how much of what is charged is surplus [kWh]."""
    surplus = (rows["pv_kwh"] - rows["load_kwh"]).to_numpy()
    return float(np.minimum(np.maximum(surplus, 0.0), rows["charge_kwh"].to_numpy()).sum())


def _use(task: PlanTask, schedule: pl.DataFrame, part: slice, stored: _Stored) -> tuple[datetime | None, float] | None:
    """Return from when on the energy charged in some slots is used and its mean price; no time where it is kept.

    None where nothing is charged, and where a further battery keeps most of it, which ends as it begins.
    """
    later = [
        (uses[slot], each.charge_kwh[slot], each.number)
        for each, uses in zip(stored.batteries, stored.uses, strict=True)
        for slot in range(part.start, part.stop)
        if each.charge_kwh[slot] > VISIBLE_KWH
    ]
    kept = sum(kwh for slot, kwh, _ in later if slot == KEPT)
    used = [(slot, kwh) for slot, kwh, _ in later if slot >= 0]
    if not later:
        return None
    if kept > sum(kwh for _, kwh in used) or not used:
        own = sum(kwh for slot, kwh, number in later if slot == KEPT and number == 1)
        valued = len(stored.batteries) == 1 or own > kept / 2
        return (None, task.end.marginal_value(float(schedule["soc_end_kwh"][-1]))) if valued else None
    sold = schedule["export_kwh"].to_numpy() > VISIBLE_KWH
    price = np.where(sold, schedule["export_price"].to_numpy(), schedule["import_price"].to_numpy())
    mean = float(np.average([price[slot] for slot, _ in used], weights=[kwh for _, kwh in used]))
    return schedule["slot_start"][min(slot for slot, _ in used)], mean
