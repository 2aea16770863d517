"""A correction of the value function learned by proximal policy optimisation (Schulman et al., 2017).

The network begins with no correction in any state, so that the first policy is `value` itself and nothing has to be
cloned beforehand.
"""

from typing import Any, cast

import numpy as np
from stable_baselines3 import PPO
from torch import nn, optim

from planner.policies.rl_policy import Weights
from planner.training.rl_config import PpoTraining
from planner.training.rl_days import STATE, TrainingDays
from planner.training.sb3_env import AntaresVecEnv


class PpoLearner:
    """Stable-Baselines3's PPO on training days.

    Args:
        days: training days.
        config: configuration.
        member: number of the one trained.
    """

    def __init__(self, days: TrainingDays, config: PpoTraining, member: int) -> None:
        self._config, self._member = config, member
        batch = AntaresVecEnv(
            days.episodes, config.homes, state=STATE, setup=days.setup, actions=days.actions, reward=days.reward
        )
        self.model = PPO(
            "MlpPolicy",
            batch,
            n_steps=config.rollout,
            batch_size=config.batch,
            n_epochs=config.epochs,
            gamma=1.0,  # a day ends, and its last kWh counts as much as its first
            ent_coef=config.entropy,
            clip_range=config.clip,
            seed=config.round_seed(member, 0),
            device="cpu",
            policy_kwargs={
                "net_arch": list(config.hidden),
                "activation_fn": nn.Tanh,
                "log_std_init": float(np.log(config.first_std)),
                "optimizer_class": optim.AdamW,
                "optimizer_kwargs": {"weight_decay": config.weight_decay, "eps": 1e-5},
            },
        )
        for head in (self.model.policy.action_net, self.model.policy.value_net):
            nn.init.zeros_(cast("nn.Linear", head).weight)
            nn.init.zeros_(cast("nn.Linear", head).bias)

    def learn(self, number: int) -> None:
        """Step through a round and learn from it; rounds begin anew, so that no environment has to be kept."""
        config, rate = self._config, self._config.rate(number)
        share = (number - 1) / max(config.rounds - 1, 1)
        self.model.rollout_buffer.gae_lambda = config.first_lambda + share * (config.last_lambda - config.first_lambda)
        self.model.lr_schedule = lambda _: rate
        self.model.set_random_seed(config.round_seed(self._member, number))
        self.model.learn(config.homes * config.slots)  # pyright: ignore[reportUnknownMemberType] - SB3's callbacks

    def weights(self) -> Weights:
        """Return the policy's layers as they are now, without its noise."""
        policy = self.model.policy
        hidden = [layer for layer in policy.mlp_extractor.policy_net if isinstance(layer, nn.Linear)]
        return layer_weights([*hidden, cast("nn.Linear", policy.action_net)])


def layer_weights(layers: list[nn.Linear]) -> Weights:
    """Copies of layers' weights and biases by the names that `AntaresRLPolicyV1` takes."""
    found: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        found[f"{number}.weight"] = layer.weight.detach().numpy().copy()
        found[f"{number}.bias"] = layer.bias.detach().numpy().copy()
    return found
