"""Costs that policies are scored by are those that the environment reports."""

import numpy as np
import pytest

from env.gym.actions import Correction
from env.gym.antares_vector import AntaresVectorEnv
from env.gym.home_batch import Setup
from planner.training.scoring import episode_costs
from tests.builders.episodes import mixed
from tests.builders.training import PPO

JUDGED = Setup(action="correction", correction=Correction(offset=PPO.offset))


def uncorrected(state: np.ndarray) -> np.ndarray:
    """No correction, in every home."""
    return np.zeros((len(state), 1), dtype=np.float32)


def test_costs_are_those_of_the_environment_when_days_differ_in_length() -> None:
    episodes = mixed()
    costs = episode_costs(uncorrected, episodes, JUDGED)
    env = AntaresVectorEnv(episodes, len(episodes), state="v2", setup=JUDGED)
    env.reset(options={"rows": list(range(len(episodes)))})
    found: dict[int, float] = {}
    for _ in range(episodes.width):
        _, _, terminated, _, infos = env.step(np.zeros((len(episodes), 1), dtype=np.float32))
        for home in np.flatnonzero(terminated):
            found.setdefault(int(home), float(infos["final_info"]["cost"][home]))
    assert costs == pytest.approx([found[home] for home in range(len(episodes))])
    assert set(episodes.n_slots.tolist()) == {92, 96, 100}
