"""Trains a correction of the value function by proximal policy optimisation, and keeps the best of its kind.

The policy starts as no correction at all, so that it is the policy `value` to begin with; its reward is what it saves
against a baseline on the same day (a control variate: the day's price level would swamp all else). After every round it
is judged, without chance, on validation days that are no part of training, and the cheapest is kept: training drifts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from env.actions import Correction
from env.episodes import Episodes
from env.home_batch import HomeBatch, Setup
from env.inverter import Energy
from env.shaping import Shaping
from env.states import State
from planner.rl_policy import AntaresRLPolicyV1, rl_manifest

if TYPE_CHECKING:
    from stable_baselines3 import PPO

STATE = "v2"
Act = Callable[[State], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class PpoTraining:
    """How to train.

    Attributes:
        rounds: judged one by one on validation days.
        rollouts: of `slots` in every home, a round.
        homes: side by side.
        slots: of a rollout.
        batch: samples of a gradient step.
        epochs: passes over a rollout.
        learning_rate: of Adam.
        gae_lambda: of the advantage's estimate.
        hidden: units of each hidden layer, of policy and critic alike.
        first_std: of the actions' noise at the beginning.
        offset: reach of the correction, in spreads of the day's import prices.
        seed: of everything that is drawn.
    """

    rounds: int
    rollouts: int
    homes: int
    slots: int
    batch: int
    epochs: int
    learning_rate: float
    gae_lambda: float
    hidden: tuple[int, ...]
    first_std: float
    offset: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a round came to.

    Attributes:
        number: 0 is the policy before any training.
        steps: slots lived through so far, all homes together.
        cost: mean over the validation days [money].
    """

    number: int
    steps: int
    cost: float


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The best policy and how training went.

    Attributes:
        policy: of the round that was cheapest on validation.
        rounds: in order.
        best: number of that round; 0 where training made nothing better.
    """

    policy: AntaresRLPolicyV1
    rounds: tuple[Round, ...]
    best: int


def train_ppo(
    training: Episodes, validation: Episodes, how: PpoTraining, *, progress: Callable[[Round], None] | None = None
) -> Trained:
    """Train on some days, choose on others; the same input gives the same policy.

    Args:
        training: with an outlook and a baseline.
        validation: with an outlook.
        how: sizes and rates.
        progress: told after every round.

    Raises:
        EpisodeError: the days lack outlook or baseline.
    """
    judged = Setup(action="correction", correction=Correction(offset=how.offset))
    model = _model(training, how, judged)
    best = _exported(model, how)
    rounds = [Round(number=0, steps=0, cost=float(episode_costs(best.predict, validation, judged).mean()))]
    kept = rounds[0]
    for number in range(1, how.rounds + 1):
        steps = how.rollouts * how.homes * how.slots
        model.learn(steps, reset_num_timesteps=number == 1)  # pyright: ignore[reportUnknownMemberType] - SB3's callbacks
        policy = _exported(model, how)
        cost = float(episode_costs(policy.predict, validation, judged).mean())
        rounds.append(Round(number=number, steps=number * steps, cost=cost))
        if cost < kept.cost:
            kept, best = rounds[-1], policy
        if progress is not None:
            progress(rounds[-1])
    return Trained(policy=best, rounds=tuple(rounds), best=kept.number)


def _model(training: Episodes, how: PpoTraining, judged: Setup) -> "PPO":
    """Stable-Baselines3's learner at its beginning: no correction in any state."""
    from stable_baselines3 import PPO
    from torch import nn

    from planner.sb3_batch import AntaresVecEnv

    setup = replace(judged, random_start=True, against_baseline=True, shaping=Shaping(potential=1.0))
    model = PPO(
        "MlpPolicy",
        AntaresVecEnv(training, how.homes, state=STATE, setup=setup),
        n_steps=how.slots,
        batch_size=how.batch,
        n_epochs=how.epochs,
        gamma=1.0,  # a day ends, and its last kWh counts as much as its first
        gae_lambda=how.gae_lambda,
        learning_rate=how.learning_rate,
        seed=how.seed,
        device="cpu",
        policy_kwargs={
            "net_arch": list(how.hidden),
            "activation_fn": nn.Tanh,
            "log_std_init": float(np.log(how.first_std)),
        },
    )
    head = cast("nn.Linear", model.policy.action_net)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return model


def _exported(model: "PPO", how: PpoTraining) -> AntaresRLPolicyV1:
    """The policy's network as it is now, without its noise."""
    from torch import nn

    hidden = [layer for layer in model.policy.mlp_extractor.policy_net if isinstance(layer, nn.Linear)]
    layers = [*hidden, cast("nn.Linear", model.policy.action_net)]
    weights: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        weights[f"{number}.weight"] = layer.weight.detach().numpy().copy()
        weights[f"{number}.bias"] = layer.bias.detach().numpy().copy()
    columns = cast("Any", model.get_env()).lives.batch.state.columns
    names = tuple(column.name for column in columns)
    manifest = rl_manifest(algorithm="ppo", state=STATE, columns=names, correction=Correction(offset=how.offset))
    return AntaresRLPolicyV1(manifest, weights)


def episode_costs(act: Act, episodes: Episodes, setup: Setup) -> Energy:
    """Evaluation cost of every row, lived through once from its protocol's start `(n_episodes,)` [money].

    Args:
        act: actions of states `(n, n_columns)`.
        episodes: the days.
        setup: form of the actions; nothing of training in it.
    """
    costs = np.zeros(len(episodes))
    for n_slots in np.unique(episodes.n_slots).tolist():
        rows = np.flatnonzero(episodes.n_slots == n_slots)
        batch = HomeBatch(episodes, len(rows), state=STATE, setup=setup)
        batch.restart(np.arange(len(rows)), [np.random.default_rng(0)] * len(rows), rows=rows)
        for _ in range(n_slots):
            outcome = batch.step(act(batch.observe()))
            costs[rows] += outcome.cost - outcome.settlement
    return costs
