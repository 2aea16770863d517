"""Documents of overrides and of automatic mode."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Instant, Number

Mode = Literal["charge", "discharge", "export", "hold", "self_consumption", "vacation"]


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
