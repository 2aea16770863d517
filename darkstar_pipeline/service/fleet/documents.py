"""Documents of the fleet's API."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from darkstar_pipeline.service.fleet.directory import State
from darkstar_pipeline.service.schemas.base import Document, Instant, Text
from darkstar_pipeline.service.schemas.readings import Reading

ProblemCode = Literal["", "settings", "no_price", "no_readings", "failed"]
ObstacleCode = Literal["", "unreadable", "aurora", "demand_charge", "failed", "refused", "careless"]
MOST_READINGS = 5000
MOST_HOMES = 500
_CAPTURED = (
    "Share of what hindsight would have saved against an unused battery, of the last 28 days that `darkstar fleet "
    "backfill` has results of; null without."
)
_SOURCE = "champion, the version in use; value; or self_consumption where neither's plan was released."
_MODEL = "Version in use for the home; empty where there is none, so that `value` plans."
_OBSTACLE = "Why the version in use did not plan; empty where it did, or there is none."
_STATE = "planned: a plan of the last hour covers this moment; stale: an older one does; no_plan: none does."


class HomeDocument(Document):
    """A home and the state of its plan; money in the home's currency."""

    site: str = Field(examples=["home-0001"])
    tenant: str
    area: str = Field(description="Price area.", examples=["SE3"])
    currency: str = Field(description="Currency of its money.", examples=["SEK"])
    tariff: str | None = Field(description="Tariff class of the fleet's settings; null: the fleet's own.")
    capacity_kwh: float | None
    latitude: float | None
    longitude: float | None
    state: State = Field(description=_STATE)
    problem: ProblemCode = Field(description="Why there is no newer plan; empty where there is none to be had.")
    why: Text = Field(description="The same in words; empty where all is well.")
    created_at: datetime | None = Field(description="When the plan was made.")
    valid_until: datetime | None = Field(description="End of its last slot.")
    released: str | None = Field(description="plan, self_consumption or idle, whichever costs least.")
    source: str | None = Field(description=_SOURCE)
    model: str | None = Field(description=_MODEL, examples=["models:/antares-class-sek-912efb44a97f-pv-slow-v2/3"])
    obstacle: ObstacleCode = Field(description=_OBSTACLE)
    source_why: Text = Field(description="The obstacle in words; empty where there is none.")
    cost: float | None = Field(description="Modelled cost of the plan, less the value of energy left [money].")
    self_consumption_cost: float | None = Field(description="The same under self-consumption [money].")
    saving: float | None = Field(description="What the plan saves against self-consumption [money].")
    captured_share: float | None = Field(description=_CAPTURED)


class HomesQuery(Document):
    """The homes that are asked for; a name that is none of these is refused, since it would choose nothing."""

    area: str | None = Field(None, max_length=64, description="Homes in this price area.")
    tariff: str | None = Field(None, max_length=64, description="Homes of this tariff class.")
    state: State | None = Field(None, description="Homes whose plan is so.")
    like: str | None = Field(None, max_length=128, description="Homes whose name has this in it.")
    order: Literal["site", "saving"] = Field("site", description="saving: those that save least first.")
    cursor: str | None = Field(None, max_length=400, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=MOST_HOMES, description="Most homes of a page.")


