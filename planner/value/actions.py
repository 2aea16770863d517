"""The actions of a slot and their costs, and one step of the backward recursion over a grid of stored energy.

J is linear between grid points and a slot's cost is piecewise linear in the change of stored energy, so the minimum is
exact among few actions: those that end on a grid point, and those at breakpoints of the cost (follow the house, full
power). Flows and cost of an action come from `env.inverter`, limits and all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from env.battery import Battery, Storage
from env.command_menu import full_export_kw
from env.fleet import along as of_homes
from env.fleet import by_row
from env.inverter import Command, Energy
from env.site import Site
from env.time_grid import SLOT_HOURS
from env.types import Index, Mask
from planner.errors import GridTooFineError
from planner.optimizer.plan_commands import exact_commands
from planner.value.world import World, most_drawn, most_stored, repeated

MOST_STEPS = 4096
"""Steps of the grid that a command may move the battery in a slot; a real one moves it a few dozen."""
MATCH_KWH = 1e-9
Number = TypeVar("Number", np.float64, np.intp)
CACHED = 16384  # numbers of a table whose flows are worked out at once


@dataclass(frozen=True)
class _TaperedPoints:
    """The actions at grid points where the battery has less than its full power: commands given with it as it is.

    Attributes:
        points: their places in the grid `(n_tapered,)`.
        soc_kwh: stored energy that commands end with `(n_homes, n_scenarios, n_slots, n_tapered, n_actions)` [kWh].
        cost: of the commands, of the same shape [money].
    """

    points: Index
    soc_kwh: Energy
    cost: Energy


class Actions:
    """The actions in each slot of some homes, and their costs.

    Offsets change the stored energy by whole steps of the grid; breakpoints are commands at which the cost has a kink.
    """

    def __init__(self, world: World, grid: Energy) -> None:
        battery, _ = of_homes(world.site, axes=4)
        self.grid, self.step = grid, step_along(grid, world.load_kwh)
        self.loses = bool(np.any(np.less(battery.retention_per_slot, 1)))
        self._kept_grid = _of_rows(battery.retention_per_slot) * grid
        most = grid.shape[-1] - 1
        drawn, stored = most_drawn(battery) / self.step, most_stored(battery) / self.step
        _check_steps(float(np.maximum(drawn, stored).max()), battery)
        down, up = (np.minimum((steps + MATCH_KWH).astype(np.intp), most) for steps in (drawn, stored))
        self.offsets = np.arange(-int(down.max()), int(up.max()) + 1)
        wanted: Energy = self.offsets.astype(np.float64) * self.step
        reached = (self.offsets >= -down) & (self.offsets <= up)
        if self.grid.ndim > 1:
            wanted, reached = world.of_scenarios(wanted), world.of_scenarios(reached)
        self.offset_cost = _offset_cost(wanted, world, reached)
        breakpoints = _breakpoints(world)
        moved, cost = _side_by_side([each.run(world) for each in breakpoints])
        steps = moved / self.step
        low = np.floor(steps)
        self.breakpoints = _Breakpoints(_by_slot(low).astype(np.intp), _by_slot(steps - low), _by_slot(cost))
        self.most_steps = int(np.abs(low).max()) + 1
        _check_steps(self.most_steps, battery)
        n_rows, first = self.offset_cost.shape[-1], self.most_steps
        places = np.arange(first * n_rows, (first + most + 2) * n_rows, dtype=np.intp)
        self._places: Index = places.reshape(-1, n_rows)  # of the grid in its padded table, and one above it
        # An action that the battery's edge cuts short costs at most this much more a step than the whole one: what is
        # not delivered is imported, above the fuse if there is one and above what a demand charge leaves free. Where
        # that is too much, an offset ends on the edge.
        prices = np.stack([world.import_price, world.export_price])[:, :, 0, :, 0]
        over_fuse = world.over_fuse[:, 0, :, 0] if world.fused else 0.0
        dearest = np.maximum(prices.max(axis=0), 0.0) + over_fuse
        if world.power is not None:
            dearest = dearest + world.power.price.sum(axis=0)
        step, efficiencies = _of_rows(self.step), (battery.discharge_efficiency, battery.charge_efficiency)
        out, into = (_of_rows(each) for each in efficiencies)
        self.short_of_energy = step * out * dearest
        self.short_of_room = step / into * np.maximum(-prices.min(axis=0), 0.0)
        self._tapered = _tapered_points(world, grid, wanted, breakpoints)

    def step_back(self, slot: int, later: Energy) -> Energy:
        """Return the value at a slot's start from that at its end, both `(n_homes, n_scenarios, n_soc)`.

        Stored energy lies outermost in the work and in what is returned, so that every step of NumPy's runs over all
        homes and scenarios at once, which is a third of the time that rows of a few dozen points take.
        """
        n_soc, cost = later.shape[-1], self.offset_cost[slot]
        table = np.ascontiguousarray(later.reshape(-1, n_soc).T)
        best: Energy = table - cost[-self.offsets[0]]  # of the offset that stays
        after: Energy = np.empty_like(table)
        for action, offset in enumerate(self.offsets.tolist()):
            if offset == 0:
                continue
            first, end = max(-offset, 0), n_soc - max(offset, 0)  # from where the offset ends on the grid
            np.subtract(table[first + offset : end + offset], cost[action], out=after[first:end])
            np.maximum(best[first:end], after[first:end], out=best[first:end])
        self._raise_to_breakpoints(slot, table, best)
        if self.loses:  # `best` is over what the slot's loss leaves of the energy
            grid, kept_grid = (_repeated_to(rows, table.shape[1]) for rows in (self.grid, self._kept_grid))
            kept = np.broadcast_to(kept_grid, best.T.shape)
            best = np.ascontiguousarray(interpolated(grid, best.T, kept).T)
        if self._tapered is not None:
            ends, paid = self._tapered.soc_kwh[:, :, slot], self._tapered.cost[:, :, slot]
            left = interpolated(self.grid, table.T, ends.reshape(table.shape[1], -1)).reshape(ends.shape)
            best[self._tapered.points] = (left - paid).max(axis=-1).reshape(table.shape[1], -1).T
        return best.T.reshape(later.shape)

    def _raise_to_breakpoints(self, slot: int, later: Energy, best: Energy) -> None:
        """Raise `best` to the value of any of the breakpoints, both `(n_soc, n_homes x n_scenarios)`."""
        n_soc, n_rows = later.shape
        beyond = np.arange(1.0, self.most_steps + 1)[:, None]
        short_of_energy, short_of_room = (
            np.repeat(short[:, slot], n_rows // len(short)) for short in (self.short_of_energy, self.short_of_room)
        )
        padded = np.concatenate(
            [later[:1] - beyond[::-1] * short_of_energy, later, later[-1:] - beyond * short_of_room]
        )
        flat, first, points = padded.reshape(-1), self.most_steps, self.breakpoints
        value: Energy = np.empty_like(later)
        for point, together in enumerate(points.together[slot]):
            if together is None:
                at: Index = self._places + n_rows * points.low[slot, point]
                reached = flat.take(at)
            else:  # full power moves every home alike
                reached = padded[first + together : first + together + n_soc + 1]
            np.subtract(reached[1:], reached[:-1], out=value)
            value *= points.share[slot, point]
            value += reached[:-1]
            value -= points.cost[slot, point]
            np.maximum(best, value, out=best)


class _Given(NamedTuple):
    """Commands `(..., n_actions)`, and whether they differ by the row of a scenario."""

    command: Command
    of_rows: bool = False

    def run(self, world: World) -> tuple[Energy, Energy]:
        """Return what the commands move and cost: `World.run`."""
        return world.run(self.command, of_rows=self.of_rows)


@dataclass(frozen=True)
class _Breakpoints:
    """The actions at breakpoints, each `(n_slots, n_points, n_homes x n_scenarios)`.

    Attributes:
        low: whole steps of the grid that they move, rounded down.
        share: of the next step, which they move besides.
        cost: what they cost [money].
    """

    low: Index
    share: Energy
    cost: Energy

    @cached_property
    def together(self) -> list[list[int | None]]:
        """The steps of a slot's point where all homes and scenarios move equally many, else None."""
        least, most = self.low.min(axis=2), self.low.max(axis=2)
        return [
            [low if low == high else None for low, high in zip(lows, highs, strict=True)]
            for lows, highs in zip(least.tolist(), most.tolist(), strict=True)
        ]


