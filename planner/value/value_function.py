"""The value of stored energy by backward recursion over a grid of stored energy, for many days and homes at once.

    J_t(s, soc) = min over moves [ cost of the slot in scenario s + p J_t+1(s, soc') + (1 - p) mean of J_t+1(., soc') ]

and value = -J (Bellman, "Dynamic Programming", 1957). A scenario goes on in the next slot with probability p, else any
of them follows: a day that began with much sun mostly goes on so. With p = 0 the slots would be independent and a day's
sums too certain, with p = 1 every scenario would know its whole day: `docs/adr/0007-value-function.md` has the figures.

J is linear between grid points and a slot's cost is piecewise linear in what is moved, so the least is found exactly
among few moves: those that end on a grid point, and those where the cost bends (follow the house, full power). What a
move does and costs is asked of `env.inverter`, limits and all.

What does not belong here: which command to give (`value_policy`), and where scenarios come from (`scenarios`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from env.battery import Battery
from env.command_menu import full_export_kw
from env.inverter import Command, Energy, apply_command, slot_limit
from env.site import Site
from env.time_grid import SLOT_HOURS
from planner.optimizer.plan_commands import exact_commands
from planner.value.scenarios import Scenarios

if TYPE_CHECKING:
    from planner.value.slot_prices import SlotPrices  # it brings SciPy, which a learned policy starts without

Index: TypeAlias = NDArray[np.intp]

GRID_POINTS = 61
PERSISTENCE = 0.9  # chance that a scenario goes on in the next slot
CHUNK = 32  # homes worked on together: their arrays stay in the processor's cache
OVER_FUSE = 1e3  # times the dearest price there is, per kWh above the fuse: as the optimiser counts it
MATCH_KWH = 1e-9
ROOMY_SLOTS = 8.0  # a battery of so many slots' energy never clamps a single slot


@dataclass(frozen=True)
class ValueFunction:
    """What stored energy is worth.

    Attributes:
        soc_kwh: grid of stored energy, evenly spaced `(n_soc,)` [kWh].
        value: minus the expected cost from each slot's start to the end where that scenario holds in the slot
            `(n_homes, n_scenarios, n_slots + 1, n_soc)` [money].
    """

    soc_kwh: Energy
    value: Energy

    def expected(self, slot: int, belief: Energy | None = None) -> Energy:
        """Value at a slot's start on the grid `(n_homes, n_soc)` [money].

        Args:
            slot: index; the number of slots is the end.
            belief: how likely each scenario is `(n_homes, n_scenarios)`; None for all alike.
        """
        n_scenarios = self.value.shape[1]
        weight = np.full(self.value.shape[:2], 1 / n_scenarios) if belief is None else belief
        return in_order(weight[..., None] * self.value[:, :, slot])

    def at(self, slot: int, soc_kwh: Energy, belief: Energy | None = None) -> Energy:
        """Value at a slot's start of stored energy `(n_homes, ...)`, kept inside the grid [money]."""
        return interpolated(self.soc_kwh, self.expected(slot, belief), soc_kwh)

    def marginal_value(self, slot: int, soc_kwh: Energy, belief: Energy | None = None) -> Energy:
        """What one more kWh stored at a slot's start saves, between the grid points around `soc_kwh` [money/kWh]."""
        low, _ = _place(self.soc_kwh, soc_kwh)
        slope = np.diff(self.expected(slot, belief), axis=-1) / _step(self.soc_kwh)
        return slope[_homes(low), low]


def soc_grid(battery: Battery, n_soc: int = GRID_POINTS) -> Energy:
    """Evenly spaced stored energy over the usable range `(n_soc,)` [kWh]."""
    return np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, n_soc)


