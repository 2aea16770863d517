"""Settings of learning: which days, how each algorithm trains, what promotion asks. Part of the tree of `settings`."""

from pydantic import BaseModel, ConfigDict, Field


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
