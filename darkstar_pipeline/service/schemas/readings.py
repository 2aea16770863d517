"""Documents of readings that another program hands in."""

from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator

from darkstar_pipeline.service.schemas.base import AnyInstant, Document, Number, Text

MOST_SLOTS = 192
"""Two days of quarter-hours: with every column they still are below the usual limit of a request's size."""


class Reading(Document):
    """The readings of a slot: energies of the slot, and the state of charge at its edges."""

    slot_start: AnyInstant = Field(description="Begin of the slot, with an offset.", examples=["2026-02-01T07:00:00Z"])
    load_kwh: Number = Field(description="Load of the house [kWh].", examples=[0.21])
    pv_kwh: Number | None = Field(default=None, description="PV production [kWh].", examples=[0.0])
    import_kwh: Number | None = Field(default=None, description="Import from the grid [kWh].", examples=[0.11])
    export_kwh: Number | None = Field(default=None, description="Export to the grid [kWh].", examples=[0.0])
    batt_charge_kwh: Number | None = Field(default=None, description="Into the battery [kWh].", examples=[0.0])
    batt_discharge_kwh: Number | None = Field(default=None, description="Out of the battery [kWh].", examples=[0.1])
    soc_start_percent: Number | None = Field(default=None, description="At the begin [%].", examples=[52.0])
    soc_end_percent: Number | None = Field(default=None, description="At the end [%].", examples=[51.0])
    water_kwh: Number | None = Field(default=None, description="Water heater [kWh].", examples=[0.0])
    ev_kwh: Number | None = Field(default=None, description="Car [kWh].", examples=[0.0])


class ReadingsRequest(Document):
    """Readings of slots of one length."""

    readings: list[Reading] = Field(
        min_length=1, max_length=MOST_SLOTS, description="One needs `minutes`; of more, gaps are no harm."
    )
    minutes: Literal[5, 10, 15, 30, 60] | None = Field(
        default=None, description="Length of each slot [min]; where it is left out, they are at most 15 minutes apart."
    )

    @model_validator(mode="after")
    def _tells_its_length(self) -> "ReadingsRequest":
        if self.minutes is None and len(self.readings) == 1:
            message = "one reading does not tell how long its slot is: add minutes"
            raise ValueError(message)
        return self


class ReadingsReport(Document):
    """The report of an import of readings that were handed in."""

    accepted: int
    rejected: int
    slots_new: int
    slots_changed: int
    slots_unchanged: int
    last_slot: datetime | None
    notes: list[Text]
