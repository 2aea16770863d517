"""Forms of a policy's actions, and the commands that they mean.

Three forms. *powers*: three continuous powers. *commands*: one of the menu. *correction*: one number that moves the
marginal value of stored energy before the menu's cheapest command is taken, by the rule of the `value` policy; 0 is
that policy.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.battery import Battery
from env.command_menu import MENU_NAMES, command_menu, full_export_kw
from env.errors import ActionError, EpisodeError
from env.fleet import Fleet
from env.gym.day_statistics import price_level
from env.gym.episodes import Episodes
from env.gym.states import Moment
from env.inverter import Command, Energy, metered_flows, next_soc
from env.simulator import flows_cost
from env.types import Index

CACHE_ELEMENTS = 16384  # commands x scenarios x homes simulated together: their arrays stay in the processor's cache
ACTIONS = ("powers", "commands", "correction")
Actions = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Size of the correction of the marginal value of stored energy that an action of 1 means.

    Attributes:
        offset: addition, in spreads of the day's import prices.
        scale: addition, as a share of the marginal value.
    """

    offset: float
    scale: float = 0.0


class ActionForm(Protocol):
    """A form of actions: their space, and the commands that they mean."""

    @property
    def space(self) -> spaces.Space[Any]:
        """Space of one home's action."""
        ...

    def command(self, actions: Actions, moment: Moment) -> Command:
        """Return the commands that actions mean, each `(n_homes,)` [kW].

        Raises:
            ActionError: an action is invalid.
        """
        ...


class Powers:
    """Three powers, each -1 (none) to 1 (all): charging, discharging, export.

    `Box(-1, 1, (3,), float32)`; values beyond are clipped. Export is a share of the export limit, or of charging and
    discharging power together without a limit; at 1 it is unlimited.

    Attributes:
        full_kw: largest value of each power, by row `(n_episodes, 3)` [kW].
    """

    def __init__(self, episodes: Episodes) -> None:
        self.space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (3,), dtype=np.float32)
        self.full_kw: Energy = np.array(
            [
                _rated_powers(site.battery.charge_kw, site.battery.discharge_kw, site.limits.export_kw)
                for site in episodes.sites
            ],
            dtype=np.float64,
        )[episodes.home]
        self._everything = episodes.site_values(full_export_kw)

    def command(self, actions: Actions, moment: Moment) -> Command:
        """Return the powers as commands."""
        numbers = checked_actions(actions, (len(moment.row), 3))
        shares = (np.clip(numbers, -1.0, 1.0) + 1.0) / 2.0
        charge, discharge, export = (shares * np.take(self.full_kw, moment.row, axis=0)).T
        unlimited = np.where(shares[:, 2] >= 1.0, self._everything.take(moment.row), export)
        return Command(charge, discharge, unlimited)


def _rated_powers(charge_kw: float, discharge_kw: float, export_kw: float | None) -> tuple[float, float, float]:
    return charge_kw, discharge_kw, charge_kw + discharge_kw if export_kw is None else export_kw


class Commands:
    """One of the menu's commands, `Discrete(26)`, in the order of `env.command_menu.MENU_NAMES`."""

    def __init__(self, episodes: Episodes) -> None:
        self.space: spaces.Space[Any] = spaces.Discrete(len(MENU_NAMES))
        menus = np.array([command_menu(site) for site in episodes.sites])
        self._charge, self._discharge, self._export = np.ascontiguousarray(menus.transpose(1, 0, 2)).reshape(3, -1)
        self._first = episodes.home * len(MENU_NAMES)

    def command(self, actions: Actions, moment: Moment) -> Command:
        """Return the menu's commands of those numbers."""
        chosen = np.asarray(actions)
        if chosen.shape != moment.row.shape or not np.issubdtype(chosen.dtype, np.integer):
            message = f"actions must be {moment.row.shape} whole numbers, got {chosen.dtype} {chosen.shape}"
            raise ActionError(message)
        if chosen.min() < 0 or chosen.max() >= len(MENU_NAMES):
            message = f"an action must be 0..{len(MENU_NAMES) - 1}, got {chosen.min()}..{chosen.max()}"
            raise ActionError(message)
        at = self._first.take(moment.row) + chosen
        return Command(self._charge.take(at), self._discharge.take(at), self._export.take(at))


