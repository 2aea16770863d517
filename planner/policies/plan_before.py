"""The commands of the plan before, which a new plan keeps where another one is worth next to nothing more.

Hysteresis: a plan is made anew every slot on a reading or two more. What these change is mostly less than what a
forecast can tell, and often nothing at all, since several commands do the same where the battery is empty, full, or has
nothing to cover. A person who looks twice should see the same plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from env.inverter import Command, Energy
from env.types import Index
from planner.policies.write_budget import SAME_KW

KEPT_KWH = 0.005
"""What another command has to save to be taken, in kWh at the horizon's mean import price (docs/adr/0046)."""
SAME_COST = 1e-9
"""Costs nearer than this are equal: the commands do the same in all scenarios [money]."""


class CommandBefore(NamedTuple):
    """The command that the plan before had for a slot.

    Attributes:
        powers: charge, discharge and export power [kW].
        limited: whether an import limit stood beside it.
    """

    powers: tuple[float, float, float]
    limited: bool = False


@dataclass(frozen=True)
class PlanBefore:
    """The commands of the plan before.

    Attributes:
        commands: command by start of slot.
        kept_kwh: what another command has to save to be taken, in kWh at the horizon's mean import price.
    """

    commands: Mapping[datetime, CommandBefore]
    kept_kwh: float = KEPT_KWH

    def slack(self, import_price: Energy) -> float:
        """Return what another command has to save, by the horizon's import prices [money]."""
        return max(self.kept_kwh * float(np.abs(import_price).mean()), SAME_COST)


class SteadyChoices:
    """Chooses the commands of a plan from the menu, slot after slot, beside the plan before.

    The command that is carried out is the cheapest. In the slots after it the command of the plan before is kept if no
    other saves more than the slack: what is to be done then is decided then. Of commands that cost the same the first
    of the menu is meant, whatever the last bits of their sums say.

    Args:
        before: the plan before.
        menu: the commands to choose from, as `env.command_menu.command_menu`.
        starts: start of each slot.
        first: slot whose command is carried out.
        import_price: of the slots from it on [money/kWh].
    """

    def __init__(
        self, before: PlanBefore, menu: Command, starts: Sequence[datetime], *, first: int, import_price: Energy
    ) -> None:
        self.menu, self.first = np.array(menu), first
        self.slack = before.slack(import_price)
        self.before = [before.commands.get(start) for start in starts]

    def choose(self, slot: int, cost: Energy) -> Index:
        """Return the choice of a slot by the expected cost of each `(1, n_choices)` [money].

        Twice as many choices as the menu has are those with an import limit, and then those without.
        """
        costs = cost[0]
        least = float(costs.min())
        before = self._choice_before(slot, len(costs)) if slot > self.first else None
        if before is not None and costs[before] <= least + self.slack:
            return np.array([before], dtype=np.intp)
        return (cost <= least + SAME_COST).argmax(axis=1)

    def _choice_before(self, slot: int, n_choices: int) -> int | None:
        """Return the choice of the plan before; None where it had none of these."""
        before, n_menu = self.before[slot], self.menu.shape[1]
        if before is None or (before.limited and n_choices == n_menu):
            return None
        same = np.abs(self.menu - np.array(before.powers)[:, None]).max(axis=0) < SAME_KW
        if not same.any():
            return None
        return int(same.argmax()) + (n_choices - n_menu if not before.limited else 0)
