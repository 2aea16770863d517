"""The actions of a slot and their costs, and one step of the backward recursion over a grid of stored energy.

J is linear between grid points and a slot's cost is piecewise linear in the change of stored energy, so the minimum is
exact among few actions: those that end on a grid point, and those at breakpoints of the cost (follow the house, full
power). Flows and cost of an action come from `env.inverter`, limits and all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from env.battery import Battery
from env.command_menu import full_export_kw
from env.inverter import Command, Energy, Flows, apply_command, slot_limit
from env.site import Site
from env.time_grid import SLOT_HOURS
from env.types import Index
from planner.errors import GridTooFineError
from planner.optimizer.plan_commands import exact_commands
from planner.value.scenarios import Scenarios

MOST_STEPS = 4096
"""Steps of the grid that a command may move the battery in a slot; a real one moves it a few dozen."""
OVER_FUSE = 1e3  # times the highest price, per kWh above the fuse: as the optimiser counts it
MATCH_KWH = 1e-9
ROOMY_SLOTS = 8.0  # a battery of so many slots' energy never clamps a single slot


class PowerCost(Protocol):
    """The charge of imports of slots by their power."""

    @property
    def price(self) -> Energy:
        """Price of imports above what is free `(n_components, n_slots)` [money/kWh]."""
        ...

    @property
    def free_of_all(self) -> Energy:
        """Import of a slot that no component charges, of a shape that goes with `(..., n_slots, 1)` [kWh]."""
        ...

    def cost_of_slots(self, import_kwh: Energy) -> Energy:
        """Return the charge of imports `(..., n_slots, n_actions)` [money]."""
        ...


class World:
    """Homes `(n_homes, n_scenarios, n_slots, 1)` with a battery that no single slot fills or empties.

    Args:
        scenarios: load and PV.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        site: battery and limits.
        power: demand charge; None for none.
        rows: rows of the charge that each scenario has: the house is the same in all of them.
    """

    def __init__(
        self,
        scenarios: Scenarios,
        import_price: Energy,
        export_price: Energy,
        site: Site,
        *,
        power: PowerCost | None = None,
        rows: int = 1,
    ) -> None:
        self.site, self.power, self.rows = site, power, rows
        self.load_kwh, self.pv_kwh = scenarios.load_kwh[..., None], scenarios.pv_kwh[..., None]
        self.import_price, self.export_price = import_price[:, None, :, None], export_price[:, None, :, None]
        battery = site.battery
        room = ROOMY_SLOTS * max(1.0, slot_limit(battery.charge_kw), most_drawn(battery))
        self.battery = replace(
            battery,
            capacity_kwh=2 * room,
            min_soc_kwh=0.0,
            max_soc_kwh=2 * room,
            retention_per_hour=1.0,
            charge_taper=(),
            discharge_taper=(),
        )
        self.soc_kwh = np.asarray(room)
        dearest = np.maximum(np.abs(import_price), np.abs(export_price)).max(axis=1)
        self.over_fuse = (OVER_FUSE * np.maximum(dearest, 1.0))[:, None, None, None]

    def run(self, command: Command, *, of_rows: bool = False) -> tuple[Energy, Energy]:
        """Change of stored energy [kWh] and cost, wear included [money], of commands `(..., n_actions)`.

        Args:
            command: the same for all rows of a scenario.
            of_rows: the command differs by row.

        Returns:
            Each by row.
        """
        flows = self.flows(command, self.battery, self.soc_kwh, of_rows=of_rows)
        battery = self.site.battery
        moved = battery.stored_by(flows.charge_kwh) - battery.drawn_by(flows.discharge_kwh)
        return repeated(moved, 1 if of_rows else self.rows), self.cost(flows, of_rows=of_rows)

    def run_from(self, command: Command, soc_kwh: Energy, *, of_rows: bool = False) -> tuple[Energy, Energy]:
        """Stored energy at the end [kWh] and cost [money] of commands given with the battery itself, at one level."""
        flows = self.flows(command, self.site.battery, soc_kwh, of_rows=of_rows)
        return repeated(flows.soc_end_kwh, 1 if of_rows else self.rows), self.cost(flows, of_rows=of_rows)

    def flows(self, command: Command, battery: Battery, soc_kwh: Energy, *, of_rows: bool = False) -> Flows:
        """Return the flows of commands at levels of stored energy, by scenario or by row."""
        load, pv = (repeated(table, self.rows if of_rows else 1) for table in (self.load_kwh, self.pv_kwh))
        return apply_command(
            command,
            load_kwh=load,
            pv_kwh=pv,
            soc_kwh=soc_kwh,
            export_price=self.export_price,
            battery=battery,
            limits=self.site.limits,
        )

    def cost(self, flows: Flows, *, of_rows: bool = False) -> Energy:
        """Return the cost of flows, wear included, by row [money]."""
        battery, times = self.site.battery, 1 if of_rows else self.rows
        cost = (
            flows.import_kwh * self.import_price
            - flows.export_kwh * self.export_price
            + flows.charge_kwh * battery.charge_wear
            + flows.discharge_kwh * battery.discharge_wear
            + flows.breach_kwh * self.over_fuse
        )
        cost = repeated(cost, times)
        if self.power is not None:
            cost = cost + self.power.cost_of_slots(repeated(flows.import_kwh, times))
        return cost


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


def repeated(by_scenario: Energy, rows: int) -> Energy:
    """Return what scenarios have as what their rows have `(n_homes, n_scenarios x rows, ...)`."""
    return by_scenario if rows == 1 else np.repeat(by_scenario, rows, axis=1)


class Actions:
    """The actions in each slot of some homes, and their costs.

    Offsets change the stored energy by whole steps of the grid; breakpoints are commands at which the cost has a kink.
    """

    def __init__(self, world: World, grid: Energy) -> None:
        battery = world.site.battery
        self.grid, self.step, self.retention = grid, grid_step(grid), battery.retention_per_slot
        most = len(grid) - 1
        _check_steps(max(most_drawn(battery), most_stored(battery)) / self.step, battery)
        down = min(int(most_drawn(battery) / self.step + MATCH_KWH), most)
        up = min(int(most_stored(battery) / self.step + MATCH_KWH), most)
        self.offsets = np.arange(-down, up + 1)
        wanted: Energy = self.offsets.astype(np.float64) * self.step
        offsets, breakpoints = _Given(_offset_commands(wanted, world)), _breakpoints(world)
        moved, cost = offsets.run(world)
        self.offset_cost = _by_slot(np.where(np.abs(moved - wanted) < MATCH_KWH, cost, np.inf))
        moved, cost = _side_by_side([each.run(world) for each in breakpoints])
        steps = moved / self.step
        low = np.floor(steps)
        self.breakpoints = _Breakpoints(_by_slot(low).astype(np.intp), _by_slot(steps - low), _by_slot(cost))
        self.most_steps = int(np.abs(low).max()) + 1
        _check_steps(self.most_steps, battery)
        # An action that the battery's edge cuts short costs at most this much more a step than the whole one: what is
        # not delivered is imported, above the fuse if there is one and above what a demand charge leaves free. Where
        # that is too much, an offset ends on the edge.
        prices = np.stack([world.import_price, world.export_price])[:, :, 0, :, 0]
        over_fuse = 0.0 if world.site.limits.import_kw is None else world.over_fuse[:, 0, :, 0]
        dearest = np.maximum(prices.max(axis=0), 0.0) + over_fuse
        if world.power is not None:
            dearest = dearest + world.power.price.sum(axis=0)
        self.short_of_energy = self.step * battery.discharge_efficiency * dearest
        self.short_of_room = self.step / battery.charge_efficiency * np.maximum(-prices.min(axis=0), 0.0)
        self._tapered = _tapered_points(world, grid, (offsets, *breakpoints))

    def step_back(self, slot: int, later: Energy) -> Energy:
        """Return the value at a slot's start from that at its end, both `(n_homes, n_scenarios, n_soc)`."""
        n_soc, down, up = later.shape[-1], -int(self.offsets[0]), int(self.offsets[-1])
        padded = np.full((*later.shape[:2], down + n_soc + up), -np.inf)  # `np.pad` takes as long as all the rest
        padded[..., down : down + n_soc] = later
        cost = self.offset_cost[slot]
        after: Energy = np.empty_like(later)
        best = padded[..., :n_soc] - cost[0]
        for action in range(1, len(self.offsets)):
            np.subtract(padded[..., action : action + n_soc], cost[action], out=after)
            np.maximum(best, after, out=best)
        self._raise_to_breakpoints(slot, later, best)
        if self.retention < 1:  # `best` is over what the slot's loss leaves of the energy
            kept = np.broadcast_to(self.retention * self.grid, best.shape).reshape(-1, n_soc)
            best = interpolated(self.grid, best.reshape(-1, n_soc), kept).reshape(best.shape)
        if self._tapered is not None:
            ends = self._tapered.soc_kwh[:, :, slot]
            left = interpolated(self.grid, later.reshape(-1, n_soc), ends.reshape(later.size // n_soc, -1))
            best[..., self._tapered.points] = (left.reshape(ends.shape) - self._tapered.cost[:, :, slot]).max(axis=-1)
        return best

    def _raise_to_breakpoints(self, slot: int, later: Energy, best: Energy) -> None:
        """Raise `best` to the value of any of the breakpoints, all `(n_homes, n_scenarios, n_soc)`."""
        n_homes, n_scenarios, n_soc = later.shape
        beyond = np.arange(1.0, self.most_steps + 1)
        below = later[..., :1] - beyond[::-1] * self.short_of_energy[:, slot, None, None]
        above = later[..., -1:] - beyond * self.short_of_room[:, slot, None, None]
        padded = np.concatenate([below, later, above], axis=-1)
        flat, width = padded.reshape(-1), padded.shape[-1]
        rows = np.arange(0, padded.size, width, dtype=np.intp).reshape(n_homes, n_scenarios, 1)
        places = rows + np.arange(self.most_steps, self.most_steps + n_soc + 1, dtype=np.intp)
        points = self.breakpoints
        value: Energy = np.empty_like(later)
        for point, together in enumerate(points.together[slot]):
            if together is None:
                at: Index = points.low[slot, point] + places
                reached = flat.take(at)
            else:  # full power moves every home alike
                reached = padded[..., together + self.most_steps : together + self.most_steps + n_soc + 1]
            np.subtract(reached[..., 1:], reached[..., :-1], out=value)
            value *= points.share[slot, point]
            value += reached[..., :-1]
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
    """The actions at breakpoints, each `(n_slots, n_points, n_homes, n_scenarios, 1)`.

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
        least, most = self.low.min(axis=(2, 3, 4)), self.low.max(axis=(2, 3, 4))
        return [
            [low if low == high else None for low, high in zip(lows, highs, strict=True)]
            for lows, highs in zip(least.tolist(), most.tolist(), strict=True)
        ]


def _by_slot(table: Energy) -> Energy:
    """Return `(n_homes, n_scenarios, n_slots, n_actions)` as `(n_slots, n_actions, n_homes, n_scenarios, 1)`."""
    return np.ascontiguousarray(table.transpose(2, 3, 0, 1))[..., None]


def _side_by_side(parts: Sequence[tuple[Energy, Energy]]) -> tuple[Energy, Energy]:
    """Return pairs of tables, their actions side by side."""
    first, second = zip(*parts, strict=True)
    return np.concatenate(first, axis=-1), np.concatenate(second, axis=-1)


def _tapered_points(world: World, grid: Energy, menus: Sequence[_Given]) -> _TaperedPoints | None:
    """Return the points of a grid at which the battery has less than its full power; None where there are none."""
    battery = world.site.battery
    less = battery.most_charge_kw(grid) < battery.charge_kw
    points = np.flatnonzero(
        np.broadcast_to(less | (battery.most_discharge_kw(grid) < battery.discharge_kw), grid.shape)
    )
    if not len(points):
        return None
    runs = [
        _side_by_side([world.run_from(menu.command, soc, of_rows=menu.of_rows) for menu in menus])
        for soc in grid[points]
    ]
    ends, costs = (np.stack(tables, axis=3) for tables in zip(*runs, strict=True))
    return _TaperedPoints(points, ends, costs)


def _check_steps(n_steps: float, battery: Battery) -> None:
    """Refuse a battery that a slot moves by more steps of the grid than fit in memory.

    Raises:
        GridTooFineError: it is one.
    """
    if n_steps > MOST_STEPS:
        power = max(battery.charge_kw, battery.discharge_kw)
        usable = battery.max_soc_kwh - battery.min_soc_kwh
        message = f"a battery of {power:g} kW with a usable range of {usable:g} kWh is moved through it in no time"
        raise GridTooFineError(message)


def most_stored(battery: Battery) -> float:
    """Most that a slot can add to the store [kWh]."""
    return float(battery.stored_by(np.asarray(slot_limit(battery.charge_kw))))


def most_drawn(battery: Battery) -> float:
    """Most that a slot can take out of the store [kWh]."""
    return float(battery.drawn_by(np.asarray(slot_limit(battery.discharge_kw))))


def _offset_commands(moved_kwh: Energy, world: World) -> Command:
    """Return the commands that change the stored energy by so much `(n_actions,)`, where limits allow it."""
    battery = world.site.battery
    charge = battery.charge_storing(np.maximum(moved_kwh, 0.0))
    discharge = battery.discharge_drawing(np.maximum(-moved_kwh, 0.0))
    return exact_commands(charge_kwh=charge, discharge_kwh=discharge, load_kwh=world.load_kwh, pv_kwh=world.pv_kwh)


def _breakpoints(world: World) -> list[_Given]:
    """Return the commands at breakpoints; with a demand charge also those of the free import."""
    commands = [_Given(_breakpoint_commands(world.site))]
    if world.power is None:
        return commands
    room = world.power.free_of_all - repeated(world.load_kwh - world.pv_kwh, world.rows)
    level = Command(np.maximum(room, 0.0) / SLOT_HOURS, np.maximum(-room, 0.0) / SLOT_HOURS, np.zeros_like(room))
    return [*commands, _Given(level, of_rows=True)]


def _breakpoint_commands(site: Site) -> Command:
    """Return commands `(n_actions,)`: follow the house, full discharge, full charge; with a limit also hold [kW]."""
    battery, limits, everything = site.battery, site.limits, full_export_kw(site)
    commands = [
        (0.0, battery.discharge_kw, 0.0),
        (0.0, battery.discharge_kw, everything),
        (battery.charge_kw, 0.0, 0.0),
    ]
    if any(limit is not None for limit in (limits.import_kw, limits.export_kw, limits.inverter_kw)):
        commands.append((0.0, 0.0, everything))
    return Command(*(np.array(power) for power in zip(*commands, strict=True)))


def interpolated(grid: Energy, values: Energy, soc_kwh: Energy) -> Energy:
    """Values `(n_homes, n_soc)` at stored energy `(n_homes, ...)`, linear between grid points, level outside."""
    low, share = place(grid, soc_kwh)
    flat, at = np.ascontiguousarray(values).reshape(-1), low + homes(low) * len(grid)
    below = flat.take(at)
    return below + share * (flat.take(at + 1) - below)


def along(by_home: Energy, like: Energy) -> Energy:
    """Return values by home, shaped to go with an array `(n_homes, ...)`."""
    return by_home.reshape(-1, *(1,) * (like.ndim - 1))


def grid_step(grid: Energy) -> float:
    """Distance of grid points; 1 for a battery without a range, where every value is the same [kWh]."""
    step = float(grid[1] - grid[0])
    return step if step > 0 else 1.0


def place(grid: Energy, soc_kwh: Energy) -> tuple[Index, Energy]:
    """Grid point below stored energy and the share of the step above it that is reached."""
    steps = (soc_kwh - grid[0]) / grid_step(grid)
    low = np.clip(np.floor(steps), 0, len(grid) - 2).astype(np.intp)
    return low, np.clip(steps - low, 0.0, 1.0)


def homes(like: Index) -> Index:
    """Index of the home, shaped to go with an array `(n_homes, ...)`."""
    return np.arange(len(like)).reshape(-1, *(1,) * (like.ndim - 1))
