"""Routes of the strategy engine: what each of its adjustments would have earned or lost here."""

from fastapi import APIRouter, Response

from darkstar_pipeline.evaluation.strategy_effects import strategy_document
from darkstar_pipeline.service.engine.background_jobs import BackgroundJobs
from darkstar_pipeline.service.http.calculations import Calculations, JobId, check_span
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from darkstar_pipeline.service.schemas.strategy import StrategyDocument, StrategyJob, StrategyRequest

router = APIRouter(prefix="/strategy", tags=["what-if"])
_replays = Calculations(BackgroundJobs("adjustments are being replayed"), "replay", "POST /strategy/effects")


@router.post("/effects", status_code=202, responses=answers(404, 503), summary="Begin to replay the adjustments")
def begin(wanted: StrategyRequest, service: StateDep) -> StrategyJob:
    """Begin to replay `value` with each adjustment alone, as `darkstar strategy`; nothing is stored."""
    check_span(wanted.first, wanted.last)
    name = _replays.jobs.start(
        strategy_document, service.context, wanted.first, wanted.last, engine=service.context.settings.engine
    )
    return StrategyJob(id=name, state="running")


@router.get("/effects/{job_id}", responses=answers(404), summary="Their effects", response_model=StrategyJob)
def effects(job_id: JobId) -> StrategyJob | Response:
    """The state of a replay, and the effects once it is done."""
    return _replays.document(job_id, StrategyJob, StrategyDocument.model_validate)


@router.delete(
    "/effects/{job_id}", status_code=204, responses=answers(404), summary="Cancel a replay", response_class=Response
)
def cancel(job_id: JobId) -> Response:
    """End a replay before its time."""
    return _replays.cancel(job_id)
