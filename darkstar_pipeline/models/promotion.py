"""Moving the champion: promotion and rollback, whole or finished at the next call, each leaving a row of evidence.

The pointer (`pointer.POINTER`) is the truth: it is what serving reads, and it flips in one step. A move writes down
what it is about to do (`INTENT`), flips the pointer, adds its row to `model_promotions`, moves MLflow's alias and takes
the note away. Whoever comes next and finds a note finishes the move where the pointer had flipped, and forgets it where
it had not. Where MLflow cannot be reached, the move holds, and its alias follows at the next call.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError, OutsideServiceError
from darkstar_pipeline.models.aliases import point_aliases
from darkstar_pipeline.models.champion_pointer import (
    POINTER,
    Pointer,
    VersionRef,
    read_pointer,
    read_version,
    write_pointer,
)
from darkstar_pipeline.models.run_tables import add_row, json_text
from darkstar_pipeline.models.version import RegisteredModel, find_model
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.warehouse.schemas import MODEL_PROMOTIONS
from env.time_grid import zone
from planner.artifacts.bundle import read_bundle

INTENT = "move.json"


class NotPromotedError(DarkstarError):
    """The evidence does not carry a promotion."""

    code = "not_promoted"


class Intent(BaseModel):
    """A move that has begun."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    move: str = Field(description="its id")
    action: Literal["promote", "rollback"]
    after: Pointer | None = Field(description="the pointer to be; null for no version in use")
    previous: int | None = Field(description="version in use before")
    who: str
    why: str
    evidence: str = Field(description="JSON object, or empty")
    forced: bool
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PromotionResult:
    """What a promotion or rollback did.

    Attributes:
        model: the registered model.
        action: `promote` or `rollback`.
        version: in use now; None for none, so that `value` decides.
        previous: in use before.
        changed: whether anything moved; a champion promoted again stays.
        settled: whether MLflow's alias has followed.
    """

    model: str
    action: str
    version: int | None
    previous: int | None
    changed: bool
    settled: bool


@dataclass(frozen=True, kw_only=True)
class _Request:
    """Who asks for a move, and why."""

    who: str
    why: str
    evidence: Mapping[str, Any] | None = None
    force: bool = False


def promote(
    context: Context,
    version: int,
    *,
    who: str,
    why: str,
    evidence: Mapping[str, Any] | None,
    force: bool = False,
    name: str | None = None,
) -> PromotionResult:
    """Put a version into use.

    Args:
        context: the site.
        version: whose bundle stands in the state folder (`bundles.stored_bundle`).
        who: a person's or a job's name.
        why: the reason, in words.
        evidence: the gate's verdict (`planner.evaluation.promotion_test.Verdict.document()`); None where there is none.
        force: move against the verdict, or without one.
        name: the registered model; None is `antares-<site>`.

    Raises:
        NotPromotedError: the evidence does not say `promote`, and nobody insists.
        DataMissingError: there is no such bundle.
        PolicyMismatchError: the bundle is damaged, or made for another tariff; insisting does not help.
    """
    model = find_model(context, name)
    if not force:
        check_evidence(version, evidence)
    request = _Request(who=who, why=why, evidence=evidence, force=force)
    with hold_lock(model.lock):
        settle(context, model)
        before = read_pointer(model.folder)
        ref = _usable_version(context, model, version)
        if before is not None and before.ref == ref:
            settled = not (model.folder / INTENT).exists()
            return _result(model, "promote", before, before, changed=False, settled=settled)
        past = () if before is None else (before.ref, *before.previous)
        return _move(context, model, "promote", before, (ref, past), request)


def rollback(context: Context, *, who: str, why: str, name: str | None = None) -> PromotionResult:
    """Put the version before back into use, the same bundle byte for byte; before the first one, `value` decides.

    Args:
        context: the site.
        who: a person's or a job's name.
        why: the reason, in words.
        name: the registered model; None is `antares-<site>`.

    Raises:
        DataMissingError: no version is in use.
        PolicyMismatchError: the bundle of before is missing, damaged, not the one that was in use, or made for another
            tariff.
    """
    model = find_model(context, name)
    request = _Request(who=who, why=why)
    with hold_lock(model.lock):
        settle(context, model)
        before = read_pointer(model.folder)
        if before is None:
            message = (
                f"{model.name} has no version in use to go back from; `value` decides for site {context.site_name}"
            )
            raise DataMissingError(message, "`darkstar models` lists versions, `darkstar models promote` takes one")
        if not before.previous:
            return _move(context, model, "rollback", before, None, request)
        ref, *older = before.previous
        read_version(model.folder, ref, tariff=tariff_version(context.site_settings))
        return _move(context, model, "rollback", before, (ref, tuple(older)), request)


