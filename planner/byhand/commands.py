"""Blocks by hand as commands of a plan's slots: set beforehand, kept by every source, and planned around.

A block sets the command of the battery. What it asks for (to charge, to discharge, to sell) is put ahead of whatever
else the kWh could earn, so that the slots before do not take away its room or its energy. They do not make any for it
either: a charge finds the battery no emptier, and a sale no fuller, than the plan without blocks would have had it at
some time before (`within`). No money that is reported contains these prices. To hold, or to leave the inverter by
itself, asks for no energy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias, get_args

import numpy as np
import polars as pl

from env.battery import Battery
from env.command_menu import full_export_kw
from env.inverter import Command, Decision, Energy, LimitedCommand, apart, slot_limit
from env.power_tariff import PowerTariff
from env.site import Site
from env.time_grid import SLOT, SLOT_HOURS
from env.types import Mask
from planner.care.soc_targets import least_price

BatteryMode: TypeAlias = Literal["charge", "discharge", "export", "hold", "self_consumption"]
LoadMode: TypeAlias = Literal["heat_water", "charge_car"]
BATTERY_MODES: tuple[BatteryMode, ...] = get_args(BatteryMode)
LOADS: Mapping[str, str] = {"heat_water": "water", "charge_car": "ev"}
"""Column of the load that a block moves, by its mode."""
AHEAD_TIMES = 3.0
"""Weight of a kWh that is asked for, as a multiple of the dearest kWh with its wear: room for it, and its energy."""
MADE_TIMES = 3.0
"""Price of a kWh of room or energy that was made for a block, as a multiple of that."""
_SLACK_KWH = 1e-5
"""Bounds of stored energy are this much wider than the plan that they come from: it is rounded."""


@dataclass(frozen=True, kw_only=True)
class HandBlock:
    """A stretch of time in which a person has set what battery or load does.

    Attributes:
        mode: what it does.
        start: its begin (UTC); a slot that it begins inside is its own.
        end: its end (UTC).
        power_kw: most power; None for all there is [kW].
        target_percent: state of charge at which a charge, discharge or sale ends; None for none [%].
        shown: whether it is told as set by hand.
    """

    mode: BatteryMode | LoadMode
    start: datetime
    end: datetime
    power_kw: float | None = None
    target_percent: float | None = None
    shown: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class HandCommands:
    """The commands that people have set, of the slots of a plan or a window.

    Attributes:
        fixed: where the command is set `(n_slots,)`.
        shown: where that is told as set by hand `(n_slots,)`.
        command: the commands, 0 elsewhere; each `(n_slots,)` [kW].
        charge_price: what a kWh charged is put ahead by `(n_slots,)` [money/kWh].
        discharge_price: what a kWh discharged is put ahead by `(n_slots,)` [money/kWh].
        reaches_kwh: stored energy above which the commands do not charge, infinity for none `(n_slots,)` [kWh].
        leaves_kwh: stored energy below which the commands do not discharge, 0 for none `(n_slots,)` [kWh].
        load_prices: the same of movable loads, by the name of their column, where they are to run.
        soc_least: stored energy that a block is to find at least at a slot's start; 0 for any `(n_slots,)` [kWh].
        soc_most: stored energy that a block is to find at most at a slot's start; infinity for any `(n_slots,)` [kWh].
    """

    fixed: Mask
    shown: Mask
    command: Command
    charge_price: Energy
    discharge_price: Energy
    soc_least: Energy
    soc_most: Energy
    reaches_kwh: Energy
    leaves_kwh: Energy
    load_prices: Mapping[str, Energy] = field(default_factory=dict[str, Energy])

    def over(self, command: Command) -> Command:
        """Return commands `(n_slots,)` with those set by hand in their place."""
        return Command(*(np.where(self.fixed, own, each) for own, each in zip(self.command, command, strict=True)))

    @property
    def aims(self) -> bool:
        """Return whether a block ends at a target of stored energy."""
        return bool(np.isfinite(self.reaches_kwh).any() or (self.leaves_kwh > 0).any())

    def until_target(self, command: Command, slot: int | slice, soc_kwh: Energy, site: Site) -> Command:
        """Return commands of slots that end at the blocks' targets; behind these the battery rests.

        Args:
            command: of the slots, those set by hand among them [kW].
            slot: the slots.
            soc_kwh: stored energy at their starts [kWh].
            site: battery and limits.
        """
        reaches, leaves = self.reaches_kwh[slot], self.leaves_kwh[slot]
        return _until(command, np.asarray(reaches), np.asarray(leaves), soc_kwh, site)

    def on_grid(self, grid_kwh: Energy, site: Site) -> Command:
        """Return the commands at each point of a grid of stored energy `(n_slots, n_soc)`, targets heeded [kW]."""
        command = Command(*(power[:, None] for power in self.command))
        return _until(command, self.reaches_kwh[:, None], self.leaves_kwh[:, None], grid_kwh[None], site)

    def decided(self, decision: Decision, slot: int, soc_kwh: Energy, site: Site) -> Decision:
        """Return the decision of a slot, or the command set by hand."""
        if not self.fixed[slot]:
            return decision
        command, limit_kw = apart(decision)
        own = Command(*(np.full_like(each, power[slot]) for each, power in zip(command, self.command, strict=True)))
        own = self.until_target(own, slot, soc_kwh, site)
        return own if limit_kw is None else LimitedCommand(own, np.full_like(limit_kw, np.inf))

    def slots(self, first: int, end: int | None = None) -> "HandCommands":
        """Return the commands of slots `first` to `end`."""
        part = slice(first, end)
        return HandCommands(
            fixed=self.fixed[part],
            shown=self.shown[part],
            command=Command(*(power[part] for power in self.command)),
            charge_price=self.charge_price[part],
            discharge_price=self.discharge_price[part],
            soc_least=self.soc_least[part],
            soc_most=self.soc_most[part],
            reaches_kwh=self.reaches_kwh[part],
            leaves_kwh=self.leaves_kwh[part],
            load_prices={name: price[part] for name, price in self.load_prices.items()},
        )

    def behind(self, n_slots: int) -> "HandCommands":
        """Return the commands behind so many slots in which nothing is set."""
        return HandCommands(
            fixed=np.concatenate([np.zeros(n_slots, dtype=np.bool_), self.fixed]),
            shown=np.concatenate([np.zeros(n_slots, dtype=np.bool_), self.shown]),
            command=Command(*(np.concatenate([np.zeros(n_slots), power]) for power in self.command)),
            charge_price=np.concatenate([np.zeros(n_slots), self.charge_price]),
            discharge_price=np.concatenate([np.zeros(n_slots), self.discharge_price]),
            soc_least=np.concatenate([np.zeros(n_slots), self.soc_least]),
            soc_most=np.concatenate([np.full(n_slots, np.inf), self.soc_most]),
            reaches_kwh=np.concatenate([np.full(n_slots, np.inf), self.reaches_kwh]),
            leaves_kwh=np.concatenate([np.zeros(n_slots), self.leaves_kwh]),
        )

    @property
    def tables(self) -> tuple[Energy, ...]:
        """Return all that plans around the commands follow from."""
        asked = (self.charge_price, self.discharge_price, self.soc_least, self.soc_most)
        asked += (self.reaches_kwh, self.leaves_kwh)
        return (self.fixed.astype(np.float64), *self.command, *asked)

    @property
    def prices(self) -> dict[str, Energy]:
        """Return what a kWh of each flow is put ahead by [money/kWh]."""
        return {"charge": self.charge_price, "discharge": self.discharge_price, **self.load_prices}

    def price_of(self, flow: str) -> Energy:
        """Return what a kWh of a flow is put ahead by `(n_slots,)` [money/kWh]."""
        return self.prices.get(flow, np.zeros(len(self.fixed)))

    def gained(self, schedule: pl.DataFrame) -> float:
        """Return what the energy that was asked for counts in a schedule; nobody is paid it [money]."""
        found = {name: price for name, price in self.prices.items() if f"{name}_kwh" in schedule.columns}
        return sum((float(price @ schedule[f"{name}_kwh"].to_numpy()) for name, price in found.items()), start=0.0)

    def made(self, soc_kwh: Energy) -> Energy:
        """Return the price of room or energy that was made for blocks, by stored energy at starts [money].

        Args:
            soc_kwh: stored energy `(..., n_slots)` [kWh].
        """
        price = MADE_TIMES * np.maximum(self.charge_price, self.discharge_price)
        beyond = np.maximum(self.soc_least - soc_kwh, 0.0) + np.maximum(soc_kwh - self.soc_most, 0.0)
        return price * beyond

    def made_on(self, grid_kwh: Energy) -> Energy:
        """Return the price of room or energy that was made, at each point of a grid `(n_slots, n_soc)` [money].

        A bound counts at the grid point beyond it: values between two points are linear, so that one point that is
        charged would be felt inside the bound.
        """
        last = len(grid_kwh) - 1
        below = np.clip(np.searchsorted(grid_kwh, self.soc_least, side="right") - 1, 0, last)
        above = np.clip(np.searchsorted(grid_kwh, self.soc_most, side="left"), 0, last)
        on_grid = replace(self, soc_least=np.minimum(grid_kwh[below], self.soc_least), soc_most=grid_kwh[above])
        return on_grid.made(grid_kwh[:, None]).T

    def within(self, soc_kwh: Energy, site: Site) -> "HandCommands":
        """Return the commands with bounds of what blocks are to find, by the plan without blocks.

        Behind a block that moves the battery the other way, or may, there is no bound.

        Args:
            soc_kwh: stored energy of that plan at the slots' starts `(n_slots,)` [kWh].
            site: the battery and its self-discharge.
        """
        least, most = np.zeros(len(soc_kwh)), np.full(len(soc_kwh), np.inf)
        gives, takes = self.fixed & (self.command.discharge_kw > 0), self.fixed & (self.command.charge_kw > 0)
        free = gives & (self.discharge_price == 0)
        for slot in np.flatnonzero(_begins(self.charge_price)):
            if not gives[:slot].any():
                kept = site.battery.retention_per_slot ** np.arange(slot, -1, -1)
                least[slot] = max(float((kept * soc_kwh[: slot + 1]).min()) - _SLACK_KWH, 0.0)
        for slot in np.flatnonzero(_begins(self.discharge_price)):
            if not (takes | free)[:slot].any():
                most[slot] = float(soc_kwh[: slot + 1].max()) + _SLACK_KWH
        return replace(self, soc_least=least, soc_most=most)

    def narrowed(self, least: Energy, most: Energy) -> tuple[Energy, Energy]:
        """Return bounds of stored energy at slots' ends with those that blocks are to find at starts [kWh]."""
        least[:-1], most[:-1] = np.maximum(least[:-1], self.soc_least[1:]), np.minimum(most[:-1], self.soc_most[1:])
        return least, most

    def bounded(self, most: Mapping[str, Energy], net_kwh: Energy, site: Site) -> dict[str, Energy]:
        """Return the most that the battery charges and discharges, under the commands where they are set [kWh].

        Args:
            most: the most without them, `charge` and `discharge`, each `(n_slots,)` [kWh].
            net_kwh: load less PV `(n_slots,)` [kWh].
            site: battery and limits.
        """
        charge, discharge, export = (power * SLOT_HOURS for power in self.command)
        surplus, deficit = np.maximum(-net_kwh, 0.0), np.maximum(net_kwh, 0.0)
        stored = np.maximum(charge, np.maximum(surplus - export, 0.0))
        given = np.where(charge > 0, 0.0, np.minimum(discharge, deficit + np.maximum(export - surplus, 0.0)))
        given = np.maximum(given, deficit - slot_limit(site.limits.import_kw))  # the battery helps above the fuse
        return {
            way: np.where(self.fixed, np.minimum(own, limit * SLOT_HOURS), most[way])
            for way, own, limit in (
                ("charge", stored, site.battery.charge_kw),
                ("discharge", given, site.battery.discharge_kw),
            )
        }


