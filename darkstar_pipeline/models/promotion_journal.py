"""Changes of the champion pointer, whole or finished at the next call, each with its row in `model_promotions`.

A change notes what it is about to do (`INTENT`), replaces the pointer in one step, adds its row, marks the alias of
MLflow as pending and removes the note. Whoever finds a note afterwards completes the change where the pointer had been
replaced, and forgets it where it had not. Everything here is called under the model's lock.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError
from darkstar_pipeline.models.alias_follower import mark_alias_pending
from darkstar_pipeline.models.champion_pointer import POINTER, Pointer, VersionRef, read_pointer, write_pointer
from darkstar_pipeline.models.run_tables import add_row, json_text
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.warehouse.schemas import MODEL_PROMOTIONS
from env.time_grid import zone
from planner.artifacts.atomic_files import make_folder, sync

INTENT = "move.json"
UNRECORDED = "unrecorded"
"""Folder of the notes of changes that hold, and whose row the lake did not take."""
_log = logging.getLogger(__name__)
Action: TypeAlias = Literal["promote", "rollback"]


class Intent(BaseModel):
    """A change of the pointer that has begun."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    move: str = Field(description="Id of the change.")
    action: Action
    after: Pointer | None = Field(description="The new pointer; null where no version is in use any more.")
    previous: int | None = Field(description="Version in use before.")
    actor: str = Field(validation_alias=AliasChoices("actor", "who"), description="Person or job; 0.1 wrote `who`.")
    reason: str = Field(validation_alias=AliasChoices("reason", "why"), description="In words; 0.1 wrote `why`.")
    evidence: str = Field(description="JSON object, or empty.")
    forced: bool
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ChangeRequest:
    """A promotion or rollback as it was requested.

    Attributes:
        action: `promote` or `rollback`.
        actor: name of a person or job.
        reason: in words.
        evidence: the gate's verdict; None where there is none.
        force: whether it goes against the verdict, or without one.
    """

    action: Action
    actor: str
    reason: str
    evidence: Mapping[str, Any] | None = None
    force: bool = False


def change_pointer(
    context: Context,
    model: RegisteredModel,
    request: ChangeRequest,
    ref: VersionRef | None,
    past: tuple[VersionRef, ...],
) -> Pointer | None:
    """Put a version into use, or none, and leave a row of evidence.

    Args:
        context: the site.
        model: the registered model.
        request: the promotion or rollback.
        ref: the version; None for none.
        past: versions that rollbacks return to, the latest first.

    Returns:
        The new pointer.
    """
    before = read_pointer(model.folder)
    move, at = secrets.token_hex(8), datetime.now(UTC)
    after = None if ref is None else Pointer(**ref.model_dump(), model=model.name, previous=past, move=move, at=at)
    intent = Intent(
        move=move,
        action=request.action,
        after=after,
        previous=None if before is None else before.version,
        actor=request.actor,
        reason=request.reason,
        evidence="" if request.evidence is None else json_text(request.evidence),
        forced=request.force,
        at=at,
    )
    with atomic_write(model.folder / INTENT) as temporary:
        temporary.write_text(intent.model_dump_json(indent=1), encoding="utf-8")
    write_pointer(model.folder, after)
    _complete(context, model, intent)
    return after


def has_unfinished_change(model: RegisteredModel) -> bool:
    """Return whether a change was cut off, or its row is still to be added."""
    return (model.folder / INTENT).exists() or any((model.folder / UNRECORDED).glob("*.json"))


def settle(context: Context, model: RegisteredModel) -> None:
    """Complete a change that was cut off after the pointer was replaced, or forget one that was cut off before."""
    for path in sorted((model.folder / UNRECORDED).glob("*.json")):
        later = _read_intent(path)
        if later is not None and _record(context, model, later):
            path.unlink(missing_ok=True)
    intent = _read_intent(model.folder / INTENT)
    if intent is None:
        return
    if read_pointer(model.folder) == intent.after:
        _complete(context, model, intent)
    else:
        (model.folder / INTENT).unlink()


def _complete(context: Context, model: RegisteredModel, intent: Intent) -> None:
    """Have the row and the mark of the alias follow a pointer that was replaced; repeating it changes nothing.

    Where the lake does not take the row, the note is kept for the next call: nothing stops a pointer from moving again.
    """
    recorded = _record(context, model, intent)
    mark_alias_pending(model)
    if recorded:
        (model.folder / INTENT).unlink()
        return
    kept = model.folder / UNRECORDED / f"{intent.move}.json"
    make_folder(kept.parent)
    (model.folder / INTENT).replace(kept)
    for folder in (kept.parent, model.folder):
        sync(folder)


def _record(context: Context, model: RegisteredModel, intent: Intent) -> bool:
    """Add the row of a change; return whether the lake took it."""
    row = {
        "site": context.site_name,
        "model": model.name,
        "version": None if intent.after is None else intent.after.version,
        "previous": intent.previous,
        "action": intent.action,
        "who": intent.actor,
        "why": intent.reason,
        "evidence": intent.evidence,
        "forced": intent.forced,
        "moved_at": intent.at,
        "local_day": intent.at.astimezone(zone(context.timezone)).date(),
        "move_id": intent.move,
    }
    try:
        add_row(context.lake, MODEL_PROMOTIONS, row)
    except (DarkstarError, OSError) as error:
        _log.warning("%s: the move %s holds, and its row is added later: %s", model.name, intent.move, error)
        return False
    return True


def _read_intent(path: Path) -> Intent | None:
    """Return the note of a change that has begun; None where every change has ended.

    Raises:
        DataMissingError: the note is damaged.
    """
    try:
        return Intent.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        message = f"{path} is damaged: {describe_validation(error, whole='the whole file')}"
        raise DataMissingError(message, f"remove it; {POINTER} says what is in use") from error
