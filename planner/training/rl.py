"""Trains a correction of the value function by reinforcement learning, and keeps the best of its kind.

Every member starts as no correction at all, which is the policy `value`; its reward is what it gains on that policy
from the same stored energy on the same day (`env.gym.value_baseline`). After every round it is judged, without chance,
in money and by the exact form of its actions, on validation days that are no part of training, and the cheapest is
kept: training drifts. Several members' mean errs less than one of them; where that saves nothing on validation, the
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
    """What a round came to.

    Attributes:
        member: the one trained, from 0.
        number: of the round; 0 is the policy before any training.
        done: rounds done by now, all members together.
        total: rounds there will be.
        steps: slots lived through by this member so far, all homes together.
        cost: mean over the validation days [money].
    """

    member: int
    number: int
    done: int
    total: int
    steps: int
    cost: float


@dataclass(frozen=True, kw_only=True)
class TrainedRl:
    """The best policy and how training went.

    Attributes:
        policy: the members' mean; no correction where that is not cheaper on validation.
        rounds: in order, member by member.
        best: number of each member's cheapest round; 0 where training made nothing better.
        cost: of the policy, mean over the validation days [money].
        uncorrected_cost: the same of no correction [money].
    """

    policy: AntaresRLPolicyV1
    rounds: tuple[RlRound, ...]
    best: tuple[int, ...]
    cost: float
    uncorrected_cost: float


def train_rl(
    training: Episodes,
    validation: Episodes,
    how: PpoTraining,
    *,
    checkpoints: Path | None = None,
    progress: Callable[[RlRound], None] | None = None,
    beliefs: WeightRules = NAIVE,
    tariff: str = "",
) -> TrainedRl:
    """Train on some days, choose on others; the same input gives the same policy.

    Args:
        training: days with an outlook.
        validation: other days with an outlook.
        how: sizes and rates.
        checkpoints: folder in which a training that was killed is found and goes on, to the same end; None keeps none.
        progress: told after every round, those that were found done too.
        beliefs: rules behind the days' outlook, for the policy's manifest.
        tariff: version of the tariff, for the manifest.

    Raises:
        EpisodeError: the days lack an outlook.
        CheckpointError: the folder is another training's.
    """
    set_threads(how.threads)
    from planner.training.checkpoints import Checkpoints, fingerprint

    kept = None if checkpoints is None else Checkpoints(checkpoints, fingerprint(how, training, validation))
    days = TrainingDays(training, how)

    def policy(weights: Weights) -> AntaresRLPolicyV1:
        manifest = rl_manifest(
            algorithm=how.algorithm,
            state=STATE,
            columns=days.columns,
            correction=days.correction,
            weight_rules=beliefs,
            tariff=tariff,
        )
        return AntaresRLPolicyV1(manifest, weights)

    judge = _Validation(policy, validation, Setup(action="correction", correction=days.correction))
    members = [_Member(number, days, how, judge, kept, progress) for number in range(how.members)]
    trained = [member.train() for member in members]
    together = mean_weights([each.weights for each in trained])
    uncorrected, cost = trained[0].costs[0], judge.cost(together)
    if cost >= uncorrected:
        together, cost = {name: np.zeros_like(value) for name, value in together.items()}, uncorrected
    return TrainedRl(
        policy=policy(together),
        rounds=tuple(told for member in members for told in member.rounds),
        best=tuple(each.best for each in trained),
        cost=cost,
        uncorrected_cost=uncorrected,
    )


class _Validation:
    """What weights cost on the validation days."""

    def __init__(self, policy: Callable[[Weights], AntaresRLPolicyV1], validation: Episodes, setup: Setup) -> None:
        self._policy, self._validation, self._setup = policy, validation, setup

    def cost(self, weights: Weights) -> float:
        """Mean over the days [money]."""
        return float(episode_costs(self._policy(weights).predict, self._validation, self._setup).mean())


class _Member:
    """One of the networks whose mean is the policy."""

    def __init__(
        self,
        number: int,
        days: TrainingDays,
        how: PpoTraining,
        judge: _Validation,
        kept: "Checkpoints | None",
        progress: Callable[[RlRound], None] | None,
    ) -> None:
        self._number, self._days, self._how, self._validation = number, days, how, judge
        self._checkpoints, self._progress = kept, progress
        self.rounds: list[RlRound] = []

    def train(self) -> "MemberCheckpoint":
        """Train it, or go on with it, to the last round."""
        from planner.training.checkpoints import MemberCheckpoint, parameters, restore
        from planner.training.ppo import PpoLearner

        learner = PpoLearner(self._days, self._how, self._number)
        saved = None if self._checkpoints is None else self._checkpoints.load(self._number)
        if saved is None:
            weights = learner.weights()
            saved = MemberCheckpoint(costs=(self._validation.cost(weights),), best=0, weights=weights, parameters={})
        else:
            restore(learner.model, saved.parameters)
        for cost in saved.costs:
            self._report(cost)
        while len(saved.costs) <= self._how.rounds:
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
        told = RlRound(
            member=self._number,
            number=number,
            done=self._number * self._how.rounds + number,
            total=self._how.members * self._how.rounds,
            steps=number * self._how.homes * self._how.slots,
            cost=cost,
        )
        self.rounds.append(told)
        if self._progress is not None and number > 0:
            self._progress(told)


def set_threads(threads: int) -> None:
    """Work with so many threads that sleep while they wait for one another.

    By default they spin, so that beside other work each waits out the others' turns: PPO on two busy cores (load 8)
    made 3 000 steps/s spinning and 30 000 sleeping. It has to be said before PyTorch is first imported; later, only the
    number of threads changes.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(threads)


def mean_weights(members: Sequence[Weights]) -> dict[str, NDArray[np.float32]]:
    """One network that answers the mean of what several of the same shape answer, before it is clipped."""
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