def battery_command(site: Site, mode: BatteryMode, power_kw: float | None) -> tuple[float, float, float]:
    """Return charge, discharge and export power of a block [kW]."""
    battery = site.battery
    most = float("inf") if power_kw is None else power_kw
    export = full_export_kw(site)
    return {
        "charge": (min(battery.charge_kw, most), 0.0, 0.0),
        "discharge": (0.0, min(battery.discharge_kw, most), 0.0),
        "export": (0.0, battery.discharge_kw, min(export, most)),
        "hold": (0.0, 0.0, export),
        "self_consumption": (0.0, battery.discharge_kw, 0.0),
    }[mode]


def block_at(blocks: Sequence[HandBlock], slot_start: datetime) -> HandBlock | None:
    """Return the block that sets the battery's command in a slot, the first wins; None where none does."""
    return next((each for each in blocks if each.mode in BATTERY_MODES and _holds(each, slot_start)), None)


def block_command(site: Site, block: HandBlock) -> tuple[float, float, float]:
    """Return charge, discharge and export power of a block [kW]; of a load's block those of the battery at rest."""
    mode = block.mode if block.mode in BATTERY_MODES else "hold"
    return battery_command(site, mode, block.power_kw)


def hand_commands(
    site: Site, slots: pl.DataFrame, blocks: Sequence[HandBlock], tariffs: Sequence[PowerTariff] = ()
) -> HandCommands | None:
    """Return the commands that blocks set in the slots of a plan; None where they set none.

    Args:
        site: battery and limits.
        slots: `slot_start, import_price, export_price`.
        blocks: the first that holds in a slot wins.
        tariffs: demand charge of the slots.
    """
    starts: list[datetime] = slots["slot_start"].to_list()
    held = [[block for block in blocks if _holds(block, start)] for start in starts]
    if not any(held):
        return None
    powers, asks, shown = np.zeros((3, len(starts))), np.zeros((2, len(starts))), np.zeros(len(starts), dtype=np.bool_)
    fixed = np.zeros(len(starts), dtype=np.bool_)
    reaches, leaves = np.full(len(starts), np.inf), np.zeros(len(starts))
    price, peak_price = ahead_price(site, slots), _peak_price(tariffs)
    loads: dict[str, Energy] = {}
    for slot, found in enumerate(held):
        for block in reversed(found):
            if (mode := block.mode) in BATTERY_MODES:
                powers[:, slot] = battery_command(site, mode, block.power_kw)
                asks[:, slot] = (mode == "charge", mode in {"discharge", "export"})
                fixed[slot], shown[slot] = True, block.shown
                reaches[slot], leaves[slot] = _aim(block, site.battery)
            else:
                loads.setdefault(LOADS[mode], np.zeros(len(starts)))[slot] = price + peak_price
    return HandCommands(
        fixed=fixed,
        shown=shown,
        command=Command(*powers),
        charge_price=(price + peak_price) * asks[0],
        discharge_price=price * asks[1],
        soc_least=np.zeros(len(starts)),
        soc_most=np.full(len(starts), np.inf),
        reaches_kwh=reaches,
        leaves_kwh=leaves,
        load_prices=loads,
    )


