"""Document of a plan's reserve and care, and of their price."""

from datetime import datetime

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Text

_BY = "the optimiser's plan with it against that without, on the same inputs; null where no solver answered [money]"


class CareDocument(Document):
    """The battery's reserve for outages, its full charge and its resting ceiling."""

    min_soc_percent: float = Field(description="State of charge that is not used in the first slot, for outages [%].")
    most_min_soc_percent: float = Field(description="The highest such state of charge in the plan [%].")
    below_reserve: bool = Field(description="True: the battery is below it, and is charged until it is back.")
    causes: list[Text] = Field(description="Who asks for a reserve now, beside the calendar of the settings.")
    reserve_price: float | None = Field(description=f"Price of the reserve: {_BY}.")
    full_charge_price: float | None = Field(description=f"Price of the full charge in the plan: {_BY}.")
    resting_price: float | None = Field(description=f"Price of the resting ceiling: {_BY}.")
    last_full_charge: datetime | None = Field(description="When the battery was read full last; null: not lately.")
    full_charge_deadline: datetime | None = Field(description="Instant by which it should be full; null: none wished.")
    full_charge_at: datetime | None = Field(description="Instant of the full charge in the plan; null: a later day.")
    full_charge_late: bool = Field(description="True: the deadline has passed, or cannot be kept.")
    note: Text = Field(description="What is not as it should be; empty for nothing.")
