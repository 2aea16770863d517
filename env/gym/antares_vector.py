"""`AntaresVectorEnv`: many homes for a learner, as Gymnasium's `VectorEnv`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from env.errors import EpisodeError
from env.gym.actions import Actions
from env.gym.autoreset_batch import AutoresetBatch, FinishedEpisodes
from env.gym.episodes import Episodes
from env.gym.home_batch import DEFAULT_SETUP, Outcome, Setup
from env.gym.states import State
from env.inverter import Energy
from env.types import Mask


class AntaresVectorEnv(VectorEnv[State, Actions, NDArray[Any]]):
    """`num_envs` homes, each to the bit as a single `AntaresRLEnv`; with its spaces and rewards.

    `reset(seed=s)` seeds home i with s + i; a list seeds each home, and None in it continues the old numbers.
    `options={"rows": [...]}` selects the episodes that begin. Autoreset is *same step*: where an episode ended, the
    observation is the next one's first; `infos["final_obs"]` (with `infos["_final_obs"]` true there) holds its last,
    `infos["final_info"]` its `row`, `cost` (evaluation: slots less settlement) [money], `reward`, `slots` and `gated`
    slots.

    Infos of every step: `cost`, `settlement` [money], `breach_kwh`, `soc_kwh` [kWh] at the slot's end, `gated` where
    there is a gate; each `(num_envs,)`, with its mask `_name` all true.

    Args:
        episodes: days to step through.
        num_envs: number of homes.
        state: `v1`, `v1_1` or `v2`.
        setup: actions, gate and rewards.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(self, episodes: Episodes, num_envs: int, *, state: str, setup: Setup = DEFAULT_SETUP) -> None:
        self.num_envs = num_envs
        self.autoreset = AutoresetBatch(episodes, num_envs, state=state, setup=setup)
        batch = self.autoreset.batch
        self.single_observation_space: spaces.Space[State] = batch.observation_space
        self.single_action_space: spaces.Space[Any] = batch.actions.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._all_homes = np.ones(num_envs, dtype=np.bool_)
        self._running = False

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[State, dict[str, Any]]:
        """Begin an episode in every home."""
        if seed is None and not self._running:
            seed = [None] * self.num_envs
        rows = None if options is None else options.get("rows")
        seen = self.autoreset.reset(self._randoms(seed), rows=rows)
        self._running = True
        return seen, self._masked({"row": self.autoreset.batch.row, "soc_kwh": self.autoreset.batch.soc_kwh})

    def _randoms(self, seed: int | Sequence[int | None] | None) -> list[np.random.Generator | None] | None:
        """Return the random generators of every home, as `gymnasium.Env` would make them."""
        if seed is None:
            return None
        seeds = [seed + home for home in range(self.num_envs)] if isinstance(seed, int) else list(seed)
        if len(seeds) != self.num_envs:
            message = f"one seed a home: {self.num_envs} homes, got {len(seeds)} seeds"
            raise EpisodeError(message)
        fresh = not self._running
        return [seeding.np_random(each)[0] if each is not None or fresh else None for each in seeds]

    def step(self, actions: Actions) -> tuple[State, Energy, Mask, Mask, dict[str, Any]]:
        """Step every home by a slot.

        Raises:
            EpisodeError: there was no reset yet.
        """
        if not self._running:
            raise EpisodeError("no episode has begun: call reset() before step()")
        seen, outcome, ended = self.autoreset.step(actions)
        infos = self._masked(_slot_infos(outcome))
        if ended is not None:
            infos |= self._final(ended)
        return seen, outcome.reward, outcome.terminated, outcome.truncated, infos

    def _masked(self, infos: dict[str, Any]) -> dict[str, Any]:
        return infos | {f"_{name}": self._all_homes for name in infos}

    def _final(self, finished: FinishedEpisodes) -> dict[str, Any]:
        """Return Gymnasium's final observations and infos of the episodes that ended."""
        mask = np.zeros(self.num_envs, dtype=np.bool_)
        mask[finished.homes] = True

        def spread(values: NDArray[Any]) -> NDArray[Any]:
            everywhere = np.zeros((self.num_envs, *values.shape[1:]), dtype=values.dtype)
            everywhere[finished.homes] = values
            return everywhere

        last = np.full(self.num_envs, None, dtype=object)
        for home, own in zip(finished.homes, finished.observations, strict=True):
            last[home] = own
        sums = {
            "row": finished.rows,
            "cost": finished.cost,
            "reward": finished.reward,
            "slots": finished.slots,
            "gated": finished.gated,
        }
        final = {name: spread(values) for name, values in sums.items()}
        final |= {f"_{name}": mask for name in sums}
        return {"final_obs": last, "_final_obs": mask, "final_info": final, "_final_info": mask}


def _slot_infos(outcome: Outcome) -> dict[str, Any]:
    infos: dict[str, Any] = {
        "cost": outcome.cost,
        "settlement": outcome.settlement,
        "breach_kwh": outcome.flows.breach_kwh,
        "soc_kwh": outcome.flows.soc_end_kwh,
    }
    if outcome.gated is not None:
        infos["gated"] = outcome.gated
    return infos
