"""The route of the best start for an appliance."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from darkstar_pipeline.analyst.appliance import appliance_document
from darkstar_pipeline.planning.plan_inputs import StartSoc
from darkstar_pipeline.service.engine.plan_documents import expected_soc_percent
from darkstar_pipeline.service.http.calculations import working
from darkstar_pipeline.service.http.dependencies import StateDep
from darkstar_pipeline.service.http.errors import answers
from env.time_grid import slot_of

router = APIRouter(tags=["plans"])


class Start(BaseModel):
    """A start with its price."""

    start: datetime = Field(description="begin of the run")
    end: datetime = Field(description="its end")
    price: float | None = Field(description="what the run adds to the plan's cost; null where no fuse allows it")


class ApplianceStarts(BaseModel):
    """Starts of an appliance, as `darkstar appliance --json` has them."""

    site: str = Field(description="name of the site")
    currency: str = Field(description="of all prices")
    at: datetime = Field(description="moment of the question")
    now: Start | None = Field(description="the first start; null where the home's limits allow none")
    best: Start | None = Field(description="the cheapest start; null where the home's limits allow none")
    starts: list[Start] = Field(description="every start, in order of time")


@router.get("/appliance", responses=answers(404, 409, 503), summary="The best start for an appliance")
def appliance(
    service: StateDep,
    *,
    kw: Annotated[float, Query(ge=0.01, le=1000, description="power while it runs [kW]", examples=[2.0])],
    hours: Annotated[float, Query(ge=0.02, le=24, description="duration of the run [h]", examples=[1.5])],
    by: Annotated[AwareDatetime | None, Query(description="done by then; default: the last known price")] = None,
    at: Annotated[AwareDatetime | None, Query(description="as if it were then; default: now")] = None,
) -> ApplianceStarts:
    """When to start an appliance, and what the run costs then: what it adds to the plan, the battery planned around it.

    Of the present, it begins at the state of charge that the plan in force expects.
    """
    now = service.clock.now()
    moment = now if at is None else at
    percent = expected_soc_percent(service.engine.plan(), slot_of(now)) if slot_of(moment) == slot_of(now) else None
    with working():
        document = appliance_document(
            service.context,
            moment,
            power_kw=kw,
            run_hours=hours,
            until=by,
            soc=None if percent is None else StartSoc(percent, "live"),
            lenient=True,
        )
    return ApplianceStarts.model_validate(document)
