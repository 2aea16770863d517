"""Evaluation cost of a policy on episodes, in money: what every algorithm is scored by.

What does not belong here: rewards, which only training uses (`rl_days`).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from env.gym.episodes import Episodes
from env.gym.home_batch import HomeBatch, Setup
from env.gym.states import State
from env.inverter import Energy

PolicyFunction: TypeAlias = Callable[[State], NDArray[Any]]
"""States `(n, n_columns)` -> their actions, in the setup's form."""


def episode_costs(policy: PolicyFunction, episodes: Episodes, setup: Setup, *, state: str = "v2") -> Energy:
    """Return the evaluation cost of every episode, run once from its protocol's start `(n_episodes,)` [money].

    Args:
        policy: returns the actions of states `(n, n_columns)`.
        episodes: the days.
        setup: form of the actions, without training's reward shaping.
        state: version of the observed state.
    """
    costs = np.zeros(len(episodes))
    for n_slots in np.unique(episodes.n_slots).tolist():
        rows = np.flatnonzero(episodes.n_slots == n_slots)
        batch = HomeBatch(episodes, len(rows), state=state, setup=setup)
        batch.restart(np.arange(len(rows)), [np.random.default_rng(0)] * len(rows), rows=rows)
        for _ in range(n_slots):
            outcome = batch.step(policy(batch.observe()))
            costs[rows] += outcome.cost - outcome.settlement
    return costs
