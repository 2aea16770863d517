"""Documents of the past: plans against readings, savings, and what is missing to perfect hindsight."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Text
from planner.plans.fallback_chain import SourceName


class HistorySlot(Document):
    """A slot as it was planned just before it began, and as it was metered."""

    slot_start: datetime
    import_price: float | None
    export_price: float | None
    rung: SourceName | None = Field(description="Plan source: the link of the fallback chain that made the plan.")
    command: Text | None
    planned_import_kwh: float | None
    planned_export_kwh: float | None
    planned_soc_percent: float | None = Field(description="Planned state of charge at the slot's end [%].")
    planned_load_kwh: float | None
    planned_pv_kwh: float | None
    load_kwh: float | None
    pv_kwh: float | None
    import_kwh: float | None
    export_kwh: float | None
    charge_kwh: float | None = Field(default=None, description="Charged, as the battery's meter read it [kWh].")
    discharge_kwh: float | None = Field(default=None, description="Discharged, as the battery's meter read it [kWh].")
    soc_percent: float | None = Field(description="State of charge read at the slot's end [%].")


class HistoryDocument(Document):
    """Plans against readings on a local day."""

    site: str
    day: date
    timezone: str
    currency: str
    slots: list[HistorySlot]


class SavingsRow(Document):
    """Cost of a day or month, each with the energy left in the battery settled; null where it is not known."""

    period: str = Field(description="Day or month: 2026-01-31, or 2026-01.", examples=["2026-01-31"])
    days: int = Field(description="Number of days that can be compared.")
    lived: float | None = Field(description="Actual cost by the meter, wear and settlement included [money].")
    idle: float | None
    self_consumption: float | None
    oracle: float | None
    no_sun: float | None = Field(default=None, description="Cost without panels and without a battery [money].")
    saved_vs_idle: float | None
    saved_vs_self_consumption: float | None
    captured_share: float | None = Field(description="Share captured of what the oracle saves against idle, 0-1.")


class SavingsDocument(Document):
    """Savings by day or month."""

    site: str
    currency: str
    by: Literal["day", "month"]
    rows: list[SavingsRow]
    total: SavingsRow
    note: Text = Field(default="", description="What is missing from the figures.")


class MissingRow(Document):
    """Further saving of the policy `value`, were something known or the battery another."""

    what: str = Field(description="As in `darkstar evaluate --missing`.", examples=["sun_known", "battery_15_kwh"])
    text: Text = Field(description="The same in words.")
    gain: float = Field(description="Further saving on those days; of a battery without its price [money].")
    part: float | None = Field(description="Of what is missing to perfect hindsight, 0-1; null for a battery.")


class MissingDocument(Document):
    """Money missing to perfect hindsight on the days before `day`, as worked out on that day; null where never."""

    site: str
    currency: str
    day: date | None = None
    first_day: date | None = None
    last_day: date | None = None
    days: int = Field(default=0, description="Number of usable days between them.")
    saved: float | None = Field(
        default=None, description="Saving of the policy value against a battery that is not used [money]."
    )
    missing: float | None = Field(default=None, description="What perfect hindsight would save besides [money].")
    rows: list[MissingRow] = Field(default_factory=list[MissingRow])
    note: Text = Field(default="", description="What has to be known about the figures.")
