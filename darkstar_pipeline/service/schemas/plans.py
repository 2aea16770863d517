"""Documents of plans and commands: what a plan contains, what it is based on, what the inverter is commanded now."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Text
from darkstar_pipeline.service.schemas.care import CareDocument
from darkstar_pipeline.service.schemas.loads import LoadPlan
from darkstar_pipeline.service.schemas.models import ModelInfo
from darkstar_pipeline.service.schemas.steering import Steering
from env.power_tariff import MonthState
from planner.plans.fallback_chain import Outcome, SourceName
from planner.summaries.differences import Cause
from planner.summaries.intents import Intent
from planner.value.end_of_prices import EndBasis

InputName = Literal["prices", "soc", "load", "pv", "peaks", "tariff", "model", "clock", "storage"]
InputState = Literal["fresh", "stale", "missing", "assumed"]
ImportLimit = Annotated[
    float | None,
    Field(
        ge=0,
        exclude_if=lambda limit: limit is None,
        description="Command: import no more than this power [kW]; absent where no limit is commanded.",
    ),
]
MinSoc = Annotated[
    float | None,
    Field(
        ge=0,
        le=100,
        exclude_if=lambda percent: percent is None,
        description="State of charge that is kept for outages: the inverter's own minimum, where it has such a "
        "setting [%]; absent where nothing is kept.",
    ),
]
InputBasis = Literal["measured", "projected", "assumed"]


class PlanAttempt(Document):
    """The outcome of one plan source of the fallback chain."""

    rung: SourceName = Field(description="Plan source that was tried.")
    outcome: Outcome = Field(description="Outcome; refused: by the verifier, or because doing nothing costs less.")
    why: Text = Field(description="Reason for the outcome, in one sentence.")


class Input(Document):
    """An input of a plan, and how good it is."""

    name: InputName
    state: InputState
    source: str = Field(description="Where the input is from.", examples=["observed"])
    at: datetime | None = Field(default=None, description="When the input was made or read (its vintage).")
    until: datetime | None = Field(default=None, description="End of the time that the input covers.")
    note: Text = Field(default="", description="What is not as it should be.")
    basis: InputBasis | None = Field(
        default=None,
        description="measured: read, or published; projected: by a forecast or the last plan; assumed: a substitute "
        "that rests on nothing of the moment; null: it is missing.",
    )
    since: datetime | None = Field(default=None, description="Since when the input has had this basis.")


class PlanSlot(Document):
    """A slot of 15 minutes of a plan; null where a value is not known."""

    slot_start: datetime
    slot_end: datetime
    import_price: float | None = Field(description="Price of an imported kWh, all in [money/kWh].")
    export_price: float | None = Field(description="Price of an exported kWh [money/kWh].")
    load_kwh: float | None = Field(description="Forecast load of the house [kWh].")
    load_low_kwh: float | None = Field(default=None, description="Tenth percentile of the load forecast [kWh].")
    load_high_kwh: float | None = Field(default=None, description="Ninetieth percentile of the load forecast [kWh].")
    pv_kwh: float | None = Field(description="Forecast PV production [kWh].")
    pv_low_kwh: float | None = Field(default=None, description="Tenth percentile of the PV forecast [kWh].")
    pv_high_kwh: float | None = Field(default=None, description="Ninetieth percentile of the PV forecast [kWh].")
    charge_kw: float = Field(ge=0, description="Command: charge at this power, from the grid too [kW].")
    discharge_kw: float = Field(ge=0, description="Command: cover the house up to this power [kW].")
    export_kw: float = Field(ge=0, description="Command: feed the grid up to this power [kW].")
    import_limit_kw: ImportLimit = None
    min_soc_percent: MinSoc = None
    command: Text = Field(description="Command in words.", examples=["charge 3.0 kW"])
    import_kwh: float | None
    export_kwh: float | None
    charge_kwh: float | None
    discharge_kwh: float | None
    curtailed_kwh: float | None
    soc_start_percent: float | None
    soc_end_percent: float | None
    cost: float | None = Field(description="Import less export, wear included [money].")
    reason: str = Field(
        description="Reason code of a closed list (docs/explanations.md).", examples=["charge_for_later"]
    )
    sentence: Text = Field(description="Why the slot is run this way, in a sentence.")
    idle_costs: float | None = Field(default=None, description="Extra cost of an idle battery in this slot [money].")
    overridden: bool = Field(default=False, description="True where an override sets the command.")
    others: dict[str, float] = Field(
        default_factory=dict, description="Energy of deferrable loads and further batteries, by name [kWh]."
    )


class PlanBlock(Document):
    """Consecutive slots of a plan with one intent, in a sentence; energies over the whole block."""

    start: datetime
    end: datetime
    intent: Intent = Field(description="What the battery is there for (docs/explanations.md).", examples=["charge"])
    reason: str = Field(description="The slots' reason code; of several that of most energy.")
    sentence: Text = Field(description="What the battery does, why, and what it is worth.")
    by_hand: bool = Field(description="True where an override sets the commands.")
    energy_kwh: float = Field(description="Energy that the block is about: charged, discharged, exported, … [kWh].")
    power_kw: float = Field(description="Its mean power [kW].")
    price: float = Field(description="Its mean price [money/kWh].")
    charge_kwh: float
    discharge_kwh: float
    import_kwh: float
    export_kwh: float
    soc_start_percent: float
    soc_end_percent: float
    saving: float = Field(
        description="What these slots cost less than with a battery that is not used; negative while it charges "
        "[money]. All blocks together are `savings.blocks`."
    )
    gain: float = Field(description="What the energy charged here brings later, less what it costs now [money].")


class PlanSavings(Document):
    """Savings of a plan against a battery that is not used [money]; the last four parts add up to the first."""

    against_idle: float = Field(description="`idle_cost` less `cost`.")
    against_self_consumption: float = Field(description="`self_consumption_cost` less `cost`.")
    blocks: float = Field(description="The batteries' part in the plan's slots: the sum of the blocks' savings.")
    moved_loads: float = Field(description="The part of movable loads.")
    demand_charge: float = Field(description="The part of the month's demand charge.")
    energy_left: float = Field(description="The part of the energy left at the end, valued as `end` says.")


class ChangeCause(Document):
    """A reason why a plan differs from the one before."""

    cause: Cause
    sentence: Text


class PlanBlockChange(Document):
    """A stretch of slots that is planned otherwise than in the plan before."""

    start: datetime
    end: datetime
    before: Intent = Field(description="Intent in the plan before.")
    after: Intent
    energy_kwh: float = Field(description="What the battery takes up more than before; negative: gives more [kWh].")
    sentence: Text


class PlanChanges(Document):
    """The difference of a plan from the plan before, in the slots that both have."""

    since: str = Field(description="Id of the plan before.")
    since_at: datetime
    causes: list[ChangeCause] = Field(description="What is other than it was then.")
    blocks: list[PlanBlockChange] = Field(description="What is planned otherwise; empty where nothing to speak of is.")
    saving: float = Field(
        description="Modelled cost of going on with the commands of the plan before, on the inputs of now, less `cost` "
        "[money]."
    )


class PlanEnd(Document):
    """The value of stored energy at the end of a plan; the last valid plan is valued by it, too."""

    basis: EndBasis = Field(
        description="`forecast` of the prices of the day after the last published one; where that cannot be made, the "
        "value that the last `past_days` had; in a younger home, or where `protocol.settlement_value` is set, "
        "`settlement`, by the last day's median price.",
    )
    value: float = Field(description="Value of the last kWh that the plan leaves [money/kWh].")
    model: str = Field(default="", description="Price forecast that was there for it: its version, or where fitted.")
    widths_kwh: tuple[float, ...] = Field(
        default=(), exclude_if=lambda widths: not widths, description="Steps of stored energy, from empty [kWh]."
    )
    slopes: tuple[float, ...] = Field(
        default=(), exclude_if=lambda slopes: not slopes, description="Value of a kWh in each step [money/kWh]."
    )


class PlanDocument(Document):
    """A plan: from the current slot to the last known price."""

    id: str = Field(description="Id of the plan, for GET /plans/{id}.", examples=["20260131T140000Z-1a2b3c4d"])
    site: str
    timezone: str = Field(examples=["Europe/Stockholm"])
    currency: str = Field(examples=["SEK"])
    capacity_kwh: float
    max_charge_kw: float | None = Field(
        default=None, description="Most that the battery charges with [kW]; null in plans of 0.1."
    )
    max_discharge_kw: float | None = Field(default=None, description="Most that it discharges with [kW].")
    created_at: datetime
    valid_until: datetime = Field(description="End of the last slot.")
    rung: SourceName = Field(description="Plan source: the link of the fallback chain that made the plan.")
    why: Text = Field(description="Why the plan is from this source.")
    attempts: list[PlanAttempt] = Field(description="Every plan source that was tried, in order.")
    released: str = Field(description="Released schedule: plan, self_consumption or idle, whichever costs least.")
    release_reason: Text
    model: ModelInfo | None = Field(description="Champion that made the plan; null where another source did.")
    inputs: list[Input]
    cost: float | None = Field(description="Modelled cost less the value of energy left at the end [money].")
    idle_cost: float | None = Field(description="The same cost without using the battery [money].")
    self_consumption_cost: float | None = Field(description="The same cost under self-consumption [money].")
    verified: bool = Field(description="True where the verifier recomputed every slot and found no violation.")
    violations: list[Text] = Field(description="Violations that the verifier found.")
    notices: list[Text] = Field(
        default_factory=list,
        description="What cannot be avoided, such as a load above the fuse.",
    )
    seconds: float = Field(description="Time that planning took [s].")
    slots: list[PlanSlot]
    blocks: list[PlanBlock] = Field(
        default_factory=list[PlanBlock], description="The slots in blocks; none without prices, and in plans of 0.1."
    )
    savings: PlanSavings | None = Field(default=None, description="Null where there are no blocks.")
    changes: PlanChanges | None = Field(default=None, description="Null where there was no plan before.")
    month: tuple[MonthState, ...] = Field(
        default=(),
        exclude_if=lambda month: not month,
        description="The month's peaks that the plan rests on, of each component of the demand charge; absent where "
        "power is not charged.",
    )
    end: PlanEnd | None = Field(
        default=None, description="What energy left at the end is worth; null without prices, and in plans of 0.1."
    )
    loads: list[LoadPlan] = Field(
        default_factory=list[LoadPlan],
        exclude_if=lambda loads: not loads,
        description="What the plan gives the movable loads, and what that costs; absent where there are none.",
    )
    strategy: list[Text] = Field(
        default_factory=list[str],
        exclude_if=lambda remarks: not remarks,
        description="Adjustments of the strategy engine, each with its cause and its effect on this plan; absent "
        "where none was made.",
    )
    care: CareDocument | None = Field(
        default=None,
        exclude_if=lambda care: care is None,
        description="Reserve and care of the battery and their price; absent where there is none.",
    )
    steering: Steering | None = Field(
        default=None,
        description="Whether the plan steers the battery when the answer is given; null in a stored plan.",
    )


class CommandDocument(Document):
    """The command that holds now; after its expiry the inverter's own default holds."""

    plan_id: str
    rung: SourceName = Field(description="Plan source: the link of the fallback chain that made the plan.")
    why: Text = Field(description="Why the command is from this source.")
    automatic: bool = Field(description="False: automatic mode is off, and the inverter runs its own default.")
    overridden: bool = Field(description="True where an override sets the command.")
    slot_start: datetime
    expires_at: datetime = Field(description="End of the command, never after the end of the slot.")
    charge_kw: float = Field(ge=0)
    discharge_kw: float = Field(ge=0)
    export_kw: float = Field(ge=0)
    import_limit_kw: ImportLimit = None
    min_soc_percent: MinSoc = None
    command: Text = Field(description="Command in words.")
    sentence: Text = Field(description="Why, in a sentence.")
    default: bool = Field(description="True where the command is the inverter's own default, self-consumption.")
    throttled: bool = Field(
        default=False,
        exclude_if=lambda throttled: not throttled,
        description="True where selling costs money and surplus is to be curtailed; absent otherwise.",
    )
    steering: Steering | None = Field(
        default=None, description="Whether the command reaches the inverter at the moment of the answer."
    )


class ReplanDocument(Document):
    """The plan that was made on request."""

    id: str
    rung: SourceName = Field(description="Plan source: the link of the fallback chain that made the plan.")
    why: Text = Field(description="Why the plan is from this source.")
    seconds: float = Field(description="Time that planning took [s].")
    pending: bool = Field(
        default=False,
        description="True where a plan was being made already: this is the one in force, and another follows at once.",
    )
    asked_at: datetime | None = Field(
        default=None, description="Moment of the request; a plan with a later `created_at` rests on what was so then."
    )