def check_evidence(version: int, evidence: Mapping[str, Any] | None) -> None:
    """Refuse a promotion that the gate does not carry.

    Raises:
        NotPromotedError: says why.
    """
    hint = "`darkstar models promote VERSION --force --why TEXT` insists, and is noted"
    if evidence is None:
        raise NotPromotedError(f"version {version} was not judged against the champion yet", hint)
    if evidence.get("promote") is not True:
        reasons = "; ".join(str(reason) for reason in evidence.get("reasons", ())) or "no reason is noted"
        raise NotPromotedError(f"the evidence does not carry version {version}: {reasons}", hint)


def finish(context: Context, name: str) -> bool:
    """Finish or forget a move that was cut off, if there is one; waits for one that is under way.

    Returns:
        Whether nothing is left to do; False where MLflow cannot be reached.
    """
    model = find_model(context, name)
    if not (model.folder / INTENT).exists():
        return True
    with hold_lock(model.lock):
        return settle(context, model)


def settle(context: Context, model: RegisteredModel) -> bool:
    """Finish or forget a move that was cut off; the caller holds the model's lock.

    Returns:
        Whether nothing is left to do; False where MLflow cannot be reached.
    """
    intent = _read_intent(model.folder)
    if intent is None:
        return True
    if read_pointer(model.folder) != intent.after:
        (model.folder / INTENT).unlink()
        return True
    return _follow(context, model, intent)


def _move(
    context: Context,
    model: RegisteredModel,
    action: Literal["promote", "rollback"],
    before: Pointer | None,
    target: tuple[VersionRef, tuple[VersionRef, ...]] | None,
    request: _Request,
) -> PromotionResult:
    """Note the move, flip the pointer, and have the row and the alias follow."""
    move, at = secrets.token_hex(8), datetime.now(UTC)
    after = None
    if target is not None:
        ref, past = target
        after = Pointer(**ref.model_dump(), model=model.name, previous=past, move=move, at=at)
    intent = Intent(
        move=move,
        action=action,
        after=after,
        previous=None if before is None else before.version,
        who=request.who,
        why=request.why,
        evidence="" if request.evidence is None else json_text(request.evidence),
        forced=request.force,
        at=at,
    )
    with atomic_write(model.folder / INTENT) as temporary:
        temporary.write_text(intent.model_dump_json(indent=1), encoding="utf-8")
    write_pointer(model.folder, after)
    return _result(model, action, before, after, changed=True, settled=_follow(context, model, intent))


def _follow(context: Context, model: RegisteredModel, intent: Intent) -> bool:
    """Have the row and MLflow's alias follow a pointer that has flipped; False where MLflow cannot be reached."""
    version = None if intent.after is None else intent.after.version
    row = {
        "site": context.site_name,
        "model": model.name,
        "version": version,
        "previous": intent.previous,
        "action": intent.action,
        "who": intent.who,
        "why": intent.why,
        "evidence": intent.evidence,
        "forced": intent.forced,
        "moved_at": intent.at,
        "local_day": intent.at.astimezone(zone(context.timezone)).date(),
        "move_id": intent.move,
    }
    add_row(context.lake, context.home, MODEL_PROMOTIONS, row)
    try:
        point_aliases(context, model.name, version)
    except OutsideServiceError:
        return False  # what is served has moved all the same, and the note stays for the next call
    (model.folder / INTENT).unlink()
    return True


def _usable_version(context: Context, model: RegisteredModel, version: int) -> VersionRef:
    """Return a version after checking that its bundle is whole and fits the site's tariff.

    Raises:
        DataMissingError: it is not there.
        PolicyMismatchError: it is damaged, or made for another tariff.
    """
    folder = model.version_folder(version)
    if not folder.is_dir():
        raise DataMissingError(f"{folder}: no bundle of version {version}", "`darkstar models` lists versions")
    bundle = read_bundle(folder, kind=None, tariff=tariff_version(context.site_settings))
    return VersionRef(version=version, identity=bundle.identity, path=folder.name)


def _read_intent(folder: Path) -> Intent | None:
    """The note of a move that has begun; None where every move has ended."""
    try:
        return Intent.model_validate_json((folder / INTENT).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        message = f"{folder / INTENT} is damaged"
        raise DataMissingError(message, f"remove it; {folder / POINTER} says what is in use") from error


def _result(
    model: RegisteredModel,
    action: str,
    before: Pointer | None,
    after: Pointer | None,
    *,
    changed: bool,
    settled: bool,
) -> PromotionResult:
    """Return a change of the pointer as its caller reports it."""
    return PromotionResult(
        model=model.name,
        action=action,
        version=None if after is None else after.version,
        previous=None if before is None else before.version,
        changed=changed,
        settled=settled,
    )
