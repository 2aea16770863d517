"""`AntaresVecEnv`: many homes for Stable-Baselines3. Importing this imports torch; only training does.

The physics is in `env.gym.autoreset_batch`; here is the protocol of Stable-Baselines3.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from gymnasium.utils import seeding
from stable_baselines3.common.vec_env import VecEnv

from env.errors import EpisodeError
from env.gym.actions import ActionForm, Actions
from env.gym.autoreset_batch import AutoresetBatch, FinishedEpisodes
from env.gym.episodes import Episodes
from env.gym.home_batch import DEFAULT_SETUP, Outcome, Setup
from env.gym.states import Moment, State
from env.inverter import Energy
from env.types import Mask

StepResult = tuple[State, Energy, Mask, list[dict[str, Any]]]


class AntaresVecEnv(VecEnv):
    """`num_envs` homes, each to the bit as a single `AntaresRLEnv`; with its spaces and rewards.

    Where an episode ends, the next one's first observation is returned and `infos[i]` has `terminal_observation`,
    `TimeLimit.truncated`, `episode` (`r` reward, `l` slots, `t` 0: no clock, so that runs repeat), `row`, `cost`
    (evaluation: slots less settlement) [money] and `gated` slots. Other infos are one empty dict, shared: writing into
    it is the caller's mistake.

    Args:
        episodes: days to step through.
        num_envs: number of homes.
        state: `v1`, `v1_1` or `v2`.
        setup: actions, gate and rewards.
        actions: as for `env.gym.home_batch.HomeBatch`.
        reward: reward of a slot, from its start and its outcome; None takes the setup's reward, whose sum `episode` has
            either way.
    """

    def __init__(
        self,
        episodes: Episodes,
        num_envs: int,
        *,
        state: str,
        setup: Setup = DEFAULT_SETUP,
        actions: ActionForm | None = None,
        reward: Callable[[Moment, Outcome], Energy] | None = None,
    ) -> None:
        self.autoreset = AutoresetBatch(episodes, num_envs, state=state, setup=setup, actions=actions)
        self._reward = reward
        self.render_mode = None
        self._actions: Actions | None = None
        self._empty_infos: list[dict[str, Any]] = [{}] * num_envs
        batch = self.autoreset.batch
        super().__init__(num_envs, batch.observation_space, batch.actions.space)  # pyright: ignore[reportUnknownMemberType] - SB3 leaves the spaces' types open

    def reset(self) -> State:
        """Begin an episode in every home; seeds given to `seed` are used once."""
        rows: list[int] | None = None
        if any("row" in options for options in self._options):
            rows = [int(options["row"]) for options in self._options]
        randoms = [None if seed is None else seeding.np_random(seed)[0] for seed in self._seeds]
        seen = self.autoreset.reset(randoms, rows=rows)
        self._reset_seeds()
        self._reset_options()
        return seen

    def step_async(self, actions: Actions) -> None:
        """Take the actions of the next `step_wait`."""
        self._actions = actions

    def step_wait(self) -> StepResult:
        """Step every home by a slot.

        Raises:
            EpisodeError: no actions were given.
        """
        if self._actions is None:
            raise EpisodeError("no actions to step with: call step_async() before step_wait()")
        actions, self._actions = self._actions, None
        before = self.autoreset.batch.moment
        seen, outcome, ended = self.autoreset.step(actions)
        infos = self._empty_infos if ended is None else self._episode_infos(ended, outcome.truncated)
        reward = outcome.reward if self._reward is None else self._reward(before, outcome)
        return seen, reward, outcome.terminated | outcome.truncated, infos

    def _episode_infos(self, ended: FinishedEpisodes, truncated: Mask) -> list[dict[str, Any]]:
        infos = list(self._empty_infos)
        for place, home in enumerate(ended.homes.tolist()):
            reward, slots = float(ended.reward[place]), int(ended.slots[place])
            infos[home] = {
                "terminal_observation": ended.observations[place],
                "TimeLimit.truncated": bool(truncated[home]),
                "episode": {"r": reward, "l": slots, "t": 0.0},
                "row": int(ended.rows[place]),
                "cost": float(ended.cost[place]),
                "gated": int(ended.gated[place]),
            }
        return infos

    def close(self) -> None:
        """Do nothing: no resource is open."""

    def get_attr(self, attr_name: str, indices: object = None) -> list[Any]:
        """Return the batch's attribute, once a home."""
        return [getattr(self, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: object, indices: object = None) -> None:
        """Refused: homes of a batch share their attributes.

        Raises:
            EpisodeError: always.
        """
        del value, indices
        message = f"{attr_name} cannot be set home by home; make another batch"
        raise EpisodeError(message)

    def env_method(
        self, method_name: str, *method_args: object, indices: object = None, **method_kwargs: object
    ) -> list[Any]:
        """Refused: there is no environment of each home's own.

        Raises:
            EpisodeError: always.
        """
        del method_args, indices, method_kwargs
        message = f"{method_name} cannot be called home by home; the batch is {type(self).__name__}"
        raise EpisodeError(message)

    def env_is_wrapped(self, wrapper_class: object, indices: object = None) -> list[bool]:
        """Return False for every home; `infos` reports episodes as a monitor does."""
        del wrapper_class
        return [False] * self._count(indices)

    def _count(self, indices: object) -> int:
        """Return the number of homes meant: all by None, one by a number, else those listed."""
        return self.num_envs if indices is None else int(np.size(cast("Any", indices)))
