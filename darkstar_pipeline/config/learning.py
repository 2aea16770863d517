"""Settings of learning: which days, how each algorithm trains, what promotion asks. Part of the tree of `settings`."""

import logging
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

if TYPE_CHECKING:
    from planner.training.imitation import RegressorTraining
    from planner.training.lightgbm import LightgbmTraining
    from planner.training.rl_config import PpoTraining
    from planner.training.tree_fitting import TreeSettings
    from planner.value.scenario_weights import WeightRules


SAC_IS_GONE = (
    "SAC was removed: it is slower than PPO and no measurement spoke for it (docs/adr/0017-tried-and-not-kept.md); "
    "set ppo or leave the line out"
)
SAC_SETTINGS = frozenset(f"sac_{name}" for name in ("batch", "updates", "first_slots", "gamma", "tau", "entropy"))
_log = logging.getLogger(__name__)


class LearningSettings(Frozen):
    """Which days policies learn from, and when a learned one comes into use."""

    train_days: int = Field(default=400, ge=14, le=3000, description="most days that are learned from, the last ones")
    validation_days: int = Field(default=35, ge=7, le=365, description="most days that choices are made on")
    test_days: int = Field(default=42, ge=14, le=365, description="most days that a retrain is judged on")
    gap_days: int = Field(default=1, ge=0, le=14, description="days left out between these windows")
    least_train_days: int = Field(default=14, ge=7, le=365, description="fewer are too few to learn from")
    least_judged_days: int = Field(default=7, ge=3, le=365, description="fewer are too few to choose on")
    shadow_days: int = Field(default=7, ge=0, le=60, description="last days of the test that must confirm a promotion")
    aurora_scenarios: bool = Field(default=True, description="whether Aurora tells policies what days may be like")
    augmented_days: int = Field(
        default=200, ge=0, le=5000, description="further training days: loads under other days' prices, other batteries"
    )
    seed: int = Field(default=0, ge=0, description="of everything that is drawn")

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


class LightgbmSettings(Frozen):
    """How boosted trees learn which correction of the value function pays (`darkstar train lightgbm`)."""

    rounds: int = Field(
        default=3, ge=0, le=50, description="rounds of living through the training days, pricing what was met, fitting"
    )
    lives: int = Field(default=2, ge=1, le=20, description="through every training day in a round")
    trees: int = Field(default=80, ge=1, le=400, description="of each fit; a decision walks through all of them")
    leaves: int = Field(default=4, ge=2, le=64, description="of each tree, at most")
    least_rows: int = Field(default=200, ge=1, description="priced corrections in a leaf, at least")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="share of each tree's answer that is taken")
    column_share: float = Field(default=0.5, gt=0, le=1, description="of the state's columns that each tree sees, 0-1")
    row_share: float = Field(default=0.5, gt=0, le=1, description="of the priced corrections that each tree sees, 0-1")
    l2: float = Field(default=20.0, ge=0, description="shrinkage of the leaves")
    offset: float = Field(
        default=0.15, gt=0, le=5, description="reach of the largest correction, in spreads of the day's import prices"
    )
    levels: tuple[Annotated[float, Field(ge=-1, le=1)], ...] = Field(
        default=(-1.0, -0.5, -0.25, 0.25, 0.5, 1.0),
        min_length=1,
        description="corrections that are priced, of the reach",
    )
    margins: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(0.0, 0.1, 0.3),
        min_length=1,
        description="tried on validation: what a correction has to save, in root mean squares of what corrections cost",
    )
    sureness: float = Field(
        default=1.0, ge=0, le=5, description="what is kept saves on validation days, less so many standard errors"
    )
    threads: int = Field(default=1, ge=1, le=64, description="that LightGBM works with")

    def training(self, *, seed: int, beliefs: "WeightRules", tariff: str = "") -> "LightgbmTraining":
        """What `planner` trains by; the rules of belief are those behind the days' outlook."""
        from planner.training.lightgbm import LightgbmTraining

        own = self.model_dump(exclude=set(_TREE_FIELDS))
        return LightgbmTraining(**own, tree=_tree_settings(self), seed=seed, beliefs=beliefs, tariff=tariff)


