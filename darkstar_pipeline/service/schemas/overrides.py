"""Documents of overrides and of automatic mode."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.service.schemas.base import Document, Instant, Number, Text
from darkstar_pipeline.service.schemas.plans import PlanBlock
from darkstar_pipeline.service.schemas.whatif import FiguresDocument

BlockMode = Literal["charge", "discharge", "export", "hold", "self_consumption", "heat_water", "charge_car"]
Mode = Literal[BlockMode, "vacation", "reserve"]
RESERVE: Mode = "reserve"
Target = Annotated[
    Number | None,
    Field(
        ge=0,
        le=100,
        strict=True,
        exclude_if=lambda percent: percent is None,
        description="State of charge at which a charge, discharge or sale ends, and the battery rests [%]; null: none.",
        examples=[80.0],
    ),
]
POWERED = ("charge", "discharge", "export")


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
    start: datetime | None = Field(
        default=None,
        exclude_if=lambda start: start is None,
        description="Begin of a block that was accepted with its price; absent: since it was accepted.",
    )
    target_percent: Target = None

    @property
    def begins(self) -> datetime:
        """Return when it begins: at its start, or when it was accepted."""
        return self.since if self.start is None else self.start


class BlockRequest(Document):
    """A block that a person asks for: what battery, water heater or car does from a start to an end."""

    mode: BlockMode
    start: Instant = Field(description="Its begin, with an offset.", examples=["2026-02-01T02:00:00+01:00"])
    until: Instant = Field(description="Its end, with an offset.", examples=["2026-02-01T04:00:00+01:00"])
    power_kw: Number | None = Field(
        default=None,
        gt=0,
        le=10_000,
        strict=True,
        description="Most power of charge, discharge or export [kW]; null: all there is.",
        examples=[3.5],
    )
    target_percent: Target = None
    replace: bool = Field(default=False, strict=True, description="Take the place of blocks that it overlaps.")

    @model_validator(mode="after")
    def _power_where_it_counts(self) -> "BlockRequest":
        given = [name for name in ("power_kw", "target_percent") if getattr(self, name) is not None]
        if given and self.mode not in POWERED:
            message = f"mode {self.mode} takes no {given[0]}; {', '.join(POWERED)} do"
            raise ValueError(message)
        return self


class BlockFigures(Document):
    """The plan as it is, with the block, and the difference."""

    site: FiguresDocument
    changed: FiguresDocument
    difference: FiguresDocument


class SetByHand(Document):
    """Automatic mode, and the blocks and overrides that hold or are to come at a moment."""

    automatic: bool = True
    overrides: dict[str, datetime] = Field(
        default_factory=dict[str, datetime], description="Ends of the blocks and overrides, by their ids."
    )

    def left(self, now: datetime) -> "SetByHand":
        """Return what is left of it later, where nobody changes it: blocks end by themselves."""
        return SetByHand(
            automatic=self.automatic, overrides={name: end for name, end in self.overrides.items() if end > now}
        )


class BlockPreview(Document):
    """The price and the effect of a block, before it is accepted."""

    id: str = Field(description="For POST /overrides/accept.", examples=["1a2b3c4d"])
    at: datetime = Field(description="When it was worked out.")
    expires_at: datetime = Field(description="Until when it can be accepted.")
    block: BlockRequest = Field(description="The block in whole quarter-hours.")
    replaces: list[str] = Field(description="Ids of the blocks that it takes the place of.")
    against: SetByHand = Field(
        default=SetByHand(), description="What was set by hand when it was priced; once that changes, it is stale."
    )
    currency: str
    priced: bool = Field(description="False where no slot of it has a price yet.")
    cost: float | None = Field(
        description="What it costs: the plan's modelled cost with it less that without, over the whole horizon, "
        "demand charge and energy left at the end included; below zero it saves [money]."
    )
    figures: BlockFigures | None = Field(description="The plan without and with the block, as in what-ifs.")
    plan: list[PlanBlock] = Field(description="The plan's blocks as they would become.")
    notes: list[Text] = Field(description="What was clamped and why, and what else to know, a sentence each.")


class AcceptRequest(Document):
    """Accepts a previewed block."""

    preview: str = Field(pattern=r"^[0-9a-f]{8}$", examples=["1a2b3c4d"])


class OverridesDocument(Document):
    """Automatic mode, and the overrides that are active."""

    automatic: bool
    overrides: list[Override]


class AutomaticRequest(Document):
    """Turns automatic mode on or off. Off: the inverter runs its own default."""

    automatic: bool = Field(strict=True, examples=[True])
