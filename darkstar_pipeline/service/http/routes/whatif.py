"""Routes of what-ifs: plans, replays, export scenarios and sizes on paper, beside the site as it is."""

from datetime import datetime

from fastapi import APIRouter, Response

from darkstar_pipeline.service.engine.background_jobs import BackgroundJobs
from darkstar_pipeline.service.engine.plan_documents import expected_soc_percent
from darkstar_pipeline.service.http.calculations import Calculations, JobId, check_span, working
from darkstar_pipeline.service.http.dependencies import ServiceState, StateDep
from darkstar_pipeline.service.http.errors import RequestError, answers
from darkstar_pipeline.service.schemas.whatif import (
    ExportWhatIfDocument,
    ExportWhatIfRequest,
    PlanWhatIfDocument,
    PlanWhatIfRequest,
    ReplayWhatIfDocument,
    ReplayWhatIfRequest,
    SizingDocument,
    SizingJob,
    SizingRequest,
    WhatIfRequest,
)
from darkstar_pipeline.whatif.changed_context import WhatIf, what_if
from darkstar_pipeline.whatif.changes import Changes, Relaxation
from darkstar_pipeline.whatif.documents import (
    day_document,
    export_document,
    grid_document,
    plan_document,
    replay_document,
)
from darkstar_pipeline.whatif.plans import export_what_if, moment_of, plan_what_if
from darkstar_pipeline.whatif.replays import replay_what_if
from darkstar_pipeline.whatif.sizing import Question, check_question, span_of
from env.time_grid import slot_of
from planner.errors import PlannerError
from planner.whatif.house import AddedLoad, HouseChange
from planner.whatif.sizing import Costs

router = APIRouter(prefix="/whatif", tags=["what-if"])
_sizing = Calculations(BackgroundJobs("sizes are being worked out"), "grid", "POST /whatif/sizing")


@router.post("/plan", responses=answers(404, 409, 503), summary="A day planned with changes")
def plan(request: PlanWhatIfRequest, service: StateDep) -> PlanWhatIfDocument:
    """The plan of a past or coming day with the changes, beside that of the site as it is; neither is carried out.

    Coming days have the published prices and the forecasts that the plan in force has; past ones what was known then.
    """
    case = _case(request, service)
    with working():
        if request.policy is not None:
            if request.day is None or request.at is not None or request.soc_percent is not None:
                raise RequestError(
                    "a policy replays a past day from its protocol", "give day, without at and soc_percent"
                )
            return PlanWhatIfDocument.model_validate(day_document(case, request.day, request.policy))
        at = _moment(request, service)
        day = request.day if request.at is None else None
        planned = plan_what_if(case, at, soc=_soc(request, service, at), day=day)
        return PlanWhatIfDocument.model_validate(plan_document(case, planned))


@router.post("/replay", responses=answers(404, 409, 503), summary="A span replayed with changes")
def replay(request: ReplayWhatIfRequest, service: StateDep) -> ReplayWhatIfDocument:
    """Replay at most 400 days with the changes, beside the site as it is; as `darkstar evaluate` would have each."""
    check_span(request.first, request.last)
    case = _case(request, service)
    with working():
        replayed = replay_what_if(case, request.first, request.last, request.policies, continuous=request.continuous)
        return ReplayWhatIfDocument.model_validate(replay_document(replayed, request.first, request.last))


@router.post("/export", responses=answers(404, 409, 503), summary="Ever more sold in the dearest slots")
def export(request: ExportWhatIfRequest, service: StateDep) -> ExportWhatIfDocument:
    """The cheapest schedules that export so much in the dearest slots, and the net money over the whole horizon."""
    case = _case(request, service)
    with working():
        at = _moment(request, service)
        targets = None if request.sell_kwh is None else list(request.sell_kwh)
        day, soc = request.day if request.at is None else None, _soc(request, service, at)
        task, found = export_what_if(case, at, request.n_slots, targets, soc=soc, day=day, hindsight=request.hindsight)
        return ExportWhatIfDocument.model_validate(export_document(case, at, task, found, hindsight=request.hindsight))


@router.post("/sizing", status_code=202, responses=answers(404, 409, 503), summary="Begin to try sizes")
def begin_sizing(request: SizingRequest, service: StateDep) -> SizingJob:
    """Begin to work out what batteries of several sizes would have saved; one grid at a time, in the background."""
    span = span_of(service.context, request.first, request.last)
    check_span(*span)
    changes, question = _changes(request), _question(request, service)
    check_question(question)
    what_if(service.context, changes)  # refuses wrong changes at once
    name = _sizing.jobs.start(
        grid_document, service.context, changes, question, span, engine=service.context.settings.engine
    )
    return SizingJob(id=name, state="running")


@router.get("/sizing/{job_id}", responses=answers(404), summary="A grid of sizes", response_model=SizingJob)
def sizing(job_id: JobId) -> SizingJob | Response:
    """The state of a grid, and the grid once it is done; the last eight are kept until the service ends."""
    return _sizing.document(job_id, SizingJob, SizingDocument.model_validate)


@router.delete(
    "/sizing/{job_id}", status_code=204, responses=answers(404), summary="Cancel a grid", response_class=Response
)
def cancel_sizing(job_id: JobId) -> Response:
    """End a grid before its time; one that is done stays as it is."""
    return _sizing.cancel(job_id)


def _moment(request: PlanWhatIfRequest | ExportWhatIfRequest, service: ServiceState) -> datetime:
    now = service.clock.now()
    if request.at is not None:
        return request.at
    return now if request.day is None else moment_of(service.context, request.day, now)


def _soc(request: PlanWhatIfRequest | ExportWhatIfRequest, service: ServiceState, at: datetime) -> float | None:
    """Return the state of charge that was asked for; for the present, that of the plan in force; else None [%]."""
    if request.soc_percent is not None:
        return request.soc_percent
    now = service.clock.now()
    return expected_soc_percent(service.engine.plan(), slot_of(now)) if slot_of(at) == slot_of(now) else None


def _case(request: WhatIfRequest, service: ServiceState) -> WhatIf:
    return what_if(service.context, _changes(request))


def _changes(request: WhatIfRequest) -> Changes:
    """Return the changes of a request.

    Raises:
        RequestError: a load is none.
    """
    try:
        added = tuple(
            AddedLoad(kw=load.kw, start_minute=_minute(load.start), end_minute=_minute(load.end))
            for load in request.added_loads
        )
        house = HouseChange(load_scale=request.load_scale, pv_scale=request.pv_scale, added=added)
    except PlannerError as error:
        raise RequestError(str(error), "correct added_loads") from error
    relaxation = Relaxation(
        no_wear=request.no_wear,
        no_margins=request.no_margins,
        least_export=request.export_price_min,
        most_export=request.export_price_max,
    )
    return Changes(settings=request.settings, area=request.area, house=house, relaxation=relaxation)


def _minute(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _question(request: SizingRequest, service: ServiceState) -> Question:
    """Return the sizes of a request."""
    names = ("per_kwh", "per_kw", "per_kwp", "fixed")
    given = {name: price for name in names if (price := getattr(request, f"cost_{name}")) is not None}
    panels = request.panels_kwp
    return Question(
        capacities_kwh=request.capacities_kwh,
        powers_kw=request.powers_kw,
        pv_scales=request.pv_scales,
        policy=request.policy,
        costs=Costs(**given) if given else None,
        panels_kwp=panels if panels is not None else service.context.site_settings.forecast.rated_kw,
        scaled=request.per_year,
    )
