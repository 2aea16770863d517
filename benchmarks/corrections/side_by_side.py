"""Corrections beside one another through one window, stored energy carried: what they expect is worked out once."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.corrections.hindsight import OFFSET, SETUP
from env.gym.home_batch import Setup
from env.gym.states import State
from env.inverter import Command, Energy
from env.simulator import Replay, World, simulate
from planner.policies.learned_policy import LearnedPolicy
from planner.policies.rolling_learned import RollingLearned
from planner.policies.window import Window
from planner.value.scenario_source import ScenarioSource

Predict = Callable[[State], NDArray[np.float32]]
"""States `(n, n_columns)` -> corrections `(n, 1)`, in units of `OFFSET` spreads."""


class _Together:
    """Several corrections as one policy, a row of the state for each of them."""

    def __init__(self, like: LearnedPolicy, predicts: Sequence[Predict]) -> None:
        self.manifest, self.weight_rules, self._predicts = like.manifest, like.weight_rules, predicts
        self.setup: Setup = SETUP

    def predict(self, state: State) -> NDArray[np.float32]:
        """Return the corrections of states `(n_policies, n_columns)`."""
        return np.concatenate([predict(state[row : row + 1]) for row, predict in enumerate(self._predicts)])


class _Abreast(RollingLearned):
    """Policies abreast: each decides from its own stored energy."""

    def command(self, slot: int, soc_kwh: Energy) -> Command:
        """Return the commands of a slot of the span."""
        return self.commands(np.full(len(soc_kwh), slot), soc_kwh)


def as_correction(policy: LearnedPolicy) -> Predict:
    """Return a policy's corrections in units of `OFFSET` spreads; one without that form corrects nothing."""
    own = policy.setup.correction
    size = 0.0 if own is None else own.offset / OFFSET

    def predict(state: State) -> NDArray[np.float32]:
        return np.asarray(policy.predict(state) * size, dtype=np.float32)

    return predict


def abreast(window: Window, source: ScenarioSource, like: LearnedPolicy, predicts: Sequence[Predict]) -> Energy:
    """Return what each day of a window costs under each correction `(n_policies, n_days)` [money].

    Args:
        window: the days.
        source: where scenarios come from, by the rules of `like`.
        like: a policy with the manifest and the rules of all of them.
        predicts: the corrections.
    """
    planner, n = _Abreast(window, _Together(like, predicts), source), len(predicts)
    world = World(*(np.repeat(table, n, axis=0) for table in vars(window.world).values()))
    replay = simulate(planner.decide, world, window.site, np.full(n, window.protocol.start_soc_kwh))
    return daily_costs(window, replay)


def daily_costs(window: Window, replay: Replay) -> Energy:
    """Return what each day of a window costs in each home of a replay `(n_homes, n_days)` [money].

    A day pays for the stored energy it takes, at the window's settlement value.
    """
    kept = np.diff(replay.soc_kwh[:, window.starts], axis=1)
    return np.add.reduceat(replay.cost, window.starts[:-1], axis=1) - window.settlement_value * kept
