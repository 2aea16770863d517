"""Documents of what-ifs: what is to be changed, and two cases side by side. Nothing of them is kept or carried out."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from darkstar_pipeline.config.calendar_days import EARLIEST, LATEST
from darkstar_pipeline.service.schemas.base import Document, Instant, Job, Number, Text

MOST_NUMBERS, MOST_LOADS, MOST_SETTINGS = 20, 10, 40
Day = Annotated[date, Field(ge=EARLIEST, le=LATEST, examples=["2026-01-31"])]
Share = Annotated[Number, Field(ge=0, le=100)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):(00|15|30|45)$|^24:00$", examples=["22:00"])]
Policy = Annotated[str, Field(max_length=64, examples=["value", "oracle"])]
Energies = Annotated[
    tuple[Annotated[Number, Field(ge=0, le=10_000)], ...], Field(min_length=1, max_length=MOST_NUMBERS)
]


class AddedLoadRequest(Document):
    """A load that comes every day at the same hours by the home's clock."""

    kw: Number = Field(gt=0, le=1000)
    start: Clock
    end: Clock


class WhatIfRequest(Document):
    """The changes of a what-if; all of them may be left out."""

    settings: dict[str, JsonValue] = Field(
        default_factory=dict[str, JsonValue],
        max_length=MOST_SETTINGS,
        description="Settings by their names in darkstar.yaml; each is checked as if it stood there.",
        examples=[{"battery.capacity_kwh": 15, "tariff.power": [{"price_per_kw": 81.25}]}],
    )
    area: str | None = Field(
        default=None, max_length=64, description="Price area; another one needs a configured site there."
    )
    load_scale: Share = Field(default=1.0, description="Factor of the load.")
    pv_scale: Share = Field(default=1.0, description="Factor of the PV.")
    added_loads: tuple[AddedLoadRequest, ...] = Field(default=(), max_length=MOST_LOADS)
    no_wear: bool = Field(default=False, description="Relaxed economics: wear of the battery costs nothing.")
    no_margins: bool = Field(default=False, description="Relaxed economics: MPC has neither hysteresis nor a budget.")
    export_price_min: Number | None = Field(
        default=None, description="Relaxed economics: export is paid at least this."
    )
    export_price_max: Number | None = Field(default=None, description="Relaxed economics: export is paid at most this.")


class PlanWhatIfRequest(WhatIfRequest):
    """A day or a moment to be planned; by default now."""

    day: Day | None = Field(default=None, description="A past day is planned from its midnight, else from now on.")
    at: Instant | None = Field(default=None, description="Moment to plan at, in place of a day.")
    soc_percent: Share | None = Field(default=None, description="State of charge at the start; null: as read [%].")
    policy: Policy | None = Field(default=None, description="Replays a past day by it; `oracle` is perfect hindsight.")


class ReplayWhatIfRequest(WhatIfRequest):
    """A span to be replayed."""

    first: Day
    last: Day
    policies: tuple[Policy, ...] = Field(default=("value",), min_length=1, max_length=6)
    continuous: bool = Field(default=False, description="Carry stored energy over midnight.")


class ExportWhatIfRequest(WhatIfRequest):
    """Energies to be sold in the dearest slots."""

    day: Day | None = None
    at: Instant | None = None
    soc_percent: Share | None = None
    n_slots: int = Field(default=4, ge=1, le=96, description="Number of the dearest slots.")
    sell_kwh: Energies | None = Field(default=None, description="Energies to sell; null: six steps to full power.")
    hindsight: bool = Field(default=False, description="Know the readings of a past day.")


class SizingRequest(WhatIfRequest):
    """Sizes to be tried; the savings are of lower bills."""

    first: Day | None = Field(default=None, description="First local day; null: a year before the last.")
    last: Day | None = Field(default=None, description="Last local day; null: the last graded one.")
    capacities_kwh: Energies
    powers_kw: Energies
    pv_scales: Energies = Field(default=(1.0,), description="Factors of the PV on top of `pv_scale`.")
    policy: Policy = "value"
    cost_per_kwh: Annotated[Number, Field(ge=0)] | None = None
    cost_per_kw: Annotated[Number, Field(ge=0)] | None = None
    cost_per_kwp: Annotated[Number, Field(ge=0)] | None = None
    cost_fixed: Annotated[Number, Field(ge=0)] | None = None
    panels_kwp: Annotated[Number, Field(gt=0)] | None = Field(default=None, description="Panels that there are [kWp].")
    per_year: bool = Field(default=False, description="Take the days for a whole year.")


class ChangedSetting(Document):
    """A change, as it stands before and after."""

    setting: str
    before: JsonValue
    after: JsonValue


