"""The promotion of a registered version of a class, by the evidence that was kept with it."""

from collections.abc import Sequence

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.models.fleet.classes import PREFIX
from darkstar_pipeline.models.fleet.moves import ClassMove, MoveRequest, promote_class
from darkstar_pipeline.models.fleet.resolution import share_of_at_least
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.models.promotion import evidence_of, evidence_reasons
from darkstar_pipeline.models.registry import stored_bundle
from darkstar_pipeline.models.version import RegisteredModel
from planner.evaluation.class_test import LEAST_HOMES


def promote_version(
    context: Context,
    version: int | None,
    *,
    share: float,
    sites: Sequence[str],
    actor: str,
    reason: str | None,
    force: bool,
) -> ClassMove:
    """Put a version into use for a share of a class's homes; its bundle is fetched where it was cleared away.

    Args:
        context: under which the class's trainings are registered (`Fleet.class_context`).
        version: the version; None for the newest in the state folder.
        share: share of the homes; 1 for all. A larger one where it draws fewer homes than a canary is judged on.
        sites: homes of the class.
        actor: name of a person or job.
        reason: in words; None takes the evidence's.
        force: promote against the evidence, or without any.

    Raises:
        ClassNotPromotedError: the evidence does not support it, and it is not forced.
        DataMissingError: there is no such version.
        OutsideServiceError: MLflow or the fleet's store failed.
    """
    model, class_name = RegisteredModel.of(context), context.site_name.removeprefix(PREFIX)
    number = max(model.versions(), default=None) if version is None else version
    if number is None:
        message = f"class {class_name} has no trained version"
        raise DataMissingError(message, f"`darkstar fleet train --class {class_name}` makes one")
    evidence = evidence_of(context, model.name, number)
    models = fleet_models(context.settings, context.home)
    ref = models.add_bundle(stored_bundle(context, model.name, number), number)
    pointer = models.pointer()
    others = [site for site in sites if site not in pointer.own]
    least = share_of_at_least(LEAST_HOMES, others, class_name, number) if others else 0.0
    why = reason or evidence_reasons(evidence) or "by hand, without evidence"
    request = MoveRequest(actor=actor, reason=why, evidence=evidence, force=force)
    return promote_class(models, class_name, ref, request, share=max(share, least))
