"""The value of stored energy by backward recursion over a grid of stored energy, for many days and homes at once.

    J_t(s, soc) = min over actions [ cost of the slot in scenario s + p J_t+1(s, soc')
                                   + (1 - p) mean of J_t+1(., soc') ]

and value = -J (Bellman, "Dynamic Programming", 1957). A scenario goes on in the next slot with probability p, else any
of them follows: sunny mornings mostly lead to sunny days. With p = 0 the slots would be independent and a day's sums
too certain, with p = 1 every scenario would know its whole day: `docs/adr/0007-value-function.md` has the figures.

The least over actions is exact among few of them: `planner.value.actions`.

What does not belong here: which command to give (`value_policy`), and where scenarios come from (`scenario_source`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from env.battery import Battery
from env.fleet import Homes, by_row, part_of
from env.inverter import Energy
from planner.byhand.commands import HandCommands
from planner.deadline import check_deadline
from planner.value.actions import along, at_point, interpolated, step_along
from planner.value.actions_by_hand import actions_of
from planner.value.scenarios import Scenarios
from planner.value.world import World

if TYPE_CHECKING:
    from planner.value.slot_prices import SlotPrices  # imports SciPy, which is slow to start with

GRID_POINTS = 61
PERSISTENCE = 0.9  # chance that a scenario goes on in the next slot
CHUNK = 32  # homes worked on together: half of it or twice as many take a third longer


class SlotPenalty(Protocol):
    """A price of the energy that slots end with."""

    @property
    def tables(self) -> tuple[Energy, ...]:
        """Return all that the price follows from."""
        ...

    def penalty_on(self, grid_kwh: Energy, slot: int, homes: slice) -> Energy:
        """Return the price of ending a slot at each point of a grid, of some homes `(n_homes, n_soc)` [money]."""
        ...


@dataclass(frozen=True)
class ValueFunction:
    """The value of stored energy.

    Attributes:
        soc_kwh: grid of stored energy, evenly spaced `(n_soc,)`, of homes that differ `(n_homes, n_soc)` [kWh].
        value: minus the expected cost from each slot's start to the end where that scenario holds in the slot
            `(n_homes, n_scenarios, n_slots + 1, n_soc)` [money].
    """

    soc_kwh: Energy
    value: Energy

    def expected(self, slot: int, weights: Energy | None = None) -> Energy:
        """Return the value at a slot's start on the grid `(n_homes, n_soc)` [money].

        Args:
            slot: index; the number of slots is the end.
            weights: probability of each scenario `(n_homes, n_scenarios)`; None for equal ones.
        """
        n_scenarios = self.value.shape[1]
        if weights is None:
            weights = np.full(self.value.shape[:2], 1 / n_scenarios)
        return in_order(weights[..., None] * self.value[:, :, slot])

    def at(self, slot: int, soc_kwh: Energy, weights: Energy | None = None) -> Energy:
        """Return the value at a slot's start of stored energy `(n_homes, ...)`, kept inside the grid [money]."""
        return interpolated(self.soc_kwh, self.expected(slot, weights), soc_kwh)


def soc_grid(battery: Battery, n_soc: int = GRID_POINTS) -> Energy:
    """Evenly spaced stored energy over the usable range `(n_soc,)` [kWh]."""
    return np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, n_soc)


def soc_grids(homes: Homes, n_soc: int = GRID_POINTS) -> Energy:
    """Evenly spaced stored energy over the usable range, of homes that differ one a home `(n_homes, n_soc)` [kWh]."""
    return by_row(homes, lambda site: soc_grid(site.battery, n_soc))


def extended(grid: Energy, values: Energy, soc_kwh: Energy) -> Energy:
    """`interpolated`, and beyond the grid on with the slope of its outermost step.

    A battery may be found outside its range. What it lacks there has to be charged before it can be used, so that a kWh
    below the range is worth what the first kWh inside it is.
    """
    inside = interpolated(grid, values, soc_kwh)
    lowest, highest = (at_point(grid, point, soc_kwh) for point in (0, -1))
    lacking, over = np.minimum(soc_kwh - lowest, 0.0), np.maximum(soc_kwh - highest, 0.0)
    if not (lacking.any() or over.any()):
        return inside
    width = step_along(grid, soc_kwh)
    ends = (0, grid.shape[-1] - 2)
    first, last = (along(values[:, at + 1] - values[:, at], soc_kwh) / width for at in ends)
    return inside + first * lacking + last * over


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


def value_function(  # noqa: PLR0913 - keyword-only, all that it follows from
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Homes,
    end_value: Energy,
    persistence: float = PERSISTENCE,
    power: "SlotPrices | None" = None,
    targets: SlotPenalty | None = None,
    by_hand: HandCommands | None = None,
) -> ValueFunction:
    """Calculate the value of stored energy at the start of every slot.

    Args:
        scenarios: load and PV.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        site: battery and limits, of all homes or of each; with `targets` or `by_hand` of all.
        end_value: value of stored energy at the end, on a grid of any number of points `(n_homes, n_soc)` [money].
        persistence: chance that a scenario goes on in the next slot, 0-1.
        power: demand charge of the slots, of all homes or of each; None for none.
        targets: price of what each slot ends with; None for none.
        by_hand: commands that people have set; None for none.
    """
    n_soc = end_value.shape[1]
    grid = soc_grids(site, n_soc)
    n_homes, n_scenarios, n_slots = scenarios.load_kwh.shape
    value = np.empty((n_homes, n_scenarios, n_slots + 1, n_soc))
    for first in range(0, n_homes, CHUNK):
        part = slice(first, first + CHUNK)
        own = scenarios.part(part)
        charge = None if power is None else power.of_homes(part)
        world = World(own, import_price[part], export_price[part], part_of(site, part), power=charge)
        actions = actions_of(world, grid if grid.ndim == 1 else grid[part], by_hand)
        value[part, :, n_slots] = end_value[part, None]
        later = value[part, :, n_slots]
        for slot in reversed(range(n_slots)):
            check_deadline()
            mixed = persistence * later + _other(later, own, 1 - persistence)
            if targets is not None:
                mixed = mixed - targets.penalty_on(grid, slot, part)[:, None]
            value[part, :, slot] = later = actions.step_back(slot, mixed)
    return ValueFunction(grid, value)


def _other(later: Energy, scenarios: Scenarios, chance: float) -> Energy:
    """Value of going on as any scenario, times the chance of that `(n_homes, 1, n_soc)`."""
    if scenarios.prior is None:
        return (chance / later.shape[1]) * in_order(later)[:, None]
    return chance * in_order(scenarios.prior[:, :, None] * later)[:, None]
