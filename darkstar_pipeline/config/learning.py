"""Settings of learning: the days, and the choice of algorithm. Part of the tree of `settings`.

The algorithms' own settings are declared in `planner.training.settings`.
"""

import logging
from typing import Literal, cast

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from planner.training.settings import PpoSettings

SAC_IS_GONE = (
    "SAC was removed: it is slower than PPO and no measurement spoke for it (docs/adr/0017-tried-and-not-kept.md); "
    "set ppo or leave the line out"
)
SAC_SETTINGS = frozenset(f"sac_{name}" for name in ("batch", "updates", "first_slots", "gamma", "tau", "entropy"))
_log = logging.getLogger(__name__)


class LearningSettings(Frozen):
    """Training, validation and test days of policies, and the confirmation before a promotion."""

    train_days: int = Field(
        default=400, ge=14, le=3000, description="Largest number of training days; the last ones are taken."
    )
    validation_days: int = Field(default=35, ge=7, le=365, description="Largest number of validation days.")
    test_days: int = Field(default=42, ge=14, le=365, description="Largest number of test days of a retrain.")
    gap_days: int = Field(default=1, ge=0, le=14, description="Days left out between these windows.")
    least_train_days: int = Field(
        default=14, ge=7, le=365, description="Fewest training days; with fewer, nothing is trained."
    )
    least_judged_days: int = Field(
        default=7, ge=3, le=365, description="Fewest validation and test days; with fewer, nothing is trained."
    )
    shadow_days: int = Field(default=7, ge=0, le=60, description="Last test days that must confirm a promotion.")
    aurora_scenarios: bool = Field(default=True, description="Give policies Aurora's scenarios of the days ahead.")
    augmented_days: int = Field(
        default=200,
        ge=0,
        le=5000,
        description="Additional training days: loads under other days' prices, batteries of other sizes.",
    )
    seed: int = Field(default=0, ge=0, description="Random seed of training.")

    @model_validator(mode="after")
    def _can_be_enough(self) -> "LearningSettings":
        if self.least_train_days > self.train_days:
            message = (
                f"least_train_days must not be above train_days, got {self.least_train_days} and {self.train_days}"
            )
            raise ValueError(message)
        if self.least_judged_days > min(self.validation_days, self.test_days):
            message = (
                f"least_judged_days must not be above validation_days and test_days, got {self.least_judged_days}, "
                f"{self.validation_days} and {self.test_days}"
            )
            raise ValueError(message)
        return self


class RlSettings(PpoSettings):
    """Reinforcement learning of corrections of the value function (`darkstar train rl`).

    Several small networks begin as no correction and are averaged.
    """

    algorithm: Literal["ppo"] = Field(default="ppo", description="Algorithm that trains: proximal policy optimisation.")

    @model_validator(mode="before")
    @classmethod
    def _without_sac(cls, values: object) -> object:
        """Refuse the removed algorithm SAC, and leave out its settings, which a file of version 0.1 may hold."""
        if not isinstance(values, dict):
            return values
        own = cast("dict[str, object]", values)
        if own.get("algorithm") == "sac":
            raise ValueError(SAC_IS_GONE)
        gone = sorted(name for name in own if name in SAC_SETTINGS)
        if gone:
            _log.warning("rl: %s: ignored, since SAC was removed; delete them", ", ".join(gone))
        return {name: value for name, value in own.items() if name not in gone}
