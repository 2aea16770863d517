"""Homes side by side, a slot at a time: the one arithmetic under every environment, scalar or batched.

A home steps through an episode (one local day) and begins another at `restart`. Each has its own random numbers, so
that its episodes are the same alone and in a batch. Money: the reward is minus the slot's cost, with the stored energy
settled in the last slot; a baseline is subtracted if configured, and the money stays apart in `Outcome`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from env.errors import EpisodeError
from env.fleet import Fleet
from env.gym.actions import ACTIONS, ActionForm, Actions, Commands, CorrectedValue, Correction, Powers
from env.gym.episodes import Episodes
from env.gym.price_gate import PriceGate
from env.gym.scaled_state import ScaledState
from env.gym.states import V1, V1_1, Moment, PlainState, State, StateForm, observation_space
from env.inverter import Command, Energy, Flows, apply_command
from env.simulator import flows_cost
from env.types import Index, Mask

STATES = ("v1", "v1_1", "v2")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Configuration of an environment; the default adds nothing to the money.

    Attributes:
        action: `powers`, `commands` or `correction` (`env.gym.actions`).
        correction: size of a `correction`; required for that form.
        gated: whether the price gate stands between action and inverter.
        random_start: whether a day starts at any stored energy, rather than at the protocol's.
        against_baseline: whether the reward is the baseline's cost less the own.
        max_slots: slots after which an episode is truncated, unsettled; None lets days end.
        in_turn: whether rows come in order, home by home, rather than drawn.
    """

    action: str = "commands"
    correction: Correction | None = None
    gated: bool = False
    random_start: bool = False
    against_baseline: bool = False
    max_slots: int | None = None
    in_turn: bool = False


