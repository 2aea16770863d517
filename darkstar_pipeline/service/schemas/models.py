"""Documents of model versions, their promotion and rollback."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from darkstar_pipeline.service.schemas.base import Document, Text


def _number(value: object) -> object:
    """Refuse anything but a number; a whole one may be written with a decimal point."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = "a whole number is expected"
        raise ValueError(message)  # noqa: TRY004 - Pydantic reports values, not types
    return value


class ModelInfo(Document):
    """A version of the registered model."""

    name: str = Field(description="Name of the registered model.", examples=["antares-home"])
    version: int = Field(examples=[3])
    kind: str = Field(description="Kind of policy: rl, lightgbm or regressors.", examples=["lightgbm"])
    identity: str = Field(description="Content hash of the version's bundle.")
    promoted_at: datetime | None = Field(default=None, description="When the version was promoted.")


class ModelRow(Document):
    """A version that could be promoted."""

    version: int
    kind: str
    algorithm: str
    identity: str
    tariff_fits: bool
    in_use: bool
    problem: Text = Field(default="", description="Why the version cannot be used; empty where it can.")


class ModelsDocument(Document):
    """All versions, and the one in use."""

    model: str
    champion: ModelInfo | None = Field(description="Version that plans are made with now; null: the value function.")
    wanted: int | None = Field(description="Version that the champion pointer names.")
    problem: Text = Field(description="Why the wanted version is not in use; empty where it is.")
    versions: list[ModelRow]


class PromoteRequest(Document):
    """Promotes a version."""

    version: Annotated[int, BeforeValidator(_number)] = Field(ge=1, le=1_000_000, examples=[3])
    why: str = Field(min_length=1, max_length=500, examples=["it saves 4 % on the last six weeks"])
    force: bool = Field(default=False, strict=True, description="Promote against the gate's verdict, or without one.")


class RollbackRequest(Document):
    """Goes back to the version before."""

    why: str = Field(min_length=1, max_length=500, examples=["it charges too little"])


class MoveDocument(Document):
    """The result of a promotion or rollback."""

    model: str
    action: Literal["promote", "rollback"]
    version: int | None
    previous: int | None
    changed: bool
    settled: bool = Field(description="True where MLflow's alias names the same version.")
