"""Settings of learning: which days, how each algorithm trains, what promotion asks. Part of the tree of `settings`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from planner.beliefs import BeliefRules
    from planner.lightgbm_training import LightgbmTraining
    from planner.regressors_training import RegressorTraining


class Frozen(BaseModel):
    """Base of all settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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

    def training(self, *, seed: int, beliefs: "BeliefRules", tariff: str = "") -> "LightgbmTraining":
        """What `planner` trains by; the rules of belief are those behind the days' outlook."""
        from planner.lightgbm_training import LightgbmTraining

        return LightgbmTraining(**self.model_dump(), seed=seed, beliefs=beliefs, tariff=tariff)


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

    def training(self, *, seed: int, beliefs: "BeliefRules", tariff: str = "") -> "RegressorTraining":
        """What `planner` trains by; the rules of belief are those behind the days' outlook."""
        from planner.regressors_training import RegressorTraining

        return RegressorTraining(**self.model_dump(), seed=seed, beliefs=beliefs, tariff=tariff)
