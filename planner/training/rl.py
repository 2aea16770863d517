"""Training of a correction of the value function by reinforcement learning, with early stopping and an ensemble.

Every member starts as no correction at all, which is the policy `value`; its reward is its advantage over that policy
from the same stored energy on the same day (`env.gym.value_baseline`). After every round it is scored, without noise,
in money and by the exact form of its actions, on validation days that are no part of training, and the cheapest is
kept: training drifts. The mean of several members errs less than one of them; if it saves nothing on validation, the
policy is no correction.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from env.gym.episodes import Episodes
from env.gym.home_batch import Setup
from planner.policies.rl_policy import AntaresRLPolicyV1, Weights, rl_manifest
from planner.training.rl_config import PpoTraining
from planner.training.rl_days import STATE, TrainingDays
from planner.training.scoring import episode_costs
from planner.value.scenario_weights import NAIVE, WeightRules

if TYPE_CHECKING:
    from planner.training.checkpoints import Checkpoints, MemberCheckpoint


@dataclass(frozen=True, kw_only=True)
class RlRound:
    """Result of a round.

    Attributes:
        member: number of the member trained, from 0.
        number: number of the round; 0 is the policy before any training.
        done: rounds done so far, of all members.
        total: rounds of the training, of all members.
        steps: slots stepped by this member so far, in all homes.
        cost: mean cost over the validation days [money].
    """

    member: int
    number: int
    done: int
    total: int
    steps: int
    cost: float


@dataclass(frozen=True, kw_only=True)
class TrainedRl:
    """The best policy and the rounds of its training.

    Attributes:
        policy: mean of the members; no correction if that is not cheaper on validation.
        rounds: rounds in order, member by member.
        best: number of each member's cheapest round; 0 if training improved nothing.
        cost: mean cost of the policy over the validation days [money].
        uncorrected_cost: mean cost of no correction over the same days [money].
    """

    policy: AntaresRLPolicyV1
    rounds: tuple[RlRound, ...]
    best: tuple[int, ...]
    cost: float
    uncorrected_cost: float


def train_rl(
    training: Episodes,
    validation: Episodes,
    config: PpoTraining,
    *,
    checkpoints: Path | None = None,
    progress: Callable[[RlRound], None] | None = None,
    weight_rules: WeightRules = NAIVE,
    tariff: str = "",
) -> TrainedRl:
    """Train on some days, choose on others; the same input gives the same policy.

    Args:
        training: days with an outlook.
        validation: other days with an outlook.
        config: configuration.
        checkpoints: folder from which a killed training is resumed, with the same result; None keeps no checkpoints.
        progress: called after every round, rounds of a resumed training included.
        weight_rules: scenario weights behind the days' outlook, for the policy's manifest.
        tariff: version of the tariff, for the manifest.

    Raises:
        EpisodeError: the days lack an outlook.
        CheckpointError: the folder is another training's.
    """
    set_threads(config.threads)
    from planner.training.checkpoints import Checkpoints, fingerprint

    stored = None if checkpoints is None else Checkpoints(checkpoints, fingerprint(config, training, validation))
    days = TrainingDays(training, config)

    def policy(weights: Weights) -> AntaresRLPolicyV1:
        manifest = rl_manifest(
            algorithm=config.algorithm,
            state=STATE,
            columns=days.columns,
            correction=days.correction,
            weight_rules=weight_rules,
            tariff=tariff,
        )
        return AntaresRLPolicyV1(manifest, weights)

    validator = _Validation(policy, validation, Setup(action="correction", correction=days.correction))
    members = [_Member(number, days, config, validator, stored, progress) for number in range(config.members)]
    trained = [member.train() for member in members]
    together = mean_weights([each.weights for each in trained])
    uncorrected, cost = trained[0].costs[0], validator.cost(together)
    if cost >= uncorrected:
        together, cost = {name: np.zeros_like(value) for name, value in together.items()}, uncorrected
    return TrainedRl(
        policy=policy(together),
        rounds=tuple(each for member in members for each in member.rounds),
        best=tuple(each.best for each in trained),
        cost=cost,
        uncorrected_cost=uncorrected,
    )


class _Validation:
    """Scores weights by their cost on the validation days."""

    def __init__(self, policy: Callable[[Weights], AntaresRLPolicyV1], validation: Episodes, setup: Setup) -> None:
        self._policy, self._validation, self._setup = policy, validation, setup

    def cost(self, weights: Weights) -> float:
        """Return the mean cost over the days [money]."""
        return float(episode_costs(self._policy(weights).predict, self._validation, self._setup).mean())


class _Member:
    """One of the networks whose mean is the policy."""

    def __init__(
        self,
        number: int,
        days: TrainingDays,
        config: PpoTraining,
        validator: _Validation,
        checkpoints: "Checkpoints | None",
        progress: Callable[[RlRound], None] | None,
    ) -> None:
        self._number, self._days, self._config, self._validation = number, days, config, validator
        self._checkpoints, self._progress = checkpoints, progress
        self.rounds: list[RlRound] = []

    def train(self) -> "MemberCheckpoint":
        """Train the member, or resume its training, to the last round."""
        from planner.training.checkpoints import MemberCheckpoint, parameters, restore
        from planner.training.ppo import PpoLearner

        learner = PpoLearner(self._days, self._config, self._number)
        saved = None if self._checkpoints is None else self._checkpoints.load(self._number)
        if saved is None:
            weights = learner.weights()
            saved = MemberCheckpoint(costs=(self._validation.cost(weights),), best=0, weights=weights, parameters={})
        else:
            restore(learner.model, saved.parameters)
        for cost in saved.costs:
            self._report(cost)
        while len(saved.costs) <= self._config.rounds:
            number = len(saved.costs)
            learner.learn(number)
            weights = learner.weights()
            cost = self._validation.cost(weights)
            better = cost < saved.costs[saved.best]
            saved = MemberCheckpoint(
                costs=(*saved.costs, cost),
                best=number if better else saved.best,
                weights=weights if better else saved.weights,
                parameters=parameters(learner.model),
            )
            if self._checkpoints is not None:
                self._checkpoints.save(self._number, saved)
            self._report(cost)
        return saved

    def _report(self, cost: float) -> None:
        number = len(self.rounds)
        finished = RlRound(
            member=self._number,
            number=number,
            done=self._number * self._config.rounds + number,
            total=self._config.members * self._config.rounds,
            steps=number * self._config.homes * self._config.slots,
            cost=cost,
        )
        self.rounds.append(finished)
        if self._progress is not None and number > 0:
            self._progress(finished)


def set_threads(threads: int) -> None:
    """Set the number of threads of PyTorch, which sleep while they wait for one another.

    By default they spin, so that beside other work each waits out the others' turns: PPO on two busy cores (load 8)
    made 3 000 steps/s spinning and 30 000 sleeping. It has to be said before PyTorch is first imported; later, only the
    number of threads changes.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(threads)


def mean_weights(members: Sequence[Weights]) -> dict[str, NDArray[np.float32]]:
    """Return one network whose output is the mean of the outputs of several of the same shape, before clipping."""
    n_layers = len(members[0]) // 2
    joined: dict[str, NDArray[np.float32]] = {}
    for layer in range(n_layers):
        own = [(each[f"{layer}.weight"], each[f"{layer}.bias"]) for each in members]
        weight, bias = [w for w, _ in own], [b for _, b in own]
        if layer == n_layers - 1:
            joined[f"{layer}.weight"] = np.concatenate(weight, axis=1) / np.float32(len(own))
            joined[f"{layer}.bias"] = np.sum(bias, axis=0) / np.float32(len(own))
            continue
        joined[f"{layer}.weight"] = np.concatenate(weight) if layer == 0 else _block_diagonal(weight)
        joined[f"{layer}.bias"] = np.concatenate(bias)
    return joined


def _block_diagonal(blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    tall, wide = blocks[0].shape
    whole = np.zeros((tall * len(blocks), wide * len(blocks)), dtype=np.float32)
    for place, block in enumerate(blocks):
        whole[place * tall : (place + 1) * tall, place * wide : (place + 1) * wide] = block
    return whole
