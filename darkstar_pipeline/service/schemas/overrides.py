"""Documents of overrides and of automatic mode."""

from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator

from darkstar_pipeline.service.schemas.base import Document, Instant, Number

Mode = Literal["charge", "discharge", "export", "hold", "self_consumption", "vacation", "reserve"]
RESERVE: Mode = "reserve"


class OverrideRequest(Document):
    """An override that a person asks for, with an end."""

    mode: Mode
    until: Instant = Field(
        description="End of the override, with an offset; at most 31 days ahead.",
        examples=["2026-02-01T07:00:00+01:00"],
    )
    power_kw: Number | None = Field(
        default=None, gt=0, le=10_000, strict=True, description="Power limit [kW]; null: no limit.", examples=[3.5]
    )

    reserve_percent: Number | None = Field(
        default=None,
        ge=0,
        le=100,
        strict=True,
        exclude_if=lambda percent: percent is None,
        description="Mode reserve: energy kept for outages, as a share of the capacity above the minimum [%].",
        examples=[50.0],
    )

    @model_validator(mode="after")
    def _reserve_says_how_much(self) -> "OverrideRequest":
        if (self.mode == RESERVE) != (self.reserve_percent is not None):
            message = "mode reserve needs reserve_percent, and no other mode takes it"
            raise ValueError(message)
        return self


class Override(OverrideRequest):
    """An override that was accepted."""

    id: str
    since: datetime


class OverridesDocument(Document):
    """Automatic mode, and the overrides that are active."""

    automatic: bool
    overrides: list[Override]


class AutomaticRequest(Document):
    """Turns automatic mode on or off. Off: the inverter runs its own default."""

    automatic: bool = Field(strict=True, examples=[True])