class HomesPageDocument(Document):
    """A page of homes."""

    homes: list[HomeDocument]
    matching: int = Field(description="Homes that fit, on all pages.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class FleetSlot(Document):
    """A slot of 15 minutes of a plan; names as in a single home's."""

    slot_start: datetime
    slot_end: datetime
    import_price: float
    export_price: float
    load_kwh: float
    pv_kwh: float
    charge_kw: float = Field(description="Command: charge at this power, from the grid too [kW].")
    discharge_kw: float = Field(description="Command: cover the house up to this power [kW].")
    export_kw: float = Field(description="Command: feed the grid up to this power [kW].")
    import_kwh: float
    export_kwh: float
    charge_kwh: float
    discharge_kwh: float
    curtailed_kwh: float
    soc_start_percent: float
    soc_end_percent: float
    cost: float = Field(description="Import less export, wear included [money].")
    reason: str


class FleetPlanDocument(Document):
    """The plan of a home, from the slot in which it was made to the last published price."""

    site: str
    timezone: str
    currency: str
    capacity_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    created_at: datetime
    valid_from: datetime
    valid_until: datetime
    released: str = Field(description="plan, self_consumption or idle, whichever costs least.")
    source: str = Field(description=_SOURCE)
    model: str = Field(description=_MODEL)
    obstacle: ObstacleCode = Field(description=_OBSTACLE)
    obstacle_details: str = Field(description="What is wrong with the version; empty where the obstacle says all.")
    verified: bool = Field(description="True where the verifier recomputed every slot and found no violation.")
    violations: list[str]
    soc_source: Literal["observed", "projected", "protocol"] = Field(
        description="Stored energy at the start: read, expected by the plan before, or the protocol's."
    )
    end_basis: str = Field(description="What energy left at the end is valued by: past_days or settlement.")
    cost: float
    idle_cost: float
    self_consumption_cost: float
    slots: list[FleetSlot]
    state: State = Field(description=_STATE)
    problem: ProblemCode = Field(description="Why there is no newer plan; empty where there is none to be had.")


class FleetCommandDocument(Document):
    """The command of a home's inverter now; after its expiry the inverter's own default holds."""

    site: str
    state: State = Field(description=_STATE)
    created_at: datetime | None = Field(description="When the plan was made; null without one.")
    slot_start: datetime
    expires_at: datetime
    charge_kw: float
    discharge_kw: float
    export_kw: float
    command: Text = Field(description="Command in words.")
    default: bool = Field(description="True where it is the inverter's own default, self-consumption.")
    why: Text = Field(description="Why the default stands in for a plan; empty where the plan commands.")


class FleetReading(Reading):
    """The readings of a home's quarter of an hour."""

    slot_start: Instant = Field(description="Begin of the slot, with an offset.", examples=["2026-02-01T07:00:00Z"])
    site: str = Field(max_length=128, description="Name of the home.", examples=["home-0001"])


class FleetReadingsRequest(Document):
    """Readings of quarter-hours of any homes; handing in the same again changes nothing."""

    readings: list[FleetReading] = Field(min_length=1, max_length=MOST_READINGS)


class RefusedRow(Document):
    """A row that was not taken."""

    row: int = Field(description="Its place in the request, from 0.")
    site: str
    slot_start: datetime
    reason: str = Field(description="Why; another tenant's home is as unknown as one that does not exist.")


class FleetReadingsReport(Document):
    """The answer to readings that were handed in, with each row that was refused."""

    accepted: int = Field(description="Rows that are new or change a value.")
    unchanged: int = Field(description="Rows that say what is known already.")
    refused: list[RefusedRow]


class WorstHome(Document):
    """A home that saves least."""

    site: str
    tenant: str
    currency: str
    saving: float


class AreaSummary(Document):
    """The homes of a price area."""

    area: str
    currency: str
    homes: int
    planned: int
    saving: float = Field(description="What their plans save against self-consumption [money].")
    captured_share: float | None = Field(description=_CAPTURED)


class FleetSummary(Document):
    """A fleet as its reader sees it."""

    at: datetime = Field(description="The moment that this is so.")
    homes: int
    planned: int
    stale: int
    no_plan: int
    problems: dict[str, int] = Field(description="Homes without a newer plan, by reason.")
    sources: dict[str, int] = Field(description=f"Homes with a plan by its source. {_SOURCE}")
    obstacles: dict[str, int] = Field(
        description=f"Homes with a version in use that did not plan, by reason. {_OBSTACLE}"
    )
    oldest_plan_at: datetime | None
    newest_plan_at: datetime | None
    savings: dict[str, float] = Field(
        description="What the plans save against self-consumption, all homes together, by currency [money]."
    )
    captured_shares: dict[str, float] = Field(description=f"By currency. {_CAPTURED}")
    worst: list[WorstHome] = Field(description="Homes whose plans save least, ten of each currency.")
    areas: list[AreaSummary]
