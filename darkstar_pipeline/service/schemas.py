"""What the service answers: every document, field by field, as the OpenAPI page shows it.

Powers kW, energies kWh, money in the site's currency, instants in UTC, state of charge in percent of the capacity.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

RUNGS = ("champion", "value", "mpc", "last_plan", "self_consumption")
Rung = Literal["champion", "value", "mpc", "last_plan", "self_consumption"]
Mode = Literal["charge", "discharge", "export", "hold", "self_consumption", "vacation"]


def _written(value: object) -> object:
    """Moments come as text; a bare number could be seconds, milliseconds or a mistake."""
    if isinstance(value, (int, float)):
        message = "a moment is written as 2026-02-01T07:00:00+01:00"
        raise ValueError(message)  # noqa: TRY004 - Pydantic tells values, not types
    return value


def _number(value: object) -> object:
    """Numbers come as numbers, a whole one with or without its point."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = "a whole number is wanted"
        raise ValueError(message)  # noqa: TRY004 - as above
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]


class Document(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Problem(Document):
    """What went wrong, and what to do about it."""

    code: str = Field(description="a word that does not change", examples=["not_found"])
    message: str = Field(description="what is wrong", examples=["there is no plan 20260131T140000Z-1a2b3c4d"])
    hint: str = Field(default="", description="what to do", examples=["GET /plan has the latest"])


class ErrorDocument(Document):
    """The answer to a request that cannot be met."""

    error: Problem


class Attempt(Document):
    """One rung of the ladder, as it was tried for a plan."""

    rung: Rung
    outcome: Literal["released", "refused", "failed", "unavailable"] = Field(
        description="refused: by the verifier, or because doing nothing costs less"
    )
    why: str = Field(description="one sentence")


class ModelTold(Document):
    """A version of the registered model."""

    name: str = Field(description="registered model", examples=["antares-home"])
    version: int = Field(examples=[3])
    kind: str = Field(description="rl, lightgbm or regressors", examples=["lightgbm"])
    identity: str = Field(description="hash of its bundle")
    promoted_at: datetime | None = Field(default=None, description="when it came into use")


class Input(Document):
    """Something a plan rests on, and how good it is."""

    name: Literal["prices", "soc", "load", "pv", "model", "clock", "storage"]
    state: Literal["fresh", "stale", "missing", "assumed"]
    source: str = Field(description="where it is from", examples=["observed"])
    at: datetime | None = Field(default=None, description="when it was made or read; its vintage")
    until: datetime | None = Field(default=None, description="how far it reaches")
    note: str = Field(default="", description="what a person should know")


class PlanSlot(Document):
    """A quarter of an hour of a plan; null where nobody knows."""

    slot_start: datetime
    slot_end: datetime
    import_price: float | None = Field(description="what a bought kWh costs [money/kWh]")
    export_price: float | None = Field(description="what a sold kWh brings [money/kWh]")
    load_kwh: float | None = Field(description="expected of the house")
    load_low_kwh: float | None = Field(default=None, description="its tenth percentile")
    load_high_kwh: float | None = Field(default=None, description="its ninetieth percentile")
    pv_kwh: float | None = Field(description="expected of the panels")
    pv_low_kwh: float | None = Field(default=None, description="its tenth percentile")
    pv_high_kwh: float | None = Field(default=None, description="its ninetieth percentile")
    charge_kw: float = Field(ge=0, description="command: charge at this power, from the grid too")
    discharge_kw: float = Field(ge=0, description="command: cover the house up to this power")
    export_kw: float = Field(ge=0, description="command: feed the grid up to this power")
    command: str = Field(description="the command in words", examples=["charge 3.0 kW"])
    import_kwh: float | None
    export_kwh: float | None
    charge_kwh: float | None
    discharge_kwh: float | None
    curtailed_kwh: float | None
    soc_start_percent: float | None
    soc_end_percent: float | None
    cost: float | None = Field(description="import - export + wear [money]")
    reason: str = Field(description="a word of a closed list (docs/explanations.md)", examples=["charge_for_later"])
    sentence: str = Field(description="why the slot is run this way")
    idle_costs: float | None = Field(default=None, description="what doing nothing here would cost more [money]")
    overridden: bool = Field(default=False, description="whether a person asked for this")
    others: dict[str, float] = Field(default_factory=dict, description="movable loads and further batteries [kWh]")


class PlanDocument(Document):
    """A plan: from the current slot to the last known price."""

    id: str = Field(description="names it in GET /plans/{id}", examples=["20260131T140000Z-1a2b3c4d"])
    site: str
    timezone: str = Field(examples=["Europe/Stockholm"])
    currency: str = Field(examples=["SEK"])
    capacity_kwh: float
    created_at: datetime
    valid_until: datetime = Field(description="end of its last slot")
    rung: Rung = Field(description="of the ladder: what made it")
    why: str = Field(description="why that rung")
    attempts: list[Attempt] = Field(description="every rung that was tried, the highest first")
    released: str = Field(description="plan, self_consumption or idle: what was released to do no harm")
    release_reason: str
    model: ModelTold | None = Field(description="the champion, where one made it")
    inputs: list[Input]
    cost: float | None = Field(description="as the model has it, the worth of what is left included [money]")
    idle_cost: float | None = Field(description="the same without using the battery [money]")
    self_consumption_cost: float | None = Field(description="the same if the inverter is left by itself [money]")
    verified: bool = Field(description="whether the verifier recomputed every slot and found nothing")
    violations: list[str] = Field(description="what it found")
    seconds: float = Field(description="that planning took")
    slots: list[PlanSlot]


class CommandDocument(Document):
    """What the inverter is told now; after its expiry its own default holds."""

    plan_id: str
    rung: Rung
    why: str
    automatic: bool = Field(description="false: a person took over, and the inverter is left by itself")
    overridden: bool = Field(description="whether a person asked for this")
    slot_start: datetime
    expires_at: datetime = Field(description="never after the end of the slot")
    charge_kw: float = Field(ge=0)
    discharge_kw: float = Field(ge=0)
    export_kw: float = Field(ge=0)
    command: str = Field(description="in words")
    sentence: str = Field(description="why")
    default: bool = Field(description="whether it is the inverter's own default, self-consumption")


class OverrideRequest(Document):
    """A person's wish, with an end."""

    mode: Mode
    until: Moment = Field(description="with an offset; at most 31 days ahead", examples=["2026-02-01T07:00:00+01:00"])
    power_kw: float | None = Field(
        default=None, gt=0, le=10_000, strict=True, description="null: as much as may be [kW]", examples=[3.5]
    )


class Override(OverrideRequest):
    """A wish that holds."""

    id: str
    since: datetime


class OverridesDocument(Document):
    """Who steers, and the wishes that hold."""

    automatic: bool
    overrides: list[Override]


class AutomaticRequest(Document):
    """The big switch."""

    automatic: bool = Field(strict=True, examples=[True])


class ReplanDocument(Document):
    """A plan was made at once."""

    id: str
    rung: Rung
    why: str
    seconds: float


class HistorySlot(Document):
    """What was planned for a slot just before it began, and what happened."""

    slot_start: datetime
    import_price: float | None
    export_price: float | None
    rung: Rung | None
    command: str | None
    planned_import_kwh: float | None
    planned_export_kwh: float | None
    planned_soc_percent: float | None = Field(description="at the slot's end")
    planned_load_kwh: float | None
    planned_pv_kwh: float | None
    load_kwh: float | None
    pv_kwh: float | None
    import_kwh: float | None
    export_kwh: float | None
    soc_percent: float | None = Field(description="read at the slot's end")


class HistoryDocument(Document):
    """Plan against what happened, on a local day."""

    site: str
    day: date
    timezone: str
    currency: str
    slots: list[HistorySlot]


class SavingsRow(Document):
    """What a day or month cost, each with the energy left in the battery settled; null where it is not known."""

    period: str = Field(description="2026-01-31, or 2026-01", examples=["2026-01-31"])
    days: int = Field(description="days in it that can be compared")
    lived: float | None = Field(description="what was paid by the meter, wear and settlement included [money]")
    idle: float | None
    self_consumption: float | None
    oracle: float | None
    saved_vs_idle: float | None
    saved_vs_self_consumption: float | None
    captured_share: float | None = Field(description="of what the oracle saves against idle, 0-1")


class SavingsDocument(Document):
    """Savings by day or month."""

    site: str
    currency: str
    by: Literal["day", "month"]
    rows: list[SavingsRow]
    total: SavingsRow
    note: str = Field(default="", description="what is missing")


class ModelRow(Document):
    """A version that could be in use."""

    version: int
    kind: str
    algorithm: str
    identity: str
    tariff_fits: bool
    in_use: bool
    problem: str = Field(default="", description="why it cannot be used; empty where it can")


class ModelsDocument(Document):
    """Versions, and the one in use."""

    model: str
    champion: ModelTold | None = Field(description="what plans are made with now; null: the value function")
    wanted: int | None = Field(description="version that the registry has in use")
    problem: str = Field(description="why the wanted one is not used; empty where it is")
    versions: list[ModelRow]


class PromoteRequest(Document):
    """Put a version into use."""

    version: Annotated[int, BeforeValidator(_number)] = Field(ge=1, le=1_000_000, examples=[3])
    why: str = Field(min_length=1, max_length=500, examples=["it saves 4 % on the last six weeks"])
    force: bool = Field(default=False, strict=True, description="against the gate's verdict, or without one")


class RollbackRequest(Document):
    """Put the version before back into use."""

    why: str = Field(min_length=1, max_length=500, examples=["it charges too little"])


class MoveDocument(Document):
    """What a promotion or rollback did."""

    model: str
    action: Literal["promote", "rollback"]
    version: int | None
    previous: int | None
    changed: bool
    settled: bool = Field(description="whether MLflow's alias has followed")


class Component(Document):
    """A part of the service and how it is."""

    name: str
    ok: bool
    note: str = Field(default="")


class HealthDocument(Document):
    """Whether the service is alive; without a token nothing more is told than that."""

    status: Literal["ok", "degraded"]
    components: list[Component] = Field(default_factory=list[Component])


class ReadyDocument(Document):
    """Whether there is a plan to go by."""

    ready: bool


def plain(document: BaseModel) -> dict[str, Any]:
    """A document as JSON would have it."""
    return document.model_dump(mode="json")
