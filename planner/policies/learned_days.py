"""Decisions of a learned policy for days, from the states that it sees."""

import numpy as np

from env.gym.episodes import Episodes
from env.gym.home_batch import action_form, state_form
from env.gym.price_gate import PriceGate
from env.gym.states import Moment
from env.inverter import Command, Energy
from env.types import Index
from planner.artifacts.bundle import check_state
from planner.policies.learned_policy import LearnedPolicy


class LearnedDays:
    """Decisions of any number of days with equally many slots, all at once.

    Args:
        policy: the policy.
        episodes: the days, a row each, with the outlook that follows the policy's weight rules.

    Raises:
        PolicyMismatchError: the policy sees another state than this version shows.
    """

    def __init__(self, policy: LearnedPolicy, episodes: Episodes) -> None:
        self.policy, self.episodes = policy, episodes
        self._state = state_form(episodes, policy.manifest.state)
        self._form = action_form(episodes, policy.setup)
        self._gate = PriceGate(episodes) if policy.setup.gated else None
        columns = tuple(column.name for column in self._state.columns)
        check_state(policy.manifest, state=policy.manifest.state, columns=columns)

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Decide at the start of a slot from the stored energy now `(n_days,)` [kWh]."""
        rows = np.arange(len(self.episodes))
        return self._decide(rows, rows * self.episodes.width + slot, soc_kwh)

    def commands(self, slots: Index, soc_kwh: Energy) -> Command:
        """Decide at the starts of several slots of the first day, each from its own stored energy [kWh]."""
        return self._decide(np.zeros(len(slots), dtype=np.intp), slots, soc_kwh)

    def _decide(self, rows: Index, at: Index, soc_kwh: Energy) -> Command:
        moment = Moment(rows, at, np.zeros(len(rows), dtype=np.bool_), soc_kwh)
        command = self._form.command(self.policy.predict(self._state.observe(moment)), moment)
        return command if self._gate is None else self._gate.gated(command, at)[0]
