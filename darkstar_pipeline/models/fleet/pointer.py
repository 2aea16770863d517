"""The fleet's pointer: which version each class of homes has in use, in one object that is replaced whole.

    models/pointer.json                 classes with champion and canary, and homes' own versions
    models/bundles/<identity>/<file>    bundles, never changed
    models/moves/<id>.json              who moved what, when, why and on what evidence

A move is written before the pointer that names it, and the pointer is replaced only where it is still the one that was
read: two that move at once never lose each other's move, and whatever is cut off leaves the pointer of before or of
after. What does not belong here: how a home finds its version (`resolution`).
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.models.champion_pointer import VersionRef

SCHEMA = 1
POINTER_KEY = "models/pointer.json"
KEPT_MOVES = 100
"""Moves of a class that the pointer names; older ones stay in their folder."""
Action = Literal["canary", "promote", "rollback"]


class _Versioned(BaseModel):
    schema_version: int = 0


class Canary(BaseModel):
    """A version that some homes of a class run ahead of the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: VersionRef
    share: float = Field(gt=0, lt=1, description="Share of the class's homes that run it.")
    since: datetime = Field(description="Time of the promotion, UTC.")


class ClassModels(BaseModel):
    """The versions of a class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: VersionRef | None = Field(default=None, description="Version in use; null: `value` decides.")
    previous: tuple[VersionRef | None, ...] = Field(
        default=(), description="Versions that rollbacks return to, the latest first; null for `value`."
    )
    canary: Canary | None = None
    moves: tuple[str, ...] = Field(default=(), description="Ids of the moves, the latest first.")


class FleetPointer(BaseModel):
    """The versions in use of a whole fleet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    classes: dict[str, ClassModels] = Field(default_factory=dict[str, ClassModels])
    own: dict[str, VersionRef] = Field(
        default_factory=dict[str, VersionRef], description="Homes with a champion of their own, which goes before."
    )

    def of(self, class_name: str) -> ClassModels:
        """Return the versions of a class; none where nothing was ever promoted."""
        return self.classes.get(class_name) or ClassModels()


def schema_of(data: bytes) -> int:
    """Return the schema that a stored pointer says it has; 0 where it says none.

    >>> schema_of(b'{"schema_version": 2}'), schema_of(b"torn")
    (2, 0)
    """
    try:
        return _Versioned.model_validate_json(data).schema_version
    except ValidationError:
        return 0


class Move(BaseModel):
    """A promotion or a rollback of a class, as its journal keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: str = Field(description="Id of the move.")
    class_name: str
    action: Action
    version: int | None = Field(description="Version that came into use; null for `value`.")
    previous: int | None = Field(description="Version that was in use before.")
    share: float = Field(description="Share of the class's homes that it holds for.")
    actor: str = Field(description="Person or job.")
    reason: str = Field(description="In words.")
    evidence: dict[str, object] | None = Field(default=None, description="Verdict of the gate; null without one.")
    forced: bool = False
    at: datetime = Field(description="Time of the move, UTC.")
