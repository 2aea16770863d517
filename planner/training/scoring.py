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
    return side_by_side_costs(policy, episodes, setup, copies=1, state=state)[0]


def side_by_side_costs(
    policy: PolicyFunction, episodes: Episodes, setup: Setup, *, copies: int, state: str = "v2"
) -> Energy:
    """Return the cost of every episode, run several times side by side `(copies, n_episodes)` [money].

    Args:
        policy: returns the actions of states `(copies * n, n_columns)`, those of a copy behind one another.
        episodes: the days.
        setup: form of the actions, without training's reward shaping.
        copies: number of runs.
        state: version of the observed state.
    """
    costs = np.zeros((copies, len(episodes)))
    for n_slots in np.unique(episodes.n_slots).tolist():
        own = np.flatnonzero(episodes.n_slots == n_slots)
        rows = np.tile(own, copies)
        batch = HomeBatch(episodes, len(rows), state=state, setup=setup)
        batch.restart(np.arange(len(rows)), [np.random.default_rng(0)] * len(rows), rows=rows)
        for _ in range(n_slots):
            outcome = batch.step(policy(batch.observe()))
            costs[:, own] += (outcome.cost - outcome.settlement).reshape(copies, -1)
    return costs