class Case(Document):
    """The changes that were made; figures are to be marked where `economics` is `relaxed`, not the home's own."""

    site: str
    currency: str
    changes: list[ChangedSetting]
    economics: Literal["own", "relaxed"]
    relaxed: list[Text] = Field(description="What is relaxed, in words; empty where nothing is.")
    doubts: list[Text] = Field(description="Settings that are allowed and seldom meant.")


class FiguresDocument(Document):
    """Money and energies; `cost = energy + wear + demand_charge - settlement`. Of a difference: changed less site."""

    cost: float
    saving: float | None = Field(description="Against idle in the same case [money].")
    energy: float
    wear: float
    demand_charge: float
    settlement: float
    import_kwh: float
    export_kwh: float
    charge_kwh: float
    discharge_kwh: float
    curtailed_kwh: float
    cycles: float
    peak_kw: float


class ComparisonDocument(Document):
    """A policy as the site is, as it would be, and the difference."""

    policy: str
    site: FiguresDocument
    changed: FiguresDocument
    difference: FiguresDocument
    own_cost: float | None = Field(description="Cost of relaxed decisions at the home's own economics [money].")


class LeftOutDay(Document):
    """A day that counts for nothing, and why."""

    day: date
    reasons: Text


class ReplayWhatIfDocument(Case):
    """A span as it is and as it would have been."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    days: int
    left_out: list[LeftOutDay]
    assumptions: list[Text] = Field(description="What is taken of the month in which the span begins late.")
    policies: list[ComparisonDocument]


class WhatIfSlot(Document):
    """A slot of a schedule; commands are null in schedules of a solver."""

    slot_start: datetime
    import_price: float
    export_price: float
    load_kwh: float
    pv_kwh: float
    charge_kw: float | None = None
    discharge_kw: float | None = None
    export_kw: float | None = None
    import_kwh: float
    export_kwh: float
    charge_kwh: float
    discharge_kwh: float
    curtailed_kwh: float
    soc_start_kwh: float
    soc_end_kwh: float
    cost: float


class PlanCase(Document):
    """A plan on paper, or a replayed day."""

    source: str = Field(description="What made it: champion, value, mpc, self_consumption, idle, or the policy.")
    why: Text
    forecast: str
    verified: bool
    notes: dict[str, Text]
    capacity_kwh: float
    slots: list[WhatIfSlot]


class PlanPair(Document):
    """The plan of the site as it is, and with the changes."""

    site: PlanCase
    changed: PlanCase


class PlanWhatIfDocument(Case):
    """Two plans of a moment, or a past day replayed twice."""

    basis: Literal["plan", "replay"]
    at: datetime | None
    day: date | None
    figures: ComparisonDocument
    plans: PlanPair


class SoldSlot(Document):
    """A slot that is sold in."""

    slot_start: datetime
    export_price: float


class ExportScenarioDocument(Document):
    """A schedule that sells so much, or as much of it as there can be."""

    target_kwh: float
    realised_kwh: float
    income: float = Field(description="Paid for the export in these slots [money].")
    net: float = Field(description="Baseline's cost less this one's over the whole horizon [money].")
    verified: bool
    proven: bool = Field(default=True, description="False where the search ended before it was sure: the best found.")
    figures: FiguresDocument
    difference: FiguresDocument
    slots: list[WhatIfSlot]


class ExportWhatIfDocument(Case):
    """Ever more sold in the dearest slots."""

    at: datetime
    hindsight: bool
    slots: list[SoldSlot]
    baseline: FiguresDocument = Field(description="The cheapest schedule without a target.")
    baseline_kwh: float
    notes: list[Text] = Field(default_factory=list, description="What the search of the scenarios did not reach.")
    scenarios: list[ExportScenarioDocument]


class SizeDocument(Document):
    """A size; yearly figures are null where the days are no year and were not to be scaled."""

    capacity_kwh: float
    power_kw: float
    pv_scale: float
    figures: FiguresDocument
    saving: float = Field(description="Against the house without a battery, wear counted [money].")
    bill_saving: float = Field(description="The same without wear [money].")
    yearly_saving: float | None
    yearly_bill_saving: float | None
    price: float | None
    payback_years: float | None


class BestSize(Document):
    """The size that is paid back soonest; without prices the one that saves most."""

    capacity_kwh: float
    power_kw: float
    pv_scale: float


class SizingDocument(Case):
    """A grid of sizes."""

    area: str
    policy: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    days: int
    left_out: list[LeftOutDay]
    idle_cost: float
    year_factor: float | None
    notes: list[Text]
    sizes: list[SizeDocument]
    best: BestSize


class SizingJob(Job):
    """A grid that is being worked out, or is done."""

    result: SizingDocument | None = None