def interpolated(grid: Energy, values: Energy, soc_kwh: Energy) -> Energy:
    """Values `(n_homes, n_soc)` at stored energy `(n_homes, ...)`, linear between grid points, level outside."""
    low, share = _place(grid, soc_kwh)
    flat, at = np.ascontiguousarray(values).reshape(-1), low + _homes(low) * len(grid)
    below = flat.take(at)
    return below + share * (flat.take(at + 1) - below)


def in_order(parts: Energy) -> Energy:
    """Sum over the second axis, always in the same order, whatever else is worked on together.

    NumPy adds row after row where a third axis lies innermost, at a seventh of the time; a lone innermost axis it would
    add in pairs.
    """
    if parts.ndim == 3 and parts.shape[2] > 1 and parts.flags.c_contiguous:  # noqa: PLR2004 - homes, parts, the rest
        return np.add.reduce(parts, axis=1)
    total = parts[:, 0].copy()
    for part in range(1, parts.shape[1]):
        total += parts[:, part]
    return total


def value_function(
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Site,
    end_value: Energy,
    persistence: float = PERSISTENCE,
    power: "SlotPrices | None" = None,
) -> ValueFunction:
    """Work out what stored energy is worth at the start of every slot.

    Args:
        scenarios: load and PV.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        site: battery and limits.
        end_value: worth of stored energy at the end, on a grid of any number of points `(n_homes, n_soc)` [money].
        persistence: chance that a scenario goes on in the next slot, 0-1.
        power: what power costs in the slots, the same for all homes; None for nothing.
    """
    n_soc = end_value.shape[1]
    grid = soc_grid(site.battery, n_soc)
    n_homes, n_scenarios, n_slots = scenarios.load_kwh.shape
    value = np.empty((n_homes, n_scenarios, n_slots + 1, n_soc))
    for first in range(0, n_homes, CHUNK):
        part = slice(first, first + CHUNK)
        own = scenarios.part(part)
        world = _World(own, import_price[part], export_price[part], site, power=power)
        moves = _Moves(world, grid)
        value[part, :, n_slots] = end_value[part, None]
        for slot in reversed(range(n_slots)):
            later = value[part, :, slot + 1]
            mixed = persistence * later + _other(later, own, 1 - persistence)
            value[part, :, slot] = moves.step_back(slot, mixed)
    return ValueFunction(grid, value)


def _other(later: Energy, scenarios: Scenarios, chance: float) -> Energy:
    """Value of going on as any scenario, times the chance of that `(n_homes, 1, n_soc)`."""
    if scenarios.prior is None:
        return (chance / later.shape[1]) * in_order(later)[:, None]
    return chance * in_order(scenarios.prior[:, :, None] * later)[:, None]


class _World:
    """Homes `(n_homes, n_scenarios, n_slots, 1)` with a battery that no single slot fills or empties."""

    def __init__(
        self,
        scenarios: Scenarios,
        import_price: Energy,
        export_price: Energy,
        site: Site,
        *,
        power: "SlotPrices | None" = None,
    ) -> None:
        self.site, self.power = site, power
        self.load_kwh, self.pv_kwh = scenarios.load_kwh[..., None], scenarios.pv_kwh[..., None]
        self.import_price, self.export_price = import_price[:, None, :, None], export_price[:, None, :, None]
        battery = site.battery
        room = ROOMY_SLOTS * max(1.0, slot_limit(battery.charge_kw), most_drawn(battery))
        self.battery = replace(
            battery, capacity_kwh=2 * room, min_soc_kwh=0.0, max_soc_kwh=2 * room, retention_per_hour=1.0
        )
        self.soc_kwh = np.asarray(room)
        dearest = np.maximum(np.abs(import_price), np.abs(export_price)).max(axis=1)
        self.over_fuse = (OVER_FUSE * np.maximum(dearest, 1.0))[:, None, None, None]

    def run(self, command: Command) -> tuple[Energy, Energy]:
        """Change of stored energy [kWh] and cost, wear included [money], of commands `(..., n_moves)`."""
        flows = apply_command(
            command,
            load_kwh=self.load_kwh,
            pv_kwh=self.pv_kwh,
            soc_kwh=self.soc_kwh,
            export_price=self.export_price,
            battery=self.battery,
            limits=self.site.limits,
        )
        battery = self.site.battery
        cost = (
            flows.import_kwh * self.import_price
            - flows.export_kwh * self.export_price
            + flows.charge_kwh * battery.charge_wear
            + flows.discharge_kwh * battery.discharge_wear
            + flows.breach_kwh * self.over_fuse
        )
        if self.power is not None:
            cost = cost + self.power.cost_of_slots(flows.import_kwh)
        return battery.stored_by(flows.charge_kwh) - battery.drawn_by(flows.discharge_kwh), cost