def _aim(block: HandBlock, battery: Battery) -> tuple[float, float]:
    """Return the stored energy that a block charges up to, and that it discharges down to [kWh]."""
    if block.target_percent is None:
        return np.inf, 0.0
    target_kwh = battery.stored_kwh(block.target_percent)
    return (target_kwh, 0.0) if block.mode == "charge" else (np.inf, target_kwh)


def _until(command: Command, reaches: Energy, leaves: Energy, soc_kwh: Energy, site: Site) -> Command:
    """Return commands that end at targets, all of shapes that go together [kW, kWh]."""
    battery, kept = site.battery, site.battery.retention_per_slot * soc_kwh
    room_kw = np.where(np.isinf(reaches), np.inf, battery.charge_storing(np.maximum(reaches - kept, 0.0)) / SLOT_HOURS)
    left_kw = np.where(leaves > 0, battery.discharge_drawing(np.maximum(kept - leaves, 0.0)) / SLOT_HOURS, np.inf)
    charge, discharge = np.minimum(command.charge_kw, room_kw), np.minimum(command.discharge_kw, left_kw)
    rests = ((charge <= 0) & (command.charge_kw > 0)) | ((discharge <= 0) & (command.discharge_kw > 0))
    return Command(charge, discharge, np.where(rests, full_export_kw(site), command.export_kw))


def _begins(price: Energy) -> Mask:
    """Return the slots in which something begins to be asked for, the first slot left out."""
    asked = price > 0
    return asked & np.concatenate([[False], ~asked[:-1]])


def _holds(block: HandBlock, slot_start: datetime) -> bool:
    """Return whether a block sets the command of a slot: one that it touches is its own."""
    return block.start < slot_start + SLOT and slot_start < block.end


def _peak_price(tariffs: Sequence[PowerTariff]) -> float:
    """Return the most that a kWh imported in a slot may add to demand charges [money/kWh]."""
    return sum(max([tariff.price_per_kw, *(tier.cost for tier in tariff.tiers)]) for tariff in tariffs) / SLOT_HOURS


def ahead_price(site: Site, slots: pl.DataFrame) -> float:
    """Return what a kWh that is asked for is put ahead by, demand charges left out [money/kWh]."""
    battery = site.battery
    prices = np.abs(np.stack([slots[f"{way}_price"].to_numpy() for way in ("import", "export")]))
    moved = max(float(prices.max()), least_price(site.currency)) + battery.charge_wear + battery.discharge_wear
    return AHEAD_TIMES * moved / battery.charge_efficiency
