"""Trainings small enough to run in tests."""

from typing import Any, TypeVar

from planner.training.rl_config import PpoTraining
from planner.training.settings import TrainingSettings

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)

PPO = PpoTraining(
    rounds=2, homes=4, slots=48, hidden=(8,), learning_rate=3e-2, weight_decay=1e-4, offset=0.4, members=2, n_soc=9,
    n_levels=9, threads=1, seed=1, rollout=24, batch=48, epochs=4, first_lambda=0.0, last_lambda=0.9, entropy=1e-3,
    clip=0.2, first_std=0.5,
)  # fmt: skip


def with_changes(settings: SettingsT, **changes: Any) -> SettingsT:
    """Return settings with some replaced, beyond the bounds of configuration files too."""
    return settings.model_copy(update=changes)
