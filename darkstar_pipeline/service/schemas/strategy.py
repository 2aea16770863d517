"""Documents of what adjustments of the strategy engine would have earned or lost."""

from datetime import date

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Job
from darkstar_pipeline.service.schemas.whatif import Day


class StrategyRequest(Document):
    """Days that each adjustment is replayed on alone."""

    first: Day
    last: Day


class AdjustmentEffect(Document):
    """Savings of an adjustment against plans without it."""

    name: str = Field(examples=["s_index"])
    saved: float = Field(description="Saved on these days; negative where it lost [money].")
    low: float | None = Field(description="Lower end of the 95 % interval; null where there are too few days [money].")
    high: float | None
    verdict: str = Field(description="earned, lost, or not told apart.")
    on: bool = Field(description="Whether the settings allow it.")


class MonthEffect(Document):
    """Savings of the adjustments that are on in a month."""

    month: str
    days: int
    saved: float


class StrategyDocument(Document):
    """Effects of the adjustments on a span of days."""

    site: str
    currency: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    days: int
    on: list[str]
    adjustments: list[AdjustmentEffect]
    months: list[MonthEffect]


class StrategyJob(Job):
    """A replay of the adjustments that is under way, or is done."""

    result: StrategyDocument | None = None
