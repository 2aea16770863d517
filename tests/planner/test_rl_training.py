"""Training corrects the value function, repeats itself, and keeps what was cheapest on other days."""

from dataclasses import replace

import numpy as np
import pytest

from env.actions import Correction
from env.antares_batch import AntaresVectorEnv
from env.episodes import Episodes
from env.home_batch import Setup
from planner.rl_training import PpoTraining, Round, episode_costs, train_ppo
from tests.cases.episodes import mixed, several, sites

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
HOW = PpoTraining(
    rounds=2, rollouts=1, homes=4, slots=48, batch=96, epochs=4, learning_rate=3e-2, gae_lambda=0.9, hidden=(8,),
    first_std=0.5, offset=0.3, seed=1,
)  # fmt: skip
JUDGED = Setup(action="correction", correction=Correction(offset=0.3))


def days() -> Episodes:
    """Every kind of day and home, with a baseline of no cost."""
    episodes = mixed()
    return replace(episodes, baseline_cost=np.zeros_like(episodes.load_kwh))


def uncorrected(state: np.ndarray) -> np.ndarray:
    """No correction, in every home."""
    return np.zeros((len(state), 1), dtype=np.float32)


def test_training_repeats_itself_and_starts_uncorrected() -> None:
    told: list[Round] = []
    first = train_ppo(days(), several(sites()[0]), HOW, progress=told.append)
    again = train_ppo(days(), several(sites()[0]), HOW)
    assert first.rounds == again.rounds
    assert list(first.rounds[1:]) == told
    assert [each.steps for each in first.rounds] == [0, 192, 384]
    assert first.rounds[0].cost == pytest.approx(float(episode_costs(uncorrected, several(sites()[0]), JUDGED).mean()))
    assert first.rounds[1].cost != first.rounds[0].cost


def test_best_round_is_kept_when_training_drifts() -> None:
    trained = train_ppo(days(), several(sites()[0]), HOW)
    costs = [each.cost for each in trained.rounds]
    assert trained.best == int(np.argmin(costs))
    cost = float(episode_costs(trained.policy.predict, several(sites()[0]), JUDGED).mean())
    assert cost == pytest.approx(min(costs))


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
