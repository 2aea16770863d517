"""Notes on what of a block by hand the home cannot do, and why: powers, stored energy, fuse, export, loads."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from env.battery import Battery
from env.inverter import Energy, slot_limit
from env.time_grid import SLOT, SLOT_HOURS
from env.types import Mask
from planner.byhand.commands import LOADS, HandBlock
from planner.plans.idle_variants import House
from planner.plans.task import PlanTask
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import phrase
from planner.wording.values import Words, energy, power

_EDGE_KWH = 1e-3
_FLOWS = {"charge": "charge_kwh", "discharge": "discharge_kwh", "export": "export_kwh"}
_LOAD_NAMES = {"water": phrase("the water heater"), "ev": phrase("the car")}


@dataclass(frozen=True)
class _Cause:
    """A reason why slots of a block do less than was asked.

    Attributes:
        sentence: the reason in words.
        slots: where it holds `(n_slots,)`.
    """

    sentence: str
    slots: Mask


def block_notes(task: PlanTask, schedule: pl.DataFrame, block: HandBlock) -> list[str]:
    """Return what of a block is clamped in a plan around it, and which of its slots have no price yet.

    Args:
        task: the planning task.
        schedule: its schedule, made around the block.
        block: one of the task's blocks.
    """
    words = Words(task.site.currency, task.site.timezone)
    inside = ((schedule["slot_start"] + SLOT > block.start) & (schedule["slot_start"] < block.end)).to_numpy()
    notes = _unpriced(schedule, block, words)
    if not inside.any():
        return notes
    if block.mode in _FLOWS:
        clamped = [*_power_notes(task, block), *_energy_notes(task, schedule, block, inside, words)]
        if task.site.extra_batteries:  # blocks by hand are of the first one alone
            clamped = [phrase("battery {number}: {clause}", number=1, clause=note) for note in clamped]
        return [*clamped, *notes]
    if block.mode in LOADS:
        return [*_load_notes(task, schedule, block, inside), *notes]
    return notes


def _unpriced(schedule: pl.DataFrame, block: HandBlock, words: Words) -> list[str]:
    """Return a note where a block goes on behind the last price."""
    reach = schedule["slot_start"][-1] + SLOT
    if block.end <= reach:
        return []
    since = words.moment(reach)
    if block.start >= reach:
        return [phrase("no prices are known from {reach} on: the block is kept and priced later", reach=since)]
    return [phrase("no prices are known from {reach} on: the rest of the block is kept and priced later", reach=since)]


def _power_notes(task: PlanTask, block: HandBlock) -> list[str]:
    """Return a note where more power is asked for than battery or connection have."""
    battery, limits = task.site.battery, task.site.limits
    asked = block.power_kw
    if block.mode == "export" and limits.export_kw == 0:
        return [phrase("nothing may be exported here")]
    if asked is None:
        return []
    most = battery.charge_kw if block.mode == "charge" else battery.discharge_kw
    if asked > most:
        if block.mode == "charge":
            return [
                phrase("{asked} is asked for; the battery charges at most {most}", asked=power(asked), most=power(most))
            ]
        return [phrase("{asked} is asked for; the battery gives at most {most}", asked=power(asked), most=power(most))]
    if block.mode == "export" and limits.export_kw is not None and asked > limits.export_kw:
        most = limits.export_kw
        return [phrase("{asked} is asked for; at most {most} may be exported", asked=power(asked), most=power(most))]
    return []


def _energy_notes(task: PlanTask, schedule: pl.DataFrame, block: HandBlock, inside: Mask, words: Words) -> list[str]:
    """Return a note on each reason why a block moves less energy than asked for."""
    if _is_reached(task, schedule, block, inside):
        return []
    missed: list[str] = []
    if block.target_percent is not None:
        percent = 100 * float(schedule["soc_end_kwh"].to_numpy()[inside][-1]) / task.site.battery.capacity_kwh
        missed = [phrase("it ends at {percent:.0f} %, not {target:g} %", percent=percent, target=block.target_percent)]
    asked = _asked_kwh(task, schedule, block)
    done = schedule[_FLOWS[block.mode]].to_numpy()
    short = np.where(inside, np.maximum(asked - done, 0.0), 0.0)
    if float(short.sum()) <= VISIBLE_KWH:
        return missed
    starts = schedule["slot_start"].to_list()
    notes: list[str] = []
    left = short > _EDGE_KWH
    for cause in _causes(task, schedule, block):
        here = left & cause.slots
        if here.any():
            since, less = words.moment(starts[int(np.argmax(here))]), energy(float(short[here].sum()))
            notes.append(phrase("{cause} (from {since}: {less} less)", cause=cause.sentence, since=since, less=less))
            left &= ~here
    asked_kwh, done_kwh = float(asked[inside].sum()), float(done[inside].sum())
    amounts = {"done": energy(done_kwh), "asked": energy(asked_kwh)}
    done_words = {
        "charge": phrase("{done} of {asked} can be charged", **amounts),
        "discharge": phrase("{done} of {asked} can be given", **amounts),
        "export": phrase("{done} of {asked} can be sold", **amounts),
    }
    return [*missed, done_words[block.mode], *notes]


def _is_reached(task: PlanTask, schedule: pl.DataFrame, block: HandBlock, inside: Mask) -> bool:
    """Return whether a block reaches its target of stored energy; without one it does not."""
    if block.target_percent is None:
        return False
    soc, target = schedule["soc_end_kwh"].to_numpy()[inside], task.site.battery.stored_kwh(block.target_percent)
    far = target - soc if block.mode == "charge" else soc - target
    return bool(far.min() <= _EDGE_KWH)


def _asked_kwh(task: PlanTask, schedule: pl.DataFrame, block: HandBlock) -> Energy:
    """Return the energy that a block asks for in each slot `(n_slots,)` [kWh]; to discharge, what the house needs."""
    battery, every = task.site.battery, np.full(task.n_slots, SLOT_HOURS)
    asked = np.inf if block.power_kw is None else block.power_kw
    if block.mode == "charge":
        return every * min(asked, battery.charge_kw)
    given = every * min(asked, battery.discharge_kw)
    if block.mode == "export":
        return np.minimum(given, slot_limit(task.site.limits.export_kw))
    house = House.of(task, schedule)
    return np.minimum(given, np.maximum(house.load_kwh - house.pv_kwh, 0.0))


def _causes(task: PlanTask, schedule: pl.DataFrame, block: HandBlock) -> list[_Cause]:
    """Return the reasons that may hold back a block, the firmest first."""
    battery, limits = task.site.battery, task.site.limits
    soc = schedule["soc_end_kwh"].to_numpy()
    imported, exported = schedule["import_kwh"].to_numpy(), schedule["export_kwh"].to_numpy()
    if block.mode == "charge":
        return [
            _Cause(phrase("the battery is full"), soc >= battery.max_soc_kwh - _EDGE_KWH),
            _Cause(phrase("so full, the battery takes no more"), _tapered(battery, schedule)),
            _Cause(phrase("the fuse leaves no more room"), imported >= slot_limit(limits.import_kw) - _EDGE_KWH),
            _Cause(phrase("the inverter passes no more"), np.ones(len(soc), dtype=np.bool_)),
        ]
    others = {name: schedule[f"{name}_kwh"].to_numpy() for name in task.loads.names}
    drawn = task.kept_from_battery(others) > _EDGE_KWH
    reserve = task.unused_kwh > battery.min_soc_kwh + _EDGE_KWH
    low = soc <= task.unused_kwh + _EDGE_KWH
    given = schedule["discharge_kwh"].to_numpy() >= slot_limit(battery.discharge_kw) - _EDGE_KWH
    return [
        _Cause(phrase("the car charges, which the house battery may not feed"), drawn),
        _Cause(phrase("what is left is the reserve"), low & reserve),
        _Cause(phrase("the battery is at its minimum"), low),
        _Cause(phrase("no more may be exported"), exported >= slot_limit(limits.export_kw) - _EDGE_KWH),
        _Cause(phrase("the battery gives all its power, to the house first"), given),
        _Cause(phrase("the inverter passes no more"), np.ones(len(soc), dtype=np.bool_)),
    ]


def _tapered(battery: Battery, schedule: pl.DataFrame) -> Mask:
    """Return the slots `(n_slots,)` that charge at all that the battery's taper leaves, less than its power."""
    most = battery.most_charge_kw(schedule["soc_start_kwh"].to_numpy())
    charged = schedule["charge_kwh"].to_numpy()
    return (most < battery.charge_kw) & (charged >= most * SLOT_HOURS - _EDGE_KWH)


def _load_notes(task: PlanTask, schedule: pl.DataFrame, block: HandBlock, inside: Mask) -> list[str]:
    """Return a note where a load takes less than its full power in its block."""
    name = LOADS[block.mode]
    load = next((each for each in task.loads.flexible if each.name == name), None)
    if load is None:
        return [phrase("{load} asks for nothing in this plan", load=_LOAD_NAMES[name])]
    taken: Energy = schedule[f"{name}_kwh"].to_numpy()[inside]
    full = float(load.most_kwh.max()) * int(inside.sum())
    if full - float(taken.sum()) <= VISIBLE_KWH:
        return []
    away = load.most_kwh[inside] <= 0
    facts = {"load": _LOAD_NAMES[name], "taken": energy(float(taken.sum())), "asked": energy(full)}
    if away.any():
        return [phrase("{load} takes {taken} of {asked}: it is not there all of the time", **facts)]
    return [phrase("{load} takes {taken} of {asked}: it needs no more", **facts)]