class _Moves:
    """What can be moved in each slot of some homes, and what it costs.

    Offsets move the stored energy by whole steps of the grid; bends are commands after which the cost turns.
    """

    def __init__(self, world: _World, grid: Energy) -> None:
        battery = world.site.battery
        self.grid, self.step, self.retention = grid, _step(grid), battery.retention_per_slot
        most = len(grid) - 1
        down = min(int(most_drawn(battery) / self.step + MATCH_KWH), most)
        up = min(int(most_stored(battery) / self.step + MATCH_KWH), most)
        self.offsets = np.arange(-down, up + 1)
        wanted: Energy = self.offsets.astype(np.float64) * self.step
        moved, cost = world.run(_offset_commands(wanted, world))
        self.offset_cost = np.where(np.abs(moved - wanted) < MATCH_KWH, cost, np.inf)
        moved, self.bend_cost = world.run(_bends(world))
        steps = moved / self.step
        self.bend_low: Index = np.floor(steps).astype(np.intp)
        self.bend_share = steps - self.bend_low
        self.reach = int(np.abs(self.bend_low).max()) + 1
        # A move that the battery's edge cuts short costs at most this much more a step than the whole move: what is not
        # delivered is bought, above the fuse if there is one. Where that is too much, an offset ends on the edge.
        prices = np.stack([world.import_price, world.export_price])[:, :, 0, :, 0]
        over_fuse = 0.0 if world.site.limits.import_kw is None else world.over_fuse[:, 0, :, 0]
        dearest = np.maximum(prices.max(axis=0), 0.0) + over_fuse
        self.short_of_energy = self.step * battery.discharge_efficiency * dearest
        self.short_of_room = self.step / battery.charge_efficiency * np.maximum(-prices.min(axis=0), 0.0)

    def step_back(self, slot: int, later: Energy) -> Energy:
        """Value at a slot's start from that at its end, both `(n_homes, n_scenarios, n_soc)`."""
        n_soc, down, up = later.shape[-1], -int(self.offsets[0]), int(self.offsets[-1])
        padded = np.full((*later.shape[:2], down + n_soc + up), -np.inf)  # `np.pad` takes as long as all the rest
        padded[..., down : down + n_soc] = later
        best = padded[..., :n_soc] - self.offset_cost[:, :, slot, 0, None]
        for move in range(1, len(self.offsets)):
            after = padded[..., move : move + n_soc]
            np.maximum(best, after - self.offset_cost[:, :, slot, move, None], out=best)
        self._raise_to_bends(slot, later, best)
        if self.retention < 1:  # `best` is over what the slot's loss leaves of the energy
            kept = np.broadcast_to(self.retention * self.grid, best.shape).reshape(-1, n_soc)
            best = interpolated(self.grid, best.reshape(-1, n_soc), kept).reshape(best.shape)
        return best

    def _raise_to_bends(self, slot: int, later: Energy, best: Energy) -> None:
        """Raise `best` to the value of following any of the bends, all `(n_homes, n_scenarios, n_soc)`."""
        n_homes, n_scenarios, n_soc = later.shape
        beyond = np.arange(1.0, self.reach + 1)
        below = later[..., :1] - beyond[::-1] * self.short_of_energy[:, slot, None, None]
        above = later[..., -1:] - beyond * self.short_of_room[:, slot, None, None]
        padded = np.concatenate([below, later, above], axis=-1)
        slope = np.zeros_like(padded)
        np.subtract(padded[..., 1:], padded[..., :-1], out=slope[..., :-1])
        slope, width = slope.reshape(-1), padded.shape[-1]
        rows = np.arange(0, padded.size, width, dtype=np.intp).reshape(n_homes, n_scenarios, 1)
        places = rows + np.arange(self.reach, self.reach + n_soc, dtype=np.intp)
        flat = padded.reshape(-1)
        for bend in range(self.bend_cost.shape[-1]):
            at = self.bend_low[:, :, slot, bend, None] + places
            value = slope.take(at)
            value *= self.bend_share[:, :, slot, bend, None]
            value += flat.take(at)
            value -= self.bend_cost[:, :, slot, bend, None]
            np.maximum(best, value, out=best)