def _by_slot(table: Energy) -> Energy:
    """Return `(n_homes, n_scenarios, n_slots, n_actions)` as `(n_slots, n_actions, n_homes x n_scenarios)`."""
    return np.ascontiguousarray(table.transpose(2, 3, 0, 1)).reshape(*table.shape[2:], -1)


def _side_by_side(parts: Sequence[tuple[Energy, Energy]]) -> tuple[Energy, Energy]:
    """Return pairs of tables, their actions side by side."""
    first, second = zip(*parts, strict=True)
    return np.concatenate(first, axis=-1), np.concatenate(second, axis=-1)


def _tapered_points(
    world: World, grid: Energy, moved_kwh: Energy, breakpoints: Sequence[_Given]
) -> _TaperedPoints | None:
    """Return the points of a grid at which the battery has less than its full power; None where there are none."""
    if not isinstance(battery := world.own_battery, Battery):
        return None  # homes that differ have no tapers (`env.fleet.rows_form`)
    less = battery.most_charge_kw(grid) < battery.charge_kw
    points = np.flatnonzero(
        np.broadcast_to(less | (battery.most_discharge_kw(grid) < battery.discharge_kw), grid.shape)
    )
    if not len(points):
        return None
    menus = (_Given(_offset_commands(moved_kwh, world)), *breakpoints)
    runs = [
        _side_by_side([world.run_from(menu.command, soc, of_rows=menu.of_rows) for menu in menus])
        for soc in grid[points]
    ]
    ends, costs = (np.stack(tables, axis=3) for tables in zip(*runs, strict=True))
    return _TaperedPoints(points, ends, costs)


