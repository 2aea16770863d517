"""Routes of plans and commands."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from darkstar_pipeline.service.engine.plan_store import PLAN_ID
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers, problem
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument, ReplanDocument

router = APIRouter(tags=["plans"])
PlanId = Annotated[
    str,
    Path(pattern=PLAN_ID, description="Identifier of a plan.", examples=["20260131T140000Z-1a2b3c4d"], max_length=30),
]


@router.get("/plan", response_model=PlanDocument, responses=answers(), summary="The plan in force")
async def plan(service: StateDep) -> Response:
    """From now to the last known price: commands, flows, costs, reasons, and the inputs of the plan."""
    # The plan is serialised once; whether it steers is so at the moment of the answer.
    steering = service.steering().model_dump_json().encode()
    answer = b'%b,"steering":%b}' % (service.answers.json(service.engine.plan()).removesuffix(b"}"), steering)
    return Response(answer, media_type="application/json")


@router.get("/command", responses=answers(), summary="The command of the inverter now")
async def command(service: StateDep) -> CommandDocument:
    """The command of the current slot. After `expires_at` it is void, and the inverter's own default holds."""
    return service.engine.command().model_copy(update={"steering": service.steering()})


@router.post("/replan", responses=answers(), summary="Plan anew, now")
def replan(service: StateDep) -> ReplanDocument:
    """Make a plan from the inputs of this moment.

    While a plan is being made, the answer is the plan in force, with `pending` true: another follows at once.
    """
    asked_at = service.clock.now()
    made = service.engine.replan()
    return ReplanDocument(
        id=made.id,
        rung=made.rung,
        why=made.why,
        seconds=made.seconds,
        pending=made.created_at < asked_at,
        asked_at=asked_at,
    )


@router.get("/plans/{plan_id}", responses=answers(404), summary="A plan that was made", response_model=PlanDocument)
def plan_by_id(plan_id: PlanId, service: StateDep) -> PlanDocument | Response:
    """Any plan of the last weeks, as it was made."""
    found = service.engine.store.find(plan_id)
    latest = service.engine.plan()
    if found is None and latest.id == plan_id:
        found = latest
    if found is None:
        return problem(404, "not_found", f"there is no plan {plan_id}", "GET /plan has the latest")
    return found
