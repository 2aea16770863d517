"""Settings of training, declared once: the configuration file, `--set` and the trainers read these classes.

Names of version 0.1 are still read, with a note (`OLD_NAMES`).
"""

import logging
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

_log = logging.getLogger(__name__)

Trees = Annotated[int, Field(ge=1, description="Number of trees of each fit.")]
Leaves = Annotated[int, Field(ge=2, description="Largest number of leaves of a tree.")]
LeastRows = Annotated[int, Field(ge=1, description="Fewest training rows in a leaf.")]
LearningRate = Annotated[float, Field(gt=0, le=1, description="Share of each tree's prediction that is added.")]
ColumnShare = Annotated[float, Field(gt=0, le=1, description="Share of the state's columns that each tree sees, 0-1.")]
RowShare = Annotated[float, Field(gt=0, le=1, description="Share of the training rows that each tree sees, 0-1.")]


class TrainingSettings(BaseModel):
    """Base of training's settings: immutable; unknown keys and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    OLD_NAMES: ClassVar[Mapping[str, str]] = {}
    """Names of version 0.1 and the names that replaced them."""

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        settings = cast("dict[str, object]", values)
        for old in sorted(settings.keys() & cls.OLD_NAMES.keys()):
            new = cls.OLD_NAMES[old]
            if new in settings:
                message = f"{old} is the old name of {new}: remove {old}"
                raise ValueError(message)
            _log.warning("the setting %s is now called %s; the old name is read until the next release", old, new)
        return {cls.OLD_NAMES.get(name, name): value for name, value in settings.items()}


class TreeSettings(TrainingSettings):
    """Size and learning rate of a gradient-boosted ensemble, as LightGBM fits it."""

    trees: Trees
    leaves: Leaves
    least_rows: LeastRows
    learning_rate: LearningRate
    column_share: ColumnShare
    row_share: RowShare
    threads: int = Field(default=1, ge=1, le=64, description="Number of threads of LightGBM.")


class LightgbmSettings(TreeSettings):
    """Boosted trees that learn which corrections of the value function pay (`darkstar train lightgbm`)."""

    OLD_NAMES: ClassVar[Mapping[str, str]] = {"lives": "passes", "sureness": "confidence_z"}

    trees: Trees = Field(default=80, le=400)
    leaves: Leaves = Field(default=4, le=64)
    least_rows: LeastRows = 200
    learning_rate: LearningRate = 0.1
    column_share: ColumnShare = 0.5
    row_share: RowShare = 0.5
    rounds: int = Field(
        default=3, ge=0, le=50, description="DAgger rounds: run the policy, price corrections, fit, validate."
    )
    passes: int = Field(
        default=2, ge=1, le=20, description="Passes through every training day in a round, each from another SoC."
    )
    l2: float = Field(default=20.0, ge=0, description="L2 regularisation of the leaf values.")
    offset: float = Field(
        default=0.15, gt=0, le=5, description="Size of the largest correction, in spreads of the day's import prices."
    )
    levels: tuple[Annotated[float, Field(ge=-1, le=1)], ...] = Field(
        default=(-1.0, -0.5, -0.25, 0.25, 0.5, 1.0),
        min_length=1,
        description="Corrections that are priced, as shares of the largest, -1 to 1 without 0.",
    )
    margins: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(0.0, 0.1, 0.3),
        min_length=1,
        description="Least savings of a correction, tried on validation, in root mean squares of corrections' costs.",
    )
    confidence_z: float = Field(
        default=1.0,
        ge=0,
        le=5,
        description="Standard errors subtracted from a policy's mean saving on validation before it is compared.",
    )


class RegressorSettings(TreeSettings):
    """Boosted trees that imitate the powers of MPC."""

    trees: Trees = Field(default=150, le=2000)
    leaves: Leaves = Field(default=31, le=256)
    least_rows: LeastRows = 30
    learning_rate: LearningRate = 0.08
    column_share: ColumnShare = 0.7
    row_share: RowShare = 0.8
    state: Literal["v1", "v1_1", "v2"] = Field(default="v2", description="Version of the observed state.")
    floors: tuple[Annotated[float, Field(ge=0, le=0.5)], ...] = Field(
        default=(0.1, 0.25, 0.4, 0.5),
        min_length=1,
        description="Shares of the largest power, tried on validation, below which a predicted power counts as 0.",
    )


class PpoSettings(TrainingSettings):
    """Proximal policy optimisation of corrections of the value function (Schulman et al., 2017)."""

    OLD_NAMES: ClassVar[Mapping[str, str]] = {
        f"ppo_{name}": name
        for name in ("rollout", "batch", "epochs", "first_lambda", "last_lambda", "entropy", "clip", "first_std")
    }

    rounds: int = Field(
        default=12, ge=1, le=1000, description="Rounds, each scored on validation days; the cheapest is kept."
    )
    homes: int = Field(default=1024, ge=1, le=65536, description="Environments stepped side by side.")
    slots: int = Field(default=192, ge=1, le=100_000, description="Slots stepped in every environment in a round.")
    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(32, 32), min_length=1, description="Units of each hidden layer, of policy and critic alike."
    )
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="Learning rate of the first round; it falls linearly to a tenth."
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=10, description="Share of the weights taken off per unit of learning rate."
    )
    offset: float = Field(
        default=0.05, gt=0, le=5, description="Size of the largest correction, in spreads of the day's import prices."
    )
    members: int = Field(
        default=3, ge=1, le=20, description="Networks, each from another seed; the policy is their mean."
    )
    n_soc: int = Field(default=41, ge=3, le=501, description="Points of stored energy in the table of corrections.")
    n_levels: int = Field(default=17, ge=3, le=255, description="Actions in the table of corrections, an odd number.")
    threads: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Threads of PyTorch and of the table of corrections; another number rounds sums differently.",
    )
    rollout: int = Field(
        default=96, ge=1, description="Slots in every environment between updates; a divisor of slots."
    )
    batch: int = Field(default=16384, ge=2, description="Samples of a gradient step.")
    epochs: int = Field(default=4, ge=1, le=100, description="Passes over a rollout.")
    first_lambda: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Lambda of the generalised advantage estimate in the first round; 0 looks one slot ahead.",
    )
    last_lambda: float = Field(
        default=0.0, ge=0, le=1, description="Lambda in the last round; rounds between lie on a line."
    )
    entropy: float = Field(default=0.0, ge=0, le=1, description="Weight of the actions' entropy.")
    clip: float = Field(
        default=0.2, gt=0, le=1, description="Largest change of an action's likelihood in an update, as a share."
    )
    first_std: float = Field(
        default=0.3,
        gt=0,
        le=3,
        description="Standard deviation of the actions' noise at the beginning; 1 is the largest correction.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "PpoSettings":
        if self.n_levels % 2 == 0:
            message = f"n_levels must be odd, so that no correction is one of them, got {self.n_levels}"
            raise ValueError(message)
        if self.slots % self.rollout:
            message = f"rollout must divide slots, got {self.rollout} and {self.slots}"
            raise ValueError(message)
        return self