def _check_steps(n_steps: float, battery: Storage) -> None:
    """Refuse a battery that a slot moves by more steps of the grid than fit in memory.

    Raises:
        GridTooFineError: it is one.
    """
    if n_steps > MOST_STEPS:
        power = float(np.max(np.maximum(battery.charge_kw, battery.discharge_kw)))
        usable = float(np.min(np.subtract(battery.max_soc_kwh, battery.min_soc_kwh)))
        message = f"a battery of {power:g} kW with a usable range of {usable:g} kWh is moved through it in no time"
        raise GridTooFineError(message)


def _offset_commands(moved_kwh: Energy, world: World) -> Command:
    """Return the commands that change the stored energy by so much `(..., n_actions)`, where limits allow it."""
    battery = world.own_battery
    charge = battery.charge_storing(np.maximum(moved_kwh, 0.0))
    discharge = battery.discharge_drawing(np.maximum(-moved_kwh, 0.0))
    return exact_commands(charge_kwh=charge, discharge_kwh=discharge, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh)


def _offset_cost(moved_kwh: Energy, world: World, reached: Mask) -> Energy:
    """Return the cost of changes of the stored energy, infinity where limits forbid them: as `_by_slot` [money].

    `reached` says which of them the battery's power reaches, of the same shape.

    A few at a time: what all of a large battery's take at once no longer fits the processor's cache.
    """
    n_homes, n_scenarios, n_slots, _ = world.load_kwh.shape
    n_actions = moved_kwh.shape[-1]
    table = np.empty((n_slots, n_actions, n_homes * n_scenarios * world.rows))
    together = max(1, CACHED // world.load_kwh.size)
    for first in range(0, n_actions, together):
        part = slice(first, first + together)
        wanted = moved_kwh[..., part]
        moved, cost = world.run(_offset_commands(wanted, world))
        done = (np.abs(moved - wanted) < MATCH_KWH) & reached[..., part]
        table[:, part] = _by_slot(np.where(done, cost, np.inf))
    return table


def _breakpoints(world: World) -> list[_Given]:
    """Return the commands at breakpoints; with a demand charge also those of the free import."""
    powers = by_row(world.site, _breakpoint_commands)
    if powers.ndim > 2:  # noqa: PLR2004 - powers and actions: of homes that differ, the homes are in front
        commands = [_Given(Command(*map(world.of_scenarios, powers.transpose(1, 0, 2)[:, :, None, None])))]
    else:
        commands = [_Given(Command(*powers))]
    if world.power is None:
        return commands
    room = world.power.free_of_all - repeated(world.load_kwh - world.pv_kwh, world.rows)
    level = Command(np.maximum(room, 0.0) / SLOT_HOURS, np.maximum(-room, 0.0) / SLOT_HOURS, np.zeros_like(room))
    return [*commands, _Given(level, of_rows=True)]


def _breakpoint_commands(site: Site) -> Energy:
    """Return commands `(3, n_actions)`: follow the house, full discharge, full charge; with a limit also hold [kW]."""
    battery, limits, everything = site.battery, site.limits, full_export_kw(site)
    commands = [
        (0.0, battery.discharge_kw, 0.0),
        (0.0, battery.discharge_kw, everything),
        (battery.charge_kw, 0.0, 0.0),
    ]
    if any(limit is not None for limit in (limits.import_kw, limits.export_kw, limits.inverter_kw)):
        commands.append((0.0, 0.0, everything))
    return np.array(commands).T


def interpolated(grid: Energy, values: Energy, soc_kwh: Energy) -> Energy:
    """Values `(n_homes, n_soc)` at stored energy `(n_homes, ...)`, linear between grid points, level outside.

    Of equally many rows a home too.
    """
    low, share = place(grid, soc_kwh)
    at: Index = low + along(np.arange(len(values)) * int(grid.shape[-1]), low)
    flat = np.ascontiguousarray(values).reshape(-1)
    below = flat.take(at)
    return below + share * (flat.take(at + 1) - below)


def _of_rows(figure: float | Energy) -> float | Energy:
    """Return a figure of homes that differ, shaped for arrays, to go with arrays `(n_homes, n)`."""
    return figure if np.ndim(figure) == 0 else np.reshape(figure, (-1, 1))


def _repeated_to(grid: Energy, n_rows: int) -> Energy:
    """Return grids of homes that differ as those of all their scenarios; one of all homes as it is."""
    return grid if grid.ndim == 1 else _of_each_row(grid, n_rows)


def along(by_home: NDArray[Number], like: Energy | Index) -> NDArray[Number]:
    """Return values by home, shaped to go with an array `(n_homes, ...)`, or of equally many rows a home."""
    return _of_each_row(by_home, len(like)).reshape(-1, *(1,) * (like.ndim - 1))


def _of_each_row(by_home: NDArray[Number], n_rows: int) -> NDArray[Number]:
    """Return values by home as those of each of its rows."""
    return by_home if len(by_home) >= n_rows else np.repeat(by_home, n_rows // len(by_home), axis=0)


def grid_step(grid: Energy) -> float:
    """Distance of grid points; 1 for a battery without a range, where every value is the same [kWh]."""
    step = float(grid[1] - grid[0])
    return step if step > 0 else 1.0


def step_along(grid: Energy, like: Energy) -> float | Energy:
    """Distance of grid points, of a grid a home shaped to go with an array `(n_homes, ...)` [kWh]."""
    if grid.ndim == 1:
        return grid_step(grid)
    steps = grid[:, 1] - grid[:, 0]
    return along(np.where(steps > 0, steps, 1.0), like)


def at_point(grid: Energy, point: int, like: Energy) -> float | Energy:
    """Stored energy at a point of the grid, of a grid a home shaped to go with an array `(n_homes, ...)` [kWh]."""
    return grid[point] if grid.ndim == 1 else along(grid[:, point], like)


def place(grid: Energy, soc_kwh: Energy) -> tuple[Index, Energy]:
    """Grid point below stored energy and the share of the step above it that is reached."""
    steps = (soc_kwh - at_point(grid, 0, soc_kwh)) / step_along(grid, soc_kwh)
    low = np.clip(np.floor(steps), 0, grid.shape[-1] - 2).astype(np.intp)
    return low, np.clip(steps - low, 0.0, 1.0)


def homes(like: Index) -> Index:
    """Index of the home, shaped to go with an array `(n_homes, ...)`."""
    return np.arange(len(like)).reshape(-1, *(1,) * (like.ndim - 1))
