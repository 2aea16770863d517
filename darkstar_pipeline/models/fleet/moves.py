"""Promotions and rollbacks of a class: first for a share of its homes, the canary, then for all of them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from darkstar_pipeline.errors import DarkstarError, DataMissingError
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.pointer import KEPT_MOVES, Action, Canary, ClassModels, FleetPointer, Move
from darkstar_pipeline.models.fleet.store import FleetModels

_ALL = 1.0


class ClassNotPromotedError(DarkstarError):
    """The evidence does not support the promotion of a class's version."""

    code = "not_promoted"


@dataclass(frozen=True, kw_only=True)
class MoveRequest:
    """A promotion or rollback as it was requested.

    Attributes:
        actor: name of a person or job.
        reason: in words.
        evidence: the gate's verdict (`planner.evaluation.class_test.ClassVerdict.document()`); None without one.
        force: whether it goes against the verdict, or without one.
    """

    actor: str
    reason: str
    evidence: Mapping[str, Any] | None = None
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class ClassMove:
    """The result of a move.

    Attributes:
        class_name: the class.
        before: its versions before.
        after: its versions now; the same where nothing had to be changed.
    """

    class_name: str
    before: ClassModels
    after: ClassModels

    @property
    def changed(self) -> bool:
        """Return whether anything changed."""
        return self.before != self.after


def promote_class(
    models: FleetModels, class_name: str, ref: VersionRef, request: MoveRequest, *, share: float = _ALL
) -> ClassMove:
    """Put a version into use, for a share of the class's homes or for all of them.

    Args:
        models: the fleet's models.
        class_name: the class.
        ref: the version, whose bundle is in the store (`FleetModels.add_bundle`).
        request: who, why and on what evidence.
        share: share of the homes; 1 for all, which ends a canary.

    Raises:
        ClassNotPromotedError: the evidence does not support it, and it is not forced.
        PolicyMismatchError: the store lacks the bundle, or it is damaged.
    """
    if not request.force:
        _check_evidence(class_name, ref.version, request.evidence)
    models.bundle(ref)

    def moved(before: ClassModels, at: datetime) -> _Step | None:
        if before.champion == ref:
            return None
        if share < _ALL:
            running = before.canary
            since = running.since if running is not None and running.ref == ref else at
            canary = Canary(ref=ref, share=share, since=since)
            after = before.model_copy(update={"canary": canary})
            return None if canary == running else _Step("canary", after, ref, before.champion, share)
        past = (before.champion, *before.previous)
        after = before.model_copy(update={"champion": ref, "previous": past, "canary": None})
        return _Step("promote", after, ref, before.champion)

    return _move(models, class_name, request, moved)


def rollback_class(models: FleetModels, class_name: str, request: MoveRequest) -> ClassMove:
    """Take a class's canary back, else put the version before back into use; before the first one, `value` decides.

    Raises:
        DataMissingError: the class has neither.
        PolicyMismatchError: the store lacks the version before, or it is damaged.
    """

    def moved(before: ClassModels, at: datetime) -> _Step:
        del at
        if (canary := before.canary) is not None:
            after = before.model_copy(update={"canary": None})
            return _Step("rollback", after, before.champion, canary.ref, canary.share)
        if before.champion is None:
            message = f"class {class_name} has no version in use to go back from; `value` decides for its homes"
            raise DataMissingError(message, "`darkstar fleet models` lists classes and versions")
        champion, *past = before.previous or (None,)
        if champion is not None:
            models.bundle(champion)
        after = before.model_copy(update={"champion": champion, "previous": tuple(past)})
        return _Step("rollback", after, champion, before.champion)

    return _move(models, class_name, request, moved)


def set_own(models: FleetModels, site: str, ref: VersionRef | None) -> FleetPointer:
    """Have a home use a champion of its own from now on; None has it use its class's again."""

    def changed(pointer: FleetPointer) -> FleetPointer | None:
        if pointer.own.get(site) == ref:
            return None
        others = {name: own for name, own in pointer.own.items() if name != site}
        return pointer.model_copy(update={"own": others if ref is None else {**others, site: ref}})

    return models.change(changed)


@dataclass(frozen=True)
class _Step:
    """A move that is to be made: the versions of the class after it, and what its journal says."""

    action: Action
    after: ClassModels
    version: VersionRef | None
    previous: VersionRef | None
    share: float = _ALL


def _move(
    models: FleetModels,
    class_name: str,
    request: MoveRequest,
    moved: Callable[[ClassModels, datetime], _Step | None],
) -> ClassMove:
    """Write the move into the journal, then replace the pointer by the one that names it."""
    move, at = secrets.token_hex(8), datetime.now(UTC)
    before = ClassModels()

    def changed(pointer: FleetPointer) -> FleetPointer | None:
        nonlocal before
        before = pointer.of(class_name)
        step = moved(before, at)
        if step is None:
            return None
        models.note(_noted(move, class_name, step, request, at))
        named = step.after.model_copy(update={"moves": (move, *before.moves)[:KEPT_MOVES]})
        return pointer.model_copy(update={"classes": {**pointer.classes, class_name: named}})

    after = models.change(changed).of(class_name)
    return ClassMove(class_name=class_name, before=before, after=after)


def _noted(move: str, class_name: str, step: _Step, request: MoveRequest, at: datetime) -> Move:
    return Move(
        move=move,
        class_name=class_name,
        action=step.action,
        version=None if step.version is None else step.version.version,
        previous=None if step.previous is None else step.previous.version,
        share=step.share,
        actor=request.actor,
        reason=request.reason,
        evidence=None if request.evidence is None else dict(request.evidence),
        forced=request.force,
        at=at,
    )


def _check_evidence(class_name: str, version: int, evidence: Mapping[str, Any] | None) -> None:
    hint = "`darkstar fleet promote --class CLASS --force --why TEXT` insists, and is noted"
    if evidence is None:
        message = f"version {version} of class {class_name} was not judged against the version in use yet"
        raise ClassNotPromotedError(message, hint)
    if evidence.get("promote") is not True:
        reasons = "; ".join(str(reason) for reason in evidence.get("reasons", ())) or "no reason is noted"
        raise ClassNotPromotedError(
            f"the evidence does not carry version {version} of class {class_name}: {reasons}", hint
        )