class RegressorSettings(Frozen):
    """How boosted trees learn the powers that MPC told."""

    state: Literal["v1", "v1_1", "v2"] = Field(default="v2", description="version of the state that they see")
    trees: int = Field(default=150, ge=1, le=2000, description="of each power")
    leaves: int = Field(default=31, ge=2, le=256, description="of each tree, at most")
    least_rows: int = Field(default=30, ge=1, description="slots in a leaf, at least")
    learning_rate: float = Field(default=0.08, gt=0, le=1, description="share of each tree's answer that is taken")
    column_share: float = Field(default=0.7, gt=0, le=1, description="of the state's columns that each tree sees, 0-1")
    row_share: float = Field(default=0.8, gt=0, le=1, description="of the slots that each tree sees, 0-1")
    floors: tuple[Annotated[float, Field(ge=0, le=0.5)], ...] = Field(
        default=(0.1, 0.25, 0.4, 0.5),
        min_length=1,
        description="tried on validation: shares of the most there is below which a power is none",
    )
    threads: int = Field(default=1, ge=1, le=64, description="that LightGBM works with")

    def training(self, *, seed: int, beliefs: "WeightRules", tariff: str = "") -> "RegressorTraining":
        """What `planner` trains by; the rules of belief are those behind the days' outlook."""
        from planner.training.imitation import RegressorTraining

        own = self.model_dump(exclude=set(_TREE_FIELDS))
        return RegressorTraining(**own, tree=_tree_settings(self), seed=seed, beliefs=beliefs, tariff=tariff)


_TREE_FIELDS = ("trees", "leaves", "least_rows", "learning_rate", "column_share", "row_share", "threads")


def _tree_settings(settings: LightgbmSettings | RegressorSettings) -> "TreeSettings":
    """Return the part of the settings that a fit of trees needs."""
    from planner.training.tree_fitting import TreeSettings

    return TreeSettings(**settings.model_dump(include=set(_TREE_FIELDS)))


class RlSettings(Frozen):
    """How reinforcement learning corrects the value function (`darkstar train rl`).

    Several small networks begin as no correction and are averaged.
    """

    algorithm: Literal["ppo"] = Field(default="ppo", description="Algorithm that trains: proximal policy optimisation.")
    rounds: int = Field(default=12, ge=1, le=1000, description="each judged on validation days, the cheapest kept")
    homes: int = Field(default=1024, ge=1, le=65536, description="lived in side by side")
    slots: int = Field(default=192, ge=1, le=100_000, description="lived through in every home, a round")
    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(32, 32), min_length=1, description="units of each hidden layer, of policy and critic alike"
    )
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="of the first round; falls in a line to a tenth in the last"
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=10, description="share of the weights taken off per unit of learning rate"
    )
    offset: float = Field(
        default=0.05, gt=0, le=5, description="reach of the correction, in spreads of the day's import prices"
    )
    members: int = Field(
        default=3, ge=1, le=20, description="networks, each from another seed; their mean is the policy"
    )
    n_soc: int = Field(default=41, ge=3, le=501, description="points of stored energy in the table of corrections")
    n_levels: int = Field(default=17, ge=3, le=255, description="actions in it, an odd number")
    threads: int = Field(
        default=2, ge=1, le=64, description="of PyTorch and of the table; other numbers round otherwise"
    )
    ppo_rollout: int = Field(default=96, ge=1, description="slots in every home between updates; divides slots")
    ppo_batch: int = Field(default=16384, ge=2, description="samples of a gradient step")
    ppo_epochs: int = Field(default=4, ge=1, le=100, description="passes over a rollout")
    ppo_first_lambda: float = Field(
        default=0.0, ge=0, le=1, description="of the advantage's estimate in the first round; 0 looks a slot far"
    )
    ppo_last_lambda: float = Field(default=0.0, ge=0, le=1, description="the same in the last round, in a line between")
    ppo_entropy: float = Field(default=0.0, ge=0, le=1, description="weight of the actions' entropy")
    ppo_clip: float = Field(default=0.2, gt=0, le=1, description="most that an update changes an action's likelihood")
    ppo_first_std: float = Field(
        default=0.3, gt=0, le=3, description="of the actions' noise at the beginning, 1 is the whole reach"
    )

    @model_validator(mode="before")
    @classmethod
    def _without_sac(cls, values: object) -> object:
        """Refuse the algorithm that is gone, and leave out its settings, which a file of version 0.1 may hold."""
        if not isinstance(values, dict):
            return values
        own = cast("dict[str, object]", values)
        if own.get("algorithm") == "sac":
            raise ValueError(SAC_IS_GONE)
        gone = sorted(name for name in own if name in SAC_SETTINGS)
        if gone:
            _log.warning("rl: %s: ignored, since SAC was removed; delete them", ", ".join(gone))
        return {name: value for name, value in own.items() if name not in gone}

    @model_validator(mode="after")
    def _fits(self) -> "RlSettings":
        if self.n_levels % 2 == 0:
            message = f"n_levels must be odd, so that no correction is one of them, got {self.n_levels}"
            raise ValueError(message)
        if self.slots % self.ppo_rollout:
            message = f"ppo_rollout must divide slots, got {self.ppo_rollout} and {self.slots}"
            raise ValueError(message)
        return self

    def training(self, *, seed: int) -> "PpoTraining":
        """What `planner` trains by."""
        from planner.training.rl_config import PpoTraining

        told = self.model_dump(exclude={"algorithm"})
        return PpoTraining(**{name.removeprefix("ppo_"): value for name, value in told.items()}, seed=seed)
