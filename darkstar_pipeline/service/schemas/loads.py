"""Documents of the movable loads: what a plan gives them, what a person asks of the car, how the car is."""

from datetime import datetime

from pydantic import Field, model_validator

from darkstar_pipeline.service.schemas.base import Document, Instant, Number, Text


class LoadBlock(Document):
    """A time in which a load runs; car and water heater at full power, as something switches them."""

    start: datetime
    end: datetime
    energy_kwh: float
    power_kw: float = Field(description="Mean power [kW].")


class LoadPlan(Document):
    """A movable load in a plan."""

    name: str = Field(examples=["ev"])
    energy_kwh: float = Field(description="What the plan gives it [kWh].")
    cost: float | None = Field(description="What it adds to the home's cost [money]; null where not worked out.")
    unplanned_kwh: float | None = Field(default=None, description="What it would take at once, without a plan [kWh].")
    unplanned_cost: float | None = Field(default=None, description="What that would add [money].")
    leaves: datetime | None = Field(default=None, description="When the car leaves; null for other loads.")
    minimum_kwh: float | None = Field(default=None, description="What it must get by then [kWh].")
    target_kwh: float | None = Field(default=None, description="What it is to get by then, the minimum included [kWh].")
    note: Text = Field(default="", description="What cannot be met, and what can; or why nothing is planned.")
    managed: bool = Field(default=True, description="False: nothing was asked for, and the load is left to itself.")
    blocks: list[LoadBlock] = Field(default_factory=list[LoadBlock])


class CarRequest(Document):
    """A departure that a person asks for once; until then it stands in the place of the weekly ones."""

    leaves: Instant = Field(description="When the car leaves.", examples=["2026-02-01T07:00:00+01:00"])
    minimum_percent: Number | None = Field(default=None, ge=0, le=100, description="What it must have then [%].")
    target_percent: Number | None = Field(
        default=None, ge=0, le=100, description="What it is to have then [%].", examples=[80.0]
    )
    minimum_kwh: Number | None = Field(default=None, ge=0, le=1000, description="Instead: what it must get [kWh].")
    target_kwh: Number | None = Field(default=None, ge=0, le=1000, description="Instead: what it is to get [kWh].")

    @model_validator(mode="after")
    def _asks_in_one_unit(self) -> "CarRequest":
        percent, energy = (self.minimum_percent, self.target_percent), (self.minimum_kwh, self.target_kwh)
        if (percent == (None, None)) == (energy == (None, None)):
            message = "name minimum_percent and target_percent, or minimum_kwh and target_kwh"
            raise ValueError(message)
        for least, most in (percent, energy):
            if least is not None and most is not None and least > most:
                message = f"the minimum of {least:g} is above the target of {most:g}"
                raise ValueError(message)
        return self


class CarReading(Document):
    """A reading of the car, from whoever knows; what is left out stays as it was."""

    plugged: bool | None = Field(default=None, strict=True, description="Whether it is plugged in.")
    soc_percent: Number | None = Field(default=None, ge=0, le=100, description="Its state of charge [%].")
    power_kw: Number | None = Field(default=None, ge=0, le=1000, description="What its charger draws [kW].")


class CarDocument(Document):
    """The car: how it is, what it asks for, and what the plan gives it."""

    plugged: bool | None
    soc_percent: float | None
    soc_at: datetime | None
    power_kw: float | None
    charged_kwh: float = Field(description="What it has drawn since it came [kWh].")
    request: CarRequest | None = Field(description="What a person asked for once; null: the week's departures hold.")
    leaves: datetime | None = Field(description="Next departure.")
    note: Text
    holds_battery: bool = Field(description="Whether the house battery holds because the car charges.")
    plan: LoadPlan | None = Field(description="What the plan in force gives it.")
