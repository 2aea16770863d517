"""Promotion and rollback: a version is put into use, each time with a row of evidence.

The pointer (`champion_pointer.POINTER`) is the truth: it is what serving reads, and it is replaced in one step
(`promotion_journal`). MLflow's alias follows it (`alias_follower`) and may lag for a moment, or for as long as MLflow
cannot be reached.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError, DataMissingError, OutsideServiceError
from darkstar_pipeline.models.alias_follower import follow_pointer, update_alias
from darkstar_pipeline.models.champion_pointer import Pointer, VersionRef, read_pointer, read_version
from darkstar_pipeline.models.promotion_journal import ChangeRequest, change_pointer, has_unfinished_change, settle
from darkstar_pipeline.models.registry import find_version, kept_evidence, stored_bundle
from darkstar_pipeline.models.version import RegisteredModel, find_model
from darkstar_pipeline.state.file_lock import hold_lock
from planner.artifacts.bundle import read_bundle

_log = logging.getLogger(__name__)


class NotPromotedError(DarkstarError):
    """The evidence does not support a promotion."""

    code = "not_promoted"


@dataclass(frozen=True, kw_only=True)
class PromotionResult:
    """The result of a promotion or rollback.

    Attributes:
        model: name of the registered model.
        action: `promote` or `rollback`.
        version: version in use now; None for none, so that `value` decides.
        previous: version in use before.
        changed: whether anything changed; a champion that is promoted again stays.
        alias_moved: whether MLflow's alias names the same version already.
    """

    model: str
    action: str
    version: int | None
    previous: int | None
    changed: bool
    alias_moved: bool


def promote(
    context: Context,
    version: int,
    *,
    actor: str,
    reason: str,
    evidence: Mapping[str, Any] | None,
    force: bool = False,
    name: str | None = None,
) -> PromotionResult:
    """Put a version into use.

    Args:
        context: the site.
        version: number of the version; its bundle is in the state folder (`registry.stored_bundle`).
        actor: name of a person or job.
        reason: in words.
        evidence: the gate's verdict (`planner.evaluation.promotion_test.Verdict.document()`); None where there is none.
        force: promote against the verdict, or without one.
        name: the registered model; None is that of the policies.

    Raises:
        NotPromotedError: the evidence does not support it, and it is not forced.
        DataMissingError: there is no such bundle.
        PolicyMismatchError: the bundle is damaged, or made for another tariff; force does not help.
    """
    model = find_model(context, name)
    if not force:
        check_evidence(version, evidence)
    request = ChangeRequest(action="promote", actor=actor, reason=reason, evidence=evidence, force=force)
    with hold_lock(model.lock):
        settle(context, model)
        before = read_pointer(model.folder)
        ref = _usable_version(context, model, version)
        if before is not None and before.ref == ref:
            after = before
        else:
            past = () if before is None else (before.ref, *before.previous)
            after = change_pointer(context, model, request, ref, past)
    return _result(context, model, request, before, after)


def promote_registered(
    context: Context,
    version: int,
    *,
    actor: str,
    reason: str | None,
    force: bool,
    name: str | None = None,
    on_unevaluated: Callable[[], None] | None = None,
) -> PromotionResult:
    """Put a version into use by the evidence that was registered with it; fetch its bundle where it was cleared away.

    Args:
        context: the site.
        version: number of the version.
        actor: name of a person or job.
        reason: in words; None takes the evidence's.
        force: promote against the evidence, or without any.
        name: the registered model; None is that of the policies.
        on_unevaluated: called before a version without evidence is promoted, which then counts as forced; None
            refuses such a version.

    Raises:
        NotPromotedError: the evidence does not support it, and it is not forced.
        DataMissingError: there is no such version, or MLflow has lost its bundle.
        PolicyMismatchError: the bundle is damaged, or made for another tariff; force does not help.
        OutsideServiceError: the bundle has to be fetched, and MLflow cannot be reached.
    """
    name = find_model(context, name).name
    evidence = evidence_of(context, name, version)
    if not force and evidence is None and on_unevaluated is not None:
        on_unevaluated()
        force = True
    if not force:
        check_evidence(version, evidence)
    stored_bundle(context, name, version)
    if reason is None:
        reason = evidence_reasons(evidence) or "by hand, without evidence"
    return promote(context, version, actor=actor, reason=reason, evidence=evidence, force=force, name=name)


def rollback(context: Context, *, actor: str, reason: str, name: str | None = None) -> PromotionResult:
    """Put the version before back into use, the same bundle byte for byte; before the first one, `value` decides.

    A bundle that was cleared away is fetched from MLflow again.

    Args:
        context: the site.
        actor: name of a person or job.
        reason: in words.
        name: the registered model; None is that of the policies.

    Raises:
        DataMissingError: no version is in use, or MLflow has lost the version before.
        PolicyMismatchError: the bundle of before is damaged, not the one that was in use, or made for another tariff.
        OutsideServiceError: the bundle has to be fetched, and MLflow cannot be reached.
    """
    model = find_model(context, name)
    request = ChangeRequest(action="rollback", actor=actor, reason=reason)
    current = read_pointer(model.folder)
    if current is not None and current.previous:
        stored_bundle(context, model.name, current.previous[0].version)
    with hold_lock(model.lock):
        settle(context, model)
        before = read_pointer(model.folder)
        if before is None:
            message = f"{model.name} has no version in use to go back from; `value` decides for site {model.site}"
            raise DataMissingError(message, "`darkstar models` lists versions, `darkstar models promote` takes one")
        ref, past = None, ()
        if before.previous:
            ref, past = before.previous[0], before.previous[1:]
            read_version(model.folder, ref, tariff=tariff_version(context.site_settings))
        after = change_pointer(context, model, request, ref, past)
    return _result(context, model, request, before, after)


def evidence_of(context: Context, name: str, version: int) -> Mapping[str, Any] | None:
    """Return the evidence of a version: as kept in the state folder, else as MLflow has it.

    A version whose bundle is in the state folder can be promoted whatever has become of MLflow; where nobody knows its
    evidence, it has none.

    Raises:
        DataMissingError: MLflow knows no such version, and the state folder has none.
        OutsideServiceError: MLflow cannot be asked, and the state folder has no such version.
    """
    model = find_model(context, name)
    kept = kept_evidence(model, version)
    if kept is not None:
        return kept
    try:
        return find_version(context, name, version).evidence
    except (DataMissingError, OutsideServiceError) as error:
        if not model.version_folder(version).is_dir():
            raise
        _log.warning("MLflow does not tell the evidence of %s version %d: %s", name, version, error)
        return None


def check_evidence(version: int, evidence: Mapping[str, Any] | None) -> None:
    """Refuse a promotion that the evidence does not support.

    Raises:
        NotPromotedError: says why.
    """
    hint = "`darkstar models promote VERSION --force --why TEXT` insists, and is noted"
    if evidence is None:
        raise NotPromotedError(f"version {version} was not judged against the champion yet", hint)
    if evidence.get("promote") is not True:
        reasons = evidence_reasons(evidence) or "no reason is noted"
        raise NotPromotedError(f"the evidence does not carry version {version}: {reasons}", hint)


def evidence_reasons(evidence: Mapping[str, Any] | None) -> str:
    """Return the gate's reasons on one line; empty where it did not evaluate the version."""
    return "" if evidence is None else "; ".join(str(reason) for reason in evidence.get("reasons", ()))


def finish(context: Context, name: str) -> bool:
    """Complete or forget a change that was cut off, and set a pending alias, waiting for MLflow.

    Returns:
        Whether nothing is left to do; False where MLflow did not set the alias.
    """
    model = find_model(context, name)
    if has_unfinished_change(model):
        with hold_lock(model.lock):
            settle(context, model)
    _tell_fleet(context, model)
    return follow_pointer(model)


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


def _tell_fleet(context: Context, model: RegisteredModel) -> None:
    """Have the pointer of a home's fleet follow, so that its homes' versions resolve in one read."""
    if context.settings.fleet is not None:
        from darkstar_pipeline.models.fleet.own import follow_own

        follow_own(context, model)


def _result(
    context: Context, model: RegisteredModel, request: ChangeRequest, before: Pointer | None, after: Pointer | None
) -> PromotionResult:
    """Have the alias and the fleet follow, and return what the caller reports."""
    _tell_fleet(context, model)
    return PromotionResult(
        model=model.name,
        action=request.action,
        version=None if after is None else after.version,
        previous=None if before is None else before.version,
        changed=after != before,
        alias_moved=update_alias(model),
    )