DEFAULT_SETUP = Setup()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Outcome of a slot, each `(n_homes,)`.

    Attributes:
        reward: reward of training [money].
        cost: import - export + wear of the slot [money].
        settlement: value of the stored energy gained over the day, in its last slot; else 0 [money].
        terminated: whether the day is over.
        truncated: whether the episode was cut off before.
        gated: whether the gate changed the command; None without a gate.
        command: command given to the inverter [kW].
        flows: energy flows of the slot.
    """

    reward: Energy
    cost: Energy
    settlement: Energy
    terminated: Mask
    truncated: Mask
    gated: Mask | None
    command: Command
    flows: Flows


class HomeBatch:
    """Homes living through episodes.

    Args:
        episodes: days to step through.
        n_homes: number of homes side by side.
        state: `v1`, `v1_1` or `v2`.
        setup: actions, gate and rewards.
        actions: form of the actions of these episodes; None creates the setup's.

    Raises:
        EpisodeError: an unknown state or action, or one that needs what the episodes lack.
    """

    def __init__(
        self,
        episodes: Episodes,
        n_homes: int,
        *,
        state: str,
        setup: Setup = DEFAULT_SETUP,
        actions: ActionForm | None = None,
    ) -> None:
        if n_homes < 1 or (setup.max_slots is not None and setup.max_slots < 1):
            message = f"at least one home and one slot, got {n_homes} homes and max_slots {setup.max_slots}"
            raise EpisodeError(message)
        if setup.against_baseline and episodes.baseline_cost is None:
            raise EpisodeError("rewards against a baseline need one: give the episodes baseline_cost")
        self.episodes, self.n_homes, self.setup = episodes, n_homes, setup
        self.state: StateForm = state_form(episodes, state)
        self.actions: ActionForm = action_form(episodes, setup) if actions is None else actions
        self.observation_space: spaces.Space[State] = observation_space(self.state.columns)
        self._gate = PriceGate(episodes) if setup.gated else None
        self._fleet = Fleet(episodes.sites)
        self._load, self._pv, self._import, self._export = (
            table.reshape(-1)
            for table in (episodes.load_kwh, episodes.pv_kwh, episodes.import_price, episodes.export_price)
        )
        self._baseline = None if episodes.baseline_cost is None else episodes.baseline_cost.reshape(-1)
        self._turn: Index = np.zeros(n_homes, dtype=np.intp)
        self.reset_turns(np.arange(n_homes))
        self.row: Index = np.zeros(n_homes, dtype=np.intp)
        self.slot: Index = np.zeros(n_homes, dtype=np.intp)
        self.soc_kwh: Energy = episodes.start_soc_kwh.take(self.row)
        self.start_soc_kwh: Energy = self.soc_kwh.copy()
        self._load_rows()

    def restart(
        self,
        homes: Sequence[int] | Index,
        randoms: Sequence[np.random.Generator],
        *,
        rows: Sequence[int] | Index | None = None,
    ) -> None:
        """Begin another episode in some homes.

        Args:
            homes: which.
            randoms: random numbers of every home of the batch.
            rows: episodes to step through, one a home of `homes`; None draws them.

        Raises:
            EpisodeError: there is no such row.
        """
        if rows is not None and (np.min(rows) < 0 or np.max(rows) >= len(self.episodes)):
            message = f"there are rows 0..{len(self.episodes) - 1}, got {list(rows)}"
            raise EpisodeError(message)
        self.row, self.soc_kwh = self.row.copy(), self.soc_kwh.copy()  # what was handed out stays as it was
        self.start_soc_kwh = self.start_soc_kwh.copy()
        for place, home in enumerate(homes):
            given = None if rows is None else int(rows[place])
            row, soc = self._draw(int(home), randoms[home], given)
            self.row[home], self.slot[home] = row, 0
            self.soc_kwh[home] = self.start_soc_kwh[home] = soc
        self._load_rows()

    def reset_turns(self, homes: Sequence[int] | Index) -> None:
        """Let rows that come in turn begin anew in some homes, as a seed does for rows that are drawn."""
        self._turn[homes] = np.asarray(homes) - self.n_homes

    def _draw(self, home: int, random: np.random.Generator, given: int | None) -> tuple[int, float]:
        """Return the next episode of a home, and the stored energy at its start [kWh]."""
        self._turn[home] += self.n_homes
        if given is not None:
            row = given
        elif self.setup.in_turn:
            row = int(self._turn[home]) % len(self.episodes)
        else:
            row = int(random.integers(len(self.episodes)))
        if not self.setup.random_start:
            return row, float(self.episodes.start_soc_kwh[row])
        battery = self.episodes.sites[int(self.episodes.home[row])].battery
        return row, battery.min_soc_kwh + random.random() * (battery.max_soc_kwh - battery.min_soc_kwh)

    def _load_rows(self) -> None:
        """Take up what the new rows' inverters and batteries are."""
        self._n_slots = self.episodes.n_slots.take(self.row)
        self._first = self.row * self.episodes.width
        self._battery, self._limits = self._fleet.of(self.episodes.home.take(self.row))
        self._settlement = self.episodes.settlement_value.take(self.row)

    @property
    def moment(self) -> Moment:
        """Position of the homes in their episodes."""
        last = self._n_slots - 1
        return Moment(self.row, self._first + np.minimum(self.slot, last), self.slot > last, self.soc_kwh)

    def observe(self) -> State:
        """Return the policy's observation, a fresh array `(n_homes, n_columns)`."""
        return self.state.observe(self.moment)

    def step(self, actions: Actions) -> Outcome:
        """Live through a slot.

        Args:
            actions: one a home, of `self.actions.space`.

        Raises:
            ActionError: an action is none.
        """
        moment = self.moment
        return self.run(self.actions.command(actions, moment), moment)

    def run(self, command: Command, moment: Moment) -> Outcome:
        """Live through a slot with a command, each `(n_homes,)` [kW]."""
        changed = None
        if self._gate is not None:
            command, changed = self._gate.gated(command, moment.at)
        at = moment.at
        import_price, export_price = self._import.take(at), self._export.take(at)
        flows = apply_command(
            command,
            load_kwh=self._load.take(at),
            pv_kwh=self._pv.take(at),
            soc_kwh=self.soc_kwh,
            export_price=export_price,
            battery=self._battery,
            limits=self._limits,
        )
        cost = flows_cost(flows, import_price, export_price, self._battery)
        self.soc_kwh, self.slot = flows.soc_end_kwh, self.slot + 1
        ended: Mask = self.slot >= self._n_slots
        settlement = np.where(ended, self._settlement * (flows.soc_end_kwh - self.start_soc_kwh), 0.0)
        reward = settlement - cost
        if self.setup.against_baseline and self._baseline is not None:
            reward += self._baseline.take(at)
        return Outcome(
            reward=reward,
            cost=cost,
            settlement=settlement,
            terminated=ended,
            truncated=self._cut_off(ended),
            gated=changed,
            command=command,
            flows=flows,
        )

    def _cut_off(self, ended: Mask) -> Mask:
        if self.setup.max_slots is None:
            return np.zeros_like(ended)
        return (self.slot >= self.setup.max_slots) & ~ended


def state_form(episodes: Episodes, state: str) -> StateForm:
    """Return a version of the state over episodes.

    Raises:
        EpisodeError: there is no such version, or the episodes lack what it shows.
    """
    if state == "v2":
        return ScaledState(episodes)
    if state in ("v1", "v1_1"):
        return PlainState(episodes, V1 if state == "v1" else V1_1)
    message = f"state {state!r} is not known; known: {', '.join(STATES)}"
    raise EpisodeError(message)


def action_form(episodes: Episodes, setup: Setup) -> ActionForm:
    """Return the form of actions of a setup.

    Raises:
        EpisodeError: there is no such form, or it lacks what it needs.
    """
    if setup.action == "powers":
        return Powers(episodes)
    if setup.action == "commands":
        return Commands(episodes)
    if setup.action != "correction":
        message = f"action {setup.action!r} is not known; known: {', '.join(ACTIONS)}"
        raise EpisodeError(message)
    if setup.correction is None:
        raise EpisodeError("action 'correction' needs to know how far it reaches: give the setup a Correction")
    return CorrectedValue(episodes, setup.correction)
