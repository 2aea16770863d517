"""Documents of administration: what is learned slowly, caches, and a retrain that a person asks for."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from darkstar_pipeline.config.calendar_days import EARLIEST, LATEST
from darkstar_pipeline.service.schemas.base import Document, Job, Text


class LearnedQuantity(Document):
    """A quantity that drifts, as it is set and as it was learned."""

    name: str = Field(examples=["load_evening"])
    unit: str
    value: float
    configured: float
    least: float
    most: float
    most_step: float = Field(description="The largest step of a day.")
    shown: float | None = Field(description="What readings show; null where they show nothing.")
    samples: int
    cause: Text
    used_by: str | None
    used: bool


class LearnedStep(Document):
    """A step of a quantity, or a reset."""

    local_day: date
    at: datetime
    action: str = Field(description="learned, kept, reset or undone.")
    quantity: str
    unit: str
    configured: float
    old_value: float
    new_value: float
    shown: float | None
    samples: int
    cause: Text


class LearningDocument(Document):
    """Values learned of the home, with the steps of the last days."""

    site: str
    today: date
    quantities: list[LearnedQuantity]
    history: list[LearnedStep]


class ResetRequest(Document):
    """Takes back what was learned."""

    to: Annotated[date, Field(ge=EARLIEST, le=LATEST)] | None = Field(
        default=None, description="Return to the values at the end of this day; null: to the configured ones."
    )


class ChangedQuantity(Document):
    """A quantity whose value is another since a reset."""

    name: str
    old_value: float
    new_value: float


class ResetDocument(Document):
    """Changes of a reset."""

    site: str
    changed: list[ChangedQuantity]
    at: datetime | None = Field(description="When; null where nothing had to change.")


class CacheRow(Document):
    """A cache."""

    name: str
    place: str
    size: int = Field(description="Its size, or what went [B].")
    rebuilt: Text = Field(description="When it is built again.")
    problem: Text = Field(description="Why it could not be emptied; empty where it could.")


class CachesDocument(Document):
    """Stores kept only to save time."""

    caches: list[CacheRow]
    bytes: int


class RetrainRequest(Document):
    """Trains everything again, whatever was trained before."""

    why: str = Field(min_length=1, max_length=500, examples=["the heat pump is new"])


class RetrainResult(Document):
    """Result of a retrain."""

    at: date = Field(description="Only days before it were used.")
    status: str = Field(description="too_little, kept or promoted.")
    champion: str = Field(description="Policy in use after it.")
    challenger: int | None
    reasons: list[Text] = Field(description="What the gate says of the challenger.")
    warnings: list[Text]


class RetrainJob(Job):
    """A retrain that is under way, or is done."""

    result: RetrainResult | None = None
