"""Which of the scenarios a day looks like, from its readings so far, and the rules by which that is judged.

The policy `value` goes by `NAIVE`. A learned policy brings rules that were fitted to its home, and its bundle keeps
them: how many days back to look, how soon a day is forgotten, what a weekday counts.
"""

from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from planner.value.scenarios import Scenarios
from planner.value.value_function import PERSISTENCE, in_order

LEAST_BELIEF = 1e-3  # none is ever ruled out: all may be far from the day


@dataclass(frozen=True, kw_only=True)
class BeliefRules:
    """How scenarios are chosen, weighed and followed.

    Attributes:
        n_days: days back that are scenarios.
        age_days: so much older, a day is less likely beforehand by e^-1; None for all alike [days].
        weekday: times likelier beforehand a day of the same weekday is.
        persistence: chance that a scenario goes on in the next slot, 0-1.
        fade: share of the last slot's error that is expected in the next, 0-1.
        together: whether net load is compared, rather than load and PV apart; then the figures for load hold.
        load_memory: share of the difference between day and scenario that is remembered a slot later.
        load_alike_kwh: remembered difference at which a scenario is less likely by e^-0.5 [kWh].
        pv_memory: the same for PV.
        pv_alike_kwh: the same for PV [kWh].
        told_share: how likely it is beforehand that the day is like one of the scenarios that are told
            (`planner.forecasts.aurora`) rather than like a day before; of use where some are told, 0-1.
    """

    n_days: int = 7
    age_days: float | None = None
    weekday: float = 1.0
    persistence: float = PERSISTENCE
    fade: float = 0.85
    together: bool = True
    load_memory: float = 0.8
    load_alike_kwh: float = 0.5
    pv_memory: float = 0.8
    pv_alike_kwh: float = 0.5
    told_share: float = 0.0

    def prior(self) -> Energy | None:
        """How likely each day back is beforehand, the last one first `(n_days,)`; None for all alike."""
        if self.age_days is None and self.weekday == 1:
            return None
        back = np.arange(self.n_days)
        weight = np.ones(self.n_days) if self.age_days is None else np.exp(-back / self.age_days)
        weight = weight * np.where((back + 1) % 7 == 0, self.weekday, 1.0)
        return weight / weight.sum()


NAIVE = BeliefRules()


class Beliefs:
    """How likely each scenario is, slot after slot.

    Args:
        scenarios: of the homes.
        rules: how the day is compared with them.
    """

    def __init__(self, scenarios: Scenarios, rules: BeliefRules = NAIVE) -> None:
        self.scenarios, self.rules = scenarios, rules
        self._load = np.zeros(scenarios.load_kwh.shape[:2])
        self._pv = np.zeros(scenarios.load_kwh.shape[:2])

    def observe(self, slot: int, load_kwh: Energy, pv_kwh: Energy) -> None:
        """Take in what was read in a slot, each `(n_homes,)`; slots must come in order [kWh]."""
        load_error = load_kwh[:, None] - self.scenarios.load_kwh[:, :, slot]
        pv_error = pv_kwh[:, None] - self.scenarios.pv_kwh[:, :, slot]
        if self.rules.together:
            self._load = self.rules.load_memory * self._load + load_error - pv_error
        else:
            self._load = self.rules.load_memory * self._load + load_error
            self._pv = self.rules.pv_memory * self._pv + pv_error

    @property
    def weights(self) -> Energy:
        """How likely each scenario is `(n_homes, n_scenarios)`."""
        unlike = (self._load / self.rules.load_alike_kwh) ** 2
        if not self.rules.together:
            unlike = unlike + (self._pv / self.rules.pv_alike_kwh) ** 2
        likelihood = np.exp(-0.5 * unlike) + LEAST_BELIEF
        if self.scenarios.prior is not None:
            likelihood = likelihood * self.scenarios.prior
        return likelihood / in_order(likelihood)[:, None]
