"""A correction of the value function learned by soft actor-critic (Haarnoja et al., 2018); slower than PPO.

As there, the network begins with no correction in any state. What was lived through is forgotten between rounds, so
that checkpoints stay small.
"""

from typing import cast

import numpy as np
import torch
from stable_baselines3 import SAC
from torch import nn

from planner.policies.rl_policy import Weights
from planner.training.ppo import layer_weights
from planner.training.rl_config import SacTraining
from planner.training.rl_days import STATE, TrainingDays
from planner.training.sb3_env import AntaresVecEnv


class SacLearner:
    """Stable-Baselines3's SAC on training days.

    Args:
        days: to live through.
        how: sizes and rates.
        member: number of the one trained.
    """

    def __init__(self, days: TrainingDays, how: SacTraining, member: int) -> None:
        self._how, self._member = how, member
        batch = AntaresVecEnv(
            days.episodes, how.homes, state=STATE, setup=days.setup, actions=days.actions, rewarded=days.rewarded
        )
        self.model = SAC(
            "MlpPolicy",
            batch,
            buffer_size=how.homes * how.slots,
            learning_starts=how.homes * how.first_slots,
            batch_size=how.batch,
            gradient_steps=how.updates,
            gamma=how.gamma,
            tau=how.tau,
            ent_coef=how.entropy,
            seed=how.round_seed(member, 0),
            device="cpu",
            policy_kwargs={
                "net_arch": list(how.hidden),
                "activation_fn": nn.Tanh,
                "optimizer_class": torch.optim.AdamW,
                "optimizer_kwargs": {"weight_decay": how.weight_decay},
            },
        )
        head = cast("nn.Linear", self.model.actor.mu)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def learn(self, number: int) -> None:
        """Live through a round and learn from it."""
        rate = self._how.rate(number)
        self.model.lr_schedule = lambda _: rate
        self.model.set_random_seed(self._how.round_seed(self._member, number))
        if self.model.replay_buffer is not None:
            self.model.replay_buffer.reset()
        self.model.learn(self._how.homes * self._how.slots)  # pyright: ignore[reportUnknownMemberType] - SB3's callbacks

    def weights(self) -> Weights:
        """The actor's layers as they are now; it answers the tanh of the last, so one that passes it on follows."""
        actor = self.model.actor
        hidden = [layer for layer in actor.latent_pi if isinstance(layer, nn.Linear)]
        found = dict(layer_weights([*hidden, cast("nn.Linear", actor.mu)]))
        found[f"{len(hidden) + 1}.weight"] = np.ones((1, 1), dtype=np.float32)
        found[f"{len(hidden) + 1}.bias"] = np.zeros(1, dtype=np.float32)
        return found
