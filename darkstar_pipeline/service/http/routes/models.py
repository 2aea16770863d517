"""Versions of the registered model: which there are, which is in use, and the moves."""

from fastapi import APIRouter

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.models.promotion import PromotionResult, promote_registered
from darkstar_pipeline.models.promotion import rollback as move_back
from darkstar_pipeline.models.version import RegisteredModel, registered_name
from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.schemas.models import (
    ModelRow,
    ModelsDocument,
    MoveDocument,
    PromoteRequest,
    RollbackRequest,
)
from planner.artifacts.bundle import read_bundle
from planner.errors import PolicyMismatchError

router = APIRouter(prefix="/models", tags=["models"])
ACTOR = "planner service"


@router.get("", responses=answers(), summary="Versions, and the one in use")
def models(service: StateDep) -> ModelsDocument:
    """The versions in the state folder; MLflow is not asked."""
    context, following = service.context, service.engine.follower.state
    return ModelsDocument(
        model=registered_name(context.site_name),
        champion=following.model,
        wanted=following.wanted_version,
        problem=following.problem,
        versions=_versions(context, None if following.model is None else following.model.version),
    )


@router.post("/promote", responses=answers(404, 409, 503), summary="Put a version into use")
def promote(wanted: PromoteRequest, service: StateDep) -> MoveDocument:
    """As `darkstar models promote`: without passing evidence only by force, and every move is noted."""
    move = promote_registered(service.context, wanted.version, actor=ACTOR, reason=wanted.why, force=wanted.force)
    return _moved(service, move)


@router.post("/rollback", responses=answers(404, 409, 503), summary="Put the version before back into use")
def rollback(wanted: RollbackRequest, service: StateDep) -> MoveDocument:
    """As `darkstar models rollback`: the same bundle byte for byte; before the first one the value function decides."""
    return _moved(service, move_back(service.context, actor=ACTOR, reason=wanted.why))


def _moved(service: ServiceState, move: PromotionResult) -> MoveDocument:
    service.engine.wake()
    return MoveDocument(
        model=move.model,
        action="promote" if move.action == "promote" else "rollback",
        version=move.version,
        previous=move.previous,
        changed=move.changed,
        settled=move.alias_moved,
    )


def _versions(context: Context, in_use: int | None) -> list[ModelRow]:
    """The bundles in the state folder, the newest first."""
    tariff, rows = tariff_version(context.site_settings), list[ModelRow]()
    for number, folder in reversed(RegisteredModel.of(context).versions().items()):
        try:
            bundle = read_bundle(folder)
        except PolicyMismatchError as error:
            row = ModelRow(
                version=number, kind="", algorithm="", identity="", tariff_fits=False, in_use=False, problem=str(error)
            )
        else:
            fits = bundle.manifest.tariff in ("", tariff)
            row = ModelRow(
                version=number,
                kind=bundle.manifest.kind,
                algorithm=bundle.manifest.algorithm,
                identity=bundle.identity,
                tariff_fits=fits,
                in_use=number == in_use,
                problem="" if fits else "trained under another tariff",
            )
        rows.append(row)
    return rows
