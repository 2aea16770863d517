"""The correction of the value function as a look-up table, for training, which repeats the same slots many times.

Beliefs, prices and outlook do not depend on what is done, so the command that an action means is a function of slot,
stored energy and action. It is worked out once on a grid of the last two; a step then takes the nearest entry. What
the command does and costs stays exact. Policies are scored by the exact form (`env.gym.actions.CorrectedValue`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.battery import Battery
from env.command_menu import MENU_NAMES
from env.errors import EpisodeError
from env.gym.actions import CACHE_ELEMENTS, Actions, Commands, CorrectedValue, Correction, checked_actions
from env.gym.episodes import Episodes
from env.gym.states import Moment
from env.inverter import Command, Energy, battery_room
from env.time_grid import SLOT_HOURS
from env.types import Index, Mask

LEAST_POINTS = 3
EDGE_POINTS = 8  # about as many points of stored energy are tried one by one


class CorrectionTable:
    """`CorrectedValue` on a grid; a byte an entry, `n_episodes x width x n_soc x n_levels` in all.

    Stored energy strictly inside the usable range takes no entry of its ends, where commands are equal that differ
    inside.

    Args:
        episodes: days with an outlook.
        correction: size of the correction by an action of 1.
        n_soc: points of stored energy, evenly spaced over the usable range.
        n_levels: actions from -1 to 1, an odd number, so that 0 is one.
        threads: number of threads that compute it.

    Raises:
        EpisodeError: the episodes have no outlook, or the grid is too small.
    """

    def __init__(
        self, episodes: Episodes, correction: Correction, *, n_soc: int, n_levels: int, threads: int = 1
    ) -> None:
        if n_soc < LEAST_POINTS or n_levels < LEAST_POINTS or n_levels % 2 == 0:
            message = f"at least {LEAST_POINTS} points and an odd number of levels, got {n_soc} and {n_levels}"
            raise EpisodeError(message)
        self.space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)
        self.correction, self.n_soc, self.n_levels = correction, n_soc, n_levels
        self.low = episodes.site_values(lambda site: site.battery.min_soc_kwh)
        self.high = episodes.site_values(lambda site: site.battery.max_soc_kwh)
        step = (self.high - self.low) / (n_soc - 1)
        self.step: Energy = np.where(step > 0, step, 1.0)
        self._commands = Commands(episodes)
        self.choices = self._compute(episodes, threads)

    def command(self, actions: Actions, moment: Moment) -> Command:
        """Return the command that is best under the corrected value of stored energy, to the resolution of the grid."""
        corrections = np.clip(checked_actions(actions, (len(moment.row), 1))[:, 0], -1.0, 1.0)
        level = np.rint((corrections + 1.0) * ((self.n_levels - 1) / 2)).astype(np.intp)
        entry = (moment.at * self.n_soc + self._point(moment)) * self.n_levels + level
        return self.command_of(self.choices.take(entry), moment)

    def command_of(self, choice: NDArray[np.uint8], moment: Moment) -> Command:
        """Return the menu's commands of those numbers."""
        return self._commands.command(choice.astype(np.intp), moment)

    def _point(self, moment: Moment) -> Index:
        """Return the nearest point of stored energy; an inner point for energy inside the range."""
        low, high = self.low.take(moment.row), self.high.take(moment.row)
        nearest = np.rint((moment.soc_kwh - low) / self.step.take(moment.row))
        inside = np.clip(nearest, 1, self.n_soc - 2)
        point = np.where(moment.soc_kwh <= low, 0, np.where(moment.soc_kwh >= high, self.n_soc - 1, inside))
        return point.astype(np.intp)

    def _compute(self, episodes: Episodes, threads: int) -> NDArray[np.uint8]:
        """Return the number of the best command, flat `(n_episodes * width * n_soc * n_levels,)`."""
        exact = CorrectedValue(episodes, self.correction)
        table = np.zeros((len(episodes) * episodes.width, self.n_soc, self.n_levels), dtype=np.uint8)
        together = max(1, CACHE_ELEMENTS // (exact.n_scenarios * len(MENU_NAMES) * EDGE_POINTS))
        parts: list[tuple[Battery, Index]] = []
        for number, site in enumerate(episodes.sites):
            slots = np.flatnonzero((episodes.inside & (episodes.home == number)[:, None]).reshape(-1))
            parts += [(site.battery, at) for at in np.split(slots, np.arange(together, len(slots), together))]

        def fill(part: tuple[Battery, Index]) -> None:
            battery, at = part
            table[at] = self._best(exact, battery, at, at // episodes.width)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, parts))
        return table.reshape(-1)

    def _best(self, exact: CorrectedValue, battery: Battery, at: Index, row: Index) -> NDArray[np.uint8]:
        """Return the best commands of some slots of one home `(n, n_soc, n_levels)`."""
        points = np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, self.n_soc)
        best = np.empty((len(at), self.n_soc, self.n_levels), dtype=np.uint8)
        free = _has_full_power(points, battery)
        edges = np.flatnonzero(~free)
        moment = _moments(at, row, points[edges])
        best[:, edges] = self._cheapest(exact.cost_and_gain(*exact.simulate(moment), moment)).reshape(
            len(at), len(edges), -1
        )
        if not free.any():
            return best
        # Where no command is cut short by the battery's ends, its flows are the same whatever is stored.
        inside = np.flatnonzero(free)
        one = _moments(at, row, points[inside[:1]])
        paid, soc_end = exact.simulate(one)
        moved = (battery.retention_per_slot * (points[inside] - points[inside[0]]))[:, None, None]
        ends = (soc_end[:, None] + moved).reshape(-1, *soc_end.shape[1:])
        costs = np.repeat(paid, len(inside), axis=0)
        lines = exact.cost_and_gain(costs, ends, _moments(at, row, points[inside]))
        best[:, inside] = self._cheapest(lines).reshape(len(at), len(inside), -1)
        return best

    def _cheapest(self, lines: tuple[Energy, Energy]) -> NDArray[np.uint8]:
        """Return the number of the cheapest command at every level `(n, n_levels)`."""
        cost, gain = lines
        best = np.empty((len(cost), self.n_levels), dtype=np.uint8)
        for place, level in enumerate(np.linspace(-1.0, 1.0, self.n_levels).tolist()):
            best[:, place] = (cost - level * gain).argmin(axis=1)
        return best


def _has_full_power(points: Energy, battery: Battery) -> Mask:
    """Return whether the battery can charge and discharge for a whole slot at full power, by point."""
    can_charge, can_discharge = battery_room(points, battery)
    return (can_charge >= battery.charge_kw * SLOT_HOURS) & (can_discharge >= battery.discharge_kw * SLOT_HOURS)


def _moments(at: Index, row: Index, points: Energy) -> Moment:
    """Return every slot at every stored energy, `(n_slots * n_points,)`."""
    n_points = len(points)
    still = np.zeros(len(at) * n_points, dtype=np.bool_)
    return Moment(np.repeat(row, n_points), np.repeat(at, n_points), still, np.tile(points, len(at)))