class CorrectedValue:
    """One number from -1 to 1 that corrects the value of stored energy, `Box(-1, 1, (1,), float32)`.

    The command is the menu's cheapest over the outlook's scenarios, less the value of the energy left in the battery:
    a stored kWh has the value `(1 + scale x action) x value + offset x action x spread of the day's import prices`.

    Raises:
        EpisodeError: the episodes have no outlook.
    """

    def __init__(self, episodes: Episodes, correction: Correction) -> None:
        if episodes.outlook is None:
            raise EpisodeError("a correction needs a value of stored energy: give the episodes an outlook")
        self.space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)
        self._correction, self._fleet, self._home = correction, Fleet(episodes.sites), episodes.home
        self.n_scenarios = episodes.outlook.load_kwh.shape[2]
        self._menus = np.array([command_menu(site) for site in episodes.sites])
        _, self._spread = price_level(episodes)
        outlook = episodes.outlook
        self._load, self._pv, self._weight, self._value = (
            table.reshape(-1, table.shape[2])
            for table in (outlook.load_kwh, outlook.pv_kwh, outlook.weight, outlook.value)
        )
        self._import, self._export = episodes.import_price.reshape(-1), episodes.export_price.reshape(-1)
        n_soc = outlook.value.shape[2]
        self._grid = np.array([_even_grid(site.battery, n_soc) for site in episodes.sites])

    def command(self, actions: Actions, moment: Moment) -> Command:
        """Return the command that is best under the corrected value of stored energy."""
        corrections = np.clip(checked_actions(actions, (len(moment.row), 1))[:, 0], -1.0, 1.0)
        together = max(1, CACHE_ELEMENTS // (self._load.shape[1] * len(MENU_NAMES)))
        parts = [slice(first, first + together) for first in range(0, len(corrections), together)]
        commands = [self._cheapest(moment.part(part), corrections[part]) for part in parts]
        return Command(*(np.concatenate(power) for power in zip(*commands, strict=True)))

    def _cheapest(self, moment: Moment, action: Energy) -> Command:
        """Return the best command of some homes."""
        cost, soc_end = self.simulate(moment)
        best = self.expected(cost - self._corrected_value(soc_end, moment, action), moment).argmin(axis=1)
        menu, homes = self._menu(moment), np.arange(len(best))
        return Command(*(power[homes, best] for power in menu))

    def _menu(self, moment: Moment) -> Command:
        """Return every home's commands `(n_homes, n_commands)` [kW]."""
        return Command(*np.take(self._menus, self._home.take(moment.row), axis=0).transpose(1, 0, 2))

    def simulate(self, moment: Moment) -> tuple[Energy, Energy]:
        """Return cost [money] and stored energy [kWh] by scenario and command `(n_homes, n_scenarios, n_commands)`."""
        battery, limits = self._fleet.of(self._home.take(moment.row), axes=3)
        import_price, export_price = (each.take(moment.at)[:, None, None] for each in (self._import, self._export))
        soc_kwh = moment.soc_kwh[:, None, None]
        flows = metered_flows(
            Command(*(power[:, None] for power in self._menu(moment))),
            load_kwh=np.take(self._load, moment.at, axis=0)[:, :, None],
            pv_kwh=np.take(self._pv, moment.at, axis=0)[:, :, None],
            soc_kwh=soc_kwh,
            export_price=export_price,
            battery=battery,
            limits=limits,
        )
        soc_end_kwh = next_soc(soc_kwh, flows.charge_kwh, flows.discharge_kwh, battery)
        return flows_cost(flows, import_price, export_price, battery), soc_end_kwh

    def cost_and_gain(self, cost: Energy, soc_end_kwh: Energy, moment: Moment) -> tuple[Energy, Energy]:
        """Return the expected uncorrected cost of what was simulated, and the reduction by an action of 1.

        An action `a` means the command with the least `cost - a x gain`, both `(n_homes, n_commands)` [money].
        """
        value = self._stored_value(soc_end_kwh, moment)
        gain = (self._correction.offset * self._spread.take(moment.row))[:, None, None] * soc_end_kwh
        if self._correction.scale != 0:
            gain = gain + self._correction.scale * value
        return self.expected(cost - value, moment), self.expected(gain, moment)

    def expected(self, cost: Energy, moment: Moment) -> Energy:
        """Return the weighted mean over the scenarios of `(n_homes, n_scenarios, n_commands)`."""
        weight = np.take(self._weight, moment.at, axis=0)
        expected = cost[:, 0] * weight[:, :1]
        for scenario in range(1, weight.shape[1]):  # one after the other: the same sum whatever is batched with it
            expected = expected + cost[:, scenario] * weight[:, scenario, None]
        return expected

    def _corrected_value(self, soc_kwh: Energy, moment: Moment, action: Energy) -> Energy:
        """Return the corrected value of the energy left in the battery, shaped as `soc_kwh` [money]."""
        offset = self._correction.offset * action * self._spread.take(moment.row)
        scaled = self._stored_value(soc_kwh, moment) * (1.0 + self._correction.scale * action)[:, None, None]
        return scaled + offset[:, None, None] * soc_kwh

    def _stored_value(self, soc_kwh: Energy, moment: Moment) -> Energy:
        """Return the uncorrected value of the energy left in the battery, shaped as `soc_kwh` [money]."""
        lowest, step = np.take(self._grid, self._home.take(moment.row), axis=0).T[:, :, None, None]
        n_soc = self._value.shape[1]
        steps = (soc_kwh - lowest) / step
        low = np.clip(np.floor(steps), 0, n_soc - 2).astype(np.intp)
        share = np.clip(steps - low, 0.0, 1.0)
        places: Index = (moment.at * n_soc)[:, None, None] + low
        flat = self._value.reshape(-1)
        below = flat.take(places)
        return below + share * (flat.take(places + 1) - below)


def _even_grid(battery: Battery, n_soc: int) -> tuple[float, float]:
    """Return the least stored energy and the step of the grid; 1 for a battery without a range [kWh]."""
    grid = np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, n_soc)
    step = float(grid[1] - grid[0])
    return float(grid[0]), step if step > 0 else 1.0


def checked_actions(actions: Actions, shape: tuple[int, ...]) -> Energy:
    """Return actions as finite numbers of a shape.

    Raises:
        ActionError: the shape is another, or a number is not finite.
    """
    numbers = np.asarray(actions, dtype=np.float64)
    if numbers.shape != shape:
        message = f"actions must be {shape}, got {numbers.shape}"
        raise ActionError(message)
    if not np.isfinite(numbers).all():
        home = int(np.argwhere(~np.isfinite(numbers))[0, 0])
        message = f"the action of home {home} is {numbers[home].tolist()}: its policy has diverged or saw broken input"
        raise ActionError(message)
    return numbers
