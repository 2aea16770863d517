"""A registered name stands for one version of the state: what was trained on it reads the same columns for ever."""

import gymnasium
import pytest

from env.gym.antares_rl import AntaresRLEnv
from env.gym.antares_vector import AntaresVectorEnv
from env.gym.scaled_state import V2
from env.gym.states import V1, V1_1, Column, observation_space
from env.registration import RL_STATES
from tests.builders.episodes import mixed

COLUMNS = {"darkstar/AntaresRL-v1": V1, "darkstar/AntaresRL-v1_1": V1_1, "darkstar/AntaresRL-v2": V2}


def test_every_registered_name_has_its_columns_here() -> None:
    assert set(COLUMNS) == set(RL_STATES)
    assert [len(columns) for columns in COLUMNS.values()] == [6, 8, 52], "as the environment's docstring promises"


@pytest.mark.filterwarnings("ignore:.*is out of date.*:DeprecationWarning")  # Gymnasium's word for all but the last
@pytest.mark.parametrize(("name", "columns"), COLUMNS.items(), ids=COLUMNS)
def test_name_makes_an_environment_that_observes_its_versions_columns(name: str, columns: tuple[Column, ...]) -> None:
    made = gymnasium.make(name, episodes=mixed())
    assert isinstance(made.unwrapped, AntaresRLEnv)
    assert made.observation_space == observation_space(columns)
    assert made.reset(seed=1)[0].shape == (len(columns),)
    batch = gymnasium.make_vec(name, num_envs=2, episodes=mixed())
    assert isinstance(batch.unwrapped, AntaresVectorEnv)
    assert batch.single_observation_space == observation_space(columns)
