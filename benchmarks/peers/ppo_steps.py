"""PPO's speed on two cores: our batch against the same policy through Stable-Baselines3's `DummyVecEnv`.

Default settings, learning included; the table of corrections is built beforehand and timed apart. `DummyVecEnv` steps
as many homes one by one as its rollouts fit in a few seconds.
"""

import time
from dataclasses import dataclass
from typing import Any, cast

from env.gym.antares_rl import AntaresRLEnv
from env.gym.episodes import Episodes
from planner.training.rl import set_threads
from planner.training.rl_config import PpoTraining
from planner.training.rl_days import STATE, TrainingDays
from planner.training.settings import PpoSettings

DUMMY_HOMES, DUMMY_ROLLOUTS = 16, 2


@dataclass(frozen=True)
class PpoSteps:
    """Speed of learning.

    Attributes:
        batched: steps per second of wall time, our batch [steps/s].
        batched_cpu: steps per second of processor time of both cores, our batch [steps/s].
        dummy: steps per second of wall time through `DummyVecEnv` [steps/s].
        table_seconds: time to build the table of corrections and prospects of a home-year of 365 days [s].
    """

    batched: float
    batched_cpu: float
    dummy: float
    table_seconds: float


def ppo_steps(episodes: Episodes, *, rounds: int) -> PpoSteps:
    """Learn that many rounds in our batch, and for some seconds through `DummyVecEnv`."""
    config = PpoTraining.of(PpoSettings(), seed=1)
    set_threads(config.threads)
    begin = time.perf_counter()
    days = TrainingDays(episodes, config)
    table = time.perf_counter() - begin
    batched, batched_cpu = _batched(days, config, rounds)
    return PpoSteps(batched, batched_cpu, _dummy(days, config), table * 365 / len(episodes))


def _batched(days: TrainingDays, config: PpoTraining, rounds: int) -> tuple[float, float]:
    """Return steps per second of wall and of processor time over whole rounds, after one that warms up."""
    from planner.training.ppo import PpoLearner

    learner = PpoLearner(days, config, 0)
    learner.learn(1)
    begin, cpu = time.perf_counter(), time.process_time()
    for number in range(2, rounds + 2):
        learner.learn(number)
    steps = rounds * config.homes * config.slots
    return steps / (time.perf_counter() - begin), steps / (time.process_time() - cpu)


def _dummy(days: TrainingDays, config: PpoTraining) -> float:
    """Return steps per second of the same network and rates over homes stepped one by one, a batch a rollout."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    from planner.training.ppo import PpoLearner

    def home() -> AntaresRLEnv:
        env = AntaresRLEnv(days.episodes, state=STATE, setup=days.setup)
        env.home.actions = days.actions
        return env

    rollout = DUMMY_HOMES * config.rollout
    small = config.model_copy(
        update={"homes": DUMMY_HOMES, "slots": config.rollout, "batch": min(config.batch, rollout)}
    )
    model = PpoLearner(days, small, 0).model
    model.set_env(DummyVecEnv([cast("Any", home)] * DUMMY_HOMES))
    begin = time.perf_counter()
    model.learn(DUMMY_ROLLOUTS * rollout)
    return DUMMY_ROLLOUTS * rollout / (time.perf_counter() - begin)
