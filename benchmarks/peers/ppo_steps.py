"""How fast PPO learns on two cores: our batch against the same policy through Stable-Baselines3's `DummyVecEnv`.

Default settings, learning included; the table of corrections is made beforehand and timed apart. `DummyVecEnv` steps as
many homes one by one as its rollouts fit in a few seconds.
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

ROUNDS = 3
DUMMY_HOMES, DUMMY_ROLLOUTS = 16, 2


@dataclass(frozen=True)
class PpoSteps:
    """What was measured.

    Attributes:
        batched: by the clock [steps/s].
        batched_cpu: by processor time of both cores [steps/s].
        dummy: through `DummyVecEnv`, by the clock [steps/s].
        table_seconds: to make the table of corrections and prospects, a home-year of 365 days [s].
    """

    batched: float
    batched_cpu: float
    dummy: float
    table_seconds: float


def ppo_steps(episodes: Episodes) -> PpoSteps:
    """Learn for some seconds each way."""
    how = PpoTraining.of(PpoSettings(), seed=1)
    set_threads(how.threads)
    begin = time.perf_counter()
    days = TrainingDays(episodes, how)
    table = time.perf_counter() - begin
    batched, batched_cpu = _batched(days, how)
    return PpoSteps(batched, batched_cpu, _dummy(days, how), table * 365 / len(episodes))


def _batched(days: TrainingDays, how: PpoTraining) -> tuple[float, float]:
    """Whole rounds, after one that warms up."""
    from planner.training.ppo import PpoLearner

    learner = PpoLearner(days, how, 0)
    learner.learn(1)
    begin, cpu = time.perf_counter(), time.process_time()
    for number in range(2, ROUNDS + 2):
        learner.learn(number)
    steps = ROUNDS * how.homes * how.slots
    return steps / (time.perf_counter() - begin), steps / (time.process_time() - cpu)


def _dummy(days: TrainingDays, how: PpoTraining) -> float:
    """The same network and rates over homes stepped one by one; its batches are as large as its rollouts."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    from planner.training.ppo import PpoLearner

    def home() -> AntaresRLEnv:
        env = AntaresRLEnv(days.episodes, state=STATE, setup=days.setup)
        env.home.actions = days.actions
        return env

    rollout = DUMMY_HOMES * how.rollout
    small = how.model_copy(update={"homes": DUMMY_HOMES, "slots": how.rollout, "batch": min(how.batch, rollout)})
    model = PpoLearner(days, small, 0).model
    model.set_env(DummyVecEnv([cast("Any", home)] * DUMMY_HOMES))
    begin = time.perf_counter()
    model.learn(DUMMY_ROLLOUTS * rollout)
    return DUMMY_ROLLOUTS * rollout / (time.perf_counter() - begin)
