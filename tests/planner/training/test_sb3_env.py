from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env

from env.errors import EpisodeError
from env.gym.actions import Correction
from env.gym.antares_rl import AntaresRLEnv
from env.gym.home_batch import Setup
from planner.training.sb3_env import AntaresVecEnv
from tests.builders.episodes import mixed

FORMS = {
    "powers": Setup(action="powers", random_start=True),
    "commands": Setup(action="commands", gated=True),
    "correction": Setup(action="correction", correction=Correction(offset=0.5), max_slots=20),
}


@pytest.mark.filterwarnings("ignore:Your observation.*:UserWarning")
@pytest.mark.parametrize("state", ["v1", "v1_1", "v2"])
@pytest.mark.parametrize("setup", FORMS.values(), ids=FORMS.keys())
def test_sb3_checker_passes(state: str, setup: Setup) -> None:
    check_env(AntaresRLEnv(mixed(), state=state, setup=setup))


@pytest.mark.parametrize("setup", FORMS.values(), ids=FORMS.keys())
def test_batch_is_the_scalar_environment_to_the_bit_when_seeds_are_the_same(setup: Setup) -> None:
    """Rewards, observations and infos of ended episodes, over several episodes of each home."""
    batch = AntaresVecEnv(mixed(), 4, state="v2", setup=setup)
    batch.seed(11)
    alone = [AntaresRLEnv(mixed(), state="v2", setup=setup) for _ in range(4)]
    seen: Any = batch.reset()
    for home, env in enumerate(alone):
        np.testing.assert_array_equal(env.reset(seed=11 + home)[0], seen[home])
    space, finished = batch.action_space, 0
    space.seed(3)
    costs = np.zeros(4)
    for _ in range(110 if setup.max_slots else 210):
        actions = np.array([space.sample() for _ in range(4)])
        infos: Any
        seen, rewards, done, infos = batch.step(actions)
        for home, env in enumerate(alone):
            own, reward, terminated, truncated, info = env.step(actions[home])
            assert rewards[home] == reward
            assert done[home] == (terminated or truncated)
            costs[home] += info["cost"] - info["settlement"]
            if done[home]:
                finished += 1
                final: dict[str, Any] = infos[home]
                np.testing.assert_array_equal(final["terminal_observation"], own)
                assert final["TimeLimit.truncated"] == truncated
                assert final["cost"] == pytest.approx(costs[home], abs=1e-9)
                assert final["row"] == info["row"]
                costs[home] = 0.0
                own, _ = env.reset()
            np.testing.assert_array_equal(own, seen[home])
    assert finished >= 8


def test_infos_are_one_empty_dict_when_no_episode_ends() -> None:
    batch = AntaresVecEnv(mixed(), 3, state="v1")
    batch.reset()
    *_, infos = batch.step(np.zeros(3, dtype=int))
    assert infos == [{}] * 3
    assert batch.get_attr("render_mode") == [None] * 3
    assert batch.get_attr("num_envs", 1) == [3]
    assert batch.env_is_wrapped(object, [0, 1]) == [False, False]
    batch.close()


def test_rows_are_stepped_through_when_options_select_them() -> None:
    batch = AntaresVecEnv(mixed(), 3, state="v1")
    batch.set_options([{"row": row} for row in (5, 0, 7)])
    batch.reset()
    assert batch.autoreset.batch.row.tolist() == [5, 0, 7]


def test_attributes_and_methods_of_single_homes_are_refused() -> None:
    batch = AntaresVecEnv(mixed(), 2, state="v1")
    with pytest.raises(EpisodeError, match="render_mode cannot be set home by home"):
        batch.set_attr("render_mode", None)
    with pytest.raises(EpisodeError, match="render cannot be called home by home"):
        batch.env_method("render")
    with pytest.raises(EpisodeError, match="no actions to step with"):
        batch.step_wait()


@pytest.mark.thorough
@pytest.mark.slow
def test_ppo_learns_the_same_when_its_seed_is_the_same() -> None:
    weights: list[np.ndarray] = []
    for _ in range(2):
        batch = AntaresVecEnv(mixed(), 8, state="v2", setup=Setup(random_start=True, against_baseline=True))
        model = PPO("MlpPolicy", batch, n_steps=16, batch_size=64, n_epochs=1, seed=4, device="cpu")
        model.learn(256)
        weights.append(model.policy.state_dict()["action_net.weight"].numpy())
    np.testing.assert_array_equal(weights[0], weights[1])
