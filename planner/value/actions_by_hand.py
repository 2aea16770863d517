"""The actions of slots whose command a person has set: that command, from every point of the grid, as it is clamped."""

import numpy as np

from env.fleet import one_site
from env.inverter import Energy
from planner.byhand.commands import HandCommands
from planner.value.actions import Actions, place
from planner.value.world import World, repeated


class ActionsByHand(Actions):
    """The actions in each slot of some homes, one alone where a person has set the command.

    Args:
        world: the homes.
        grid: of stored energy.
        by_hand: the commands.
    """

    def __init__(self, world: World, grid: Energy, by_hand: HandCommands) -> None:
        super().__init__(world, grid)
        self.by_hand = by_hand
        flows = world.flows(by_hand.on_grid(grid, one_site(world.site)), world.own_battery, grid)
        ahead = (
            by_hand.charge_price[:, None] * flows.charge_kwh
            + by_hand.discharge_price[:, None] * flows.discharge_kwh
            - by_hand.made_on(grid)
        )
        self._cost = world.cost(flows) - repeated(ahead, world.rows)
        self._low, self._share = place(grid, repeated(flows.soc_end_kwh, world.rows))

    def step_back(self, slot: int, later: Energy) -> Energy:
        """Return the value at a slot's start from that at its end, both `(n_homes, n_scenarios, n_soc)`."""
        if not self.by_hand.fixed[slot]:
            return super().step_back(slot, later)
        low, share = self._low[:, :, slot], self._share[:, :, slot]
        below = np.take_along_axis(later, low, axis=-1)
        return below + share * (np.take_along_axis(later, low + 1, axis=-1) - below) - self._cost[:, :, slot]


def actions_of(world: World, grid: Energy, by_hand: HandCommands | None) -> Actions:
    """Return the actions of some homes, beside the commands that people have set, if any."""
    return Actions(world, grid) if by_hand is None else ActionsByHand(world, grid, by_hand)
