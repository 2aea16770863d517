"""Configuration of reinforcement learning; needs no PyTorch. Its settings are declared in `settings`."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from planner.training.settings import PpoSettings

_SEED_BEFORE = "rollout"  # place of the seed in the text, which version 0.1 fixed


class PpoTraining(PpoSettings):
    """Configuration of a training by proximal policy optimisation.

    Its text (`repr`) goes into the fingerprint of checkpoints and the names of searches' files: other names or another
    order of fields would refuse those there are.
    """

    algorithm: ClassVar[str] = "ppo"

    seed: int = Field(ge=0, description="Random seed of training.")

    @classmethod
    def of(cls, settings: PpoSettings, *, seed: int) -> "PpoTraining":
        """Return the training with these settings from a seed."""
        return cls.model_validate(
            {**{name: getattr(settings, name) for name in PpoSettings.model_fields}, "seed": seed}
        )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the fields, the seed where version 0.1 had it."""
        for name in PpoSettings.model_fields:
            if name == _SEED_BEFORE:
                yield "seed", self.seed
            yield name, getattr(self, name)

    def rate(self, number: int) -> float:
        """Return the learning rate of a round, counted from 1."""
        return self.learning_rate * (1.0 - 0.9 * (number - 1) / max(self.rounds - 1, 1))

    def round_seed(self, member: int, number: int) -> int:
        """Return the seed of a round's random numbers, which carry nothing over from the round before."""
        return int(np.random.SeedSequence([self.seed, member, number]).generate_state(1)[0])
