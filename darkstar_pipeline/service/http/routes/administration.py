"""Routes of administration: what is learned slowly and its reset, caches, and a retrain that a person asks for."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from darkstar_pipeline.learning.tuning.documents import learning_document, reset_document
from darkstar_pipeline.learning.tuning.resets import reset_learning
from darkstar_pipeline.retention.caches import caches, caches_document, clear_caches
from darkstar_pipeline.service.engine.background_jobs import BackgroundJobs
from darkstar_pipeline.service.http.calculations import Calculations, JobId
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import RequestError, answers
from darkstar_pipeline.service.schemas.administration import (
    CachesDocument,
    LearningDocument,
    ResetDocument,
    ResetRequest,
    RetrainJob,
    RetrainRequest,
    RetrainResult,
)
from planner.wording.messages import phrase

router = APIRouter(tags=["administration"])
Days = Annotated[int, Query(ge=1, le=3660, description="length of the history, up to the last day that has some")]
_retrains = Calculations(BackgroundJobs("a retrain is under way"), "retrain", "POST /retrain")


@router.get("/learning", responses=answers(), summary="What is learned slowly, and its history")
def learning(service: StateDep, days: Days = 30) -> LearningDocument:
    """Return each quantity with its value, range and last cause, and the steps of some days."""
    return LearningDocument.model_validate(learning_document(service.context, service.today, days=days))


@router.post("/learning/reset", responses=answers(), summary="Take back what was learned")
def reset(wanted: ResetRequest, service: StateDep) -> ResetDocument:
    """As `darkstar reset learning`: readings and history stay, and the reset is added to the history."""
    if wanted.to is not None and wanted.to >= service.today:
        raise RequestError(
            phrase("to: {day} is not before today", day=str(wanted.to)),
            phrase("name an earlier day, or leave it out"),
        )
    rows = reset_learning(service.context, service.clock.now(), wanted.to)
    service.engine.wake()
    return ResetDocument.model_validate(reset_document(service.context, rows))


@router.get("/caches", responses=answers(), summary="What is kept only to save time")
def listing(service: StateDep) -> CachesDocument:
    """Return the caches with their sizes; readings, prices, plans, models and results are none."""
    return CachesDocument.model_validate(caches_document(caches(service.context.home)))


@router.post("/caches/clear", responses=answers(), summary="Empty the caches")
def clear(service: StateDep) -> CachesDocument:
    """Empty all caches beside running services; each with the size that went, and why it could not be emptied."""
    return CachesDocument.model_validate(caches_document(clear_caches(service.context.home)))


@router.post("/retrain", status_code=202, responses=answers(503), summary="Begin to train everything again")
def begin_retrain(wanted: RetrainRequest, service: StateDep) -> RetrainJob:
    """As `darkstar retrain --force --why`, in a process of its own; a version comes into use only by the gate."""
    from darkstar_pipeline.learning.forced_retrain import forced_retrain

    name = _retrains.jobs.start(
        forced_retrain, service.context, service.today, wanted.why, engine=service.context.settings.engine
    )
    return RetrainJob(id=name, state="running")


@router.get("/retrain/{job_id}", responses=answers(404), summary="A retrain", response_model=RetrainJob)
def retrain(job_id: JobId) -> RetrainJob | Response:
    """The state of a retrain, and what it came to."""
    return _retrains.document(job_id, RetrainJob, _result)


@router.delete(
    "/retrain/{job_id}", status_code=204, responses=answers(404), summary="Cancel a retrain", response_class=Response
)
def cancel_retrain(job_id: JobId) -> Response:
    """End a retrain before its time; versions that it has registered stay, and none comes into use."""
    return _retrains.cancel(job_id)


def _result(report: dict[str, Any]) -> RetrainResult:
    named = {name: report[name] for name in ("at", "status", "champion", "challenger", "warnings")}
    return RetrainResult.model_validate({**named, "reasons": report["evidence"].get("reasons", [])})