def most_stored(battery: Battery) -> float:
    """Most that a slot can add to the store [kWh]."""
    return float(battery.stored_by(np.asarray(slot_limit(battery.charge_kw))))


def most_drawn(battery: Battery) -> float:
    """Most that a slot can take out of the store [kWh]."""
    return float(battery.drawn_by(np.asarray(slot_limit(battery.discharge_kw))))


def _offset_commands(moved_kwh: Energy, world: _World) -> Command:
    """Commands that change the stored energy by exactly so much `(n_moves,)`, where the limits let them."""
    battery = world.site.battery
    charge = battery.charge_storing(np.maximum(moved_kwh, 0.0))
    discharge = battery.discharge_drawing(np.maximum(-moved_kwh, 0.0))
    return exact_commands(charge_kwh=charge, discharge_kwh=discharge, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh)


def _bends(world: _World) -> Command:
    """Commands after which the cost turns, `(n_moves,)` or, to buy what is free of a charge for power, of each slot."""
    told = _bend_commands(world.site)
    if world.power is None:
        return told
    room = world.power.free_of_all - (world.load_kwh - world.pv_kwh)
    level = (np.maximum(room, 0.0) / SLOT_HOURS, np.maximum(-room, 0.0) / SLOT_HOURS, np.zeros_like(room))
    every = (*room.shape[:-1], len(told.charge_kw))
    return Command(*(np.concatenate([np.broadcast_to(a, every), b], axis=-1) for a, b in zip(told, level, strict=True)))


def _bend_commands(site: Site) -> Command:
    """Follow the house, all out, all in, and hold where a limit may forbid to stand still `(n_moves,)` [kW]."""
    battery, limits, everything = site.battery, site.limits, full_export_kw(site)
    told = [
        (0.0, battery.discharge_kw, 0.0),
        (0.0, battery.discharge_kw, everything),
        (battery.charge_kw, 0.0, 0.0),
    ]
    if not limits.import_kw is limits.export_kw is limits.inverter_kw is None:
        told.append((0.0, 0.0, everything))
    return Command(*(np.array(power) for power in zip(*told, strict=True)))


def _step(grid: Energy) -> float:
    """Distance of grid points; 1 for a battery without a range, where every value is the same [kWh]."""
    step = float(grid[1] - grid[0])
    return step if step > 0 else 1.0


def _place(grid: Energy, soc_kwh: Energy) -> tuple[Index, Energy]:
    """Grid point below stored energy and the share of the step above it that is reached."""
    steps = (soc_kwh - grid[0]) / _step(grid)
    low = np.clip(np.floor(steps), 0, len(grid) - 2).astype(np.intp)
    return low, np.clip(steps - low, 0.0, 1.0)


def _homes(like: Index) -> Index:
    """Index of the home, shaped to go with an array `(n_homes, ...)`."""
    return np.arange(len(like)).reshape(-1, *(1,) * (like.ndim - 1))
