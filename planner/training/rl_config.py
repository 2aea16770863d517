"""Configuration of reinforcement learning; needs no PyTorch. Defaults are in the settings."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True, kw_only=True)
class PpoTraining:
    """Configuration of a training by proximal policy optimisation.

    Its text goes into the fingerprint of checkpoints: another name or order of fields would refuse those there are.

    Attributes:
        rounds: each judged on validation days, the cheapest kept.
        homes: side by side.
        slots: lived through in every home, a round.
        hidden: units of each hidden layer, of policy and critic alike.
        learning_rate: of the first round; it falls in a line to a tenth in the last.
        weight_decay: share of the weights taken off per unit of learning rate.
        offset: reach of the correction, in spreads of the day's import prices.
        members: trained one after another from other seeds; their mean is the policy.
        n_soc: points of stored energy in the table of corrections.
        n_levels: actions in it, an odd number.
        threads: of PyTorch and of the table; a figure that changes how sums are rounded.
        seed: random seed of training.
        rollout: slots in every home between updates; divides `slots`.
        batch: samples of a gradient step.
        epochs: passes over a rollout.
        first_lambda: lambda of the generalised advantage estimate in the first round: 0 looks no further than the slot,
            after which nothing would be corrected any more, and is all but free of noise.
        last_lambda: the same in the last round; rounds between lie on a line.
        entropy: weight of the actions' entropy.
        clip: most that an update changes an action's likelihood, as a share.
        first_std: standard deviation of the actions' noise at the beginning; 1 is the largest correction.
    """

    algorithm: ClassVar[str] = "ppo"

    rounds: int
    homes: int
    slots: int
    hidden: tuple[int, ...]
    learning_rate: float
    weight_decay: float
    offset: float
    members: int
    n_soc: int
    n_levels: int
    threads: int
    seed: int
    rollout: int
    batch: int
    epochs: int
    first_lambda: float
    last_lambda: float
    entropy: float
    clip: float
    first_std: float

    def rate(self, number: int) -> float:
        """Learning rate of a round, counted from 1."""
        return self.learning_rate * (1.0 - 0.9 * (number - 1) / max(self.rounds - 1, 1))

    def round_seed(self, member: int, number: int) -> int:
        """What a round's random numbers are begun with: nothing is carried over from the round before."""
        return int(np.random.SeedSequence([self.seed, member, number]).generate_state(1)[0])
