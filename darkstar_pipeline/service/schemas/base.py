"""Base of the API's documents, and the types that several of them use."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from planner.wording.texts import Text


def _text(value: object) -> object:
    """Refuse bare numbers as instants: one could be seconds, milliseconds or a mistake."""
    number = isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdecimal()
    if number or isinstance(value, (int, float)):
        message = "a date and time is written as 2026-02-01T07:00:00+01:00"
        raise ValueError(message)
    return value


def _in_utc(value: datetime) -> datetime:
    """Refuse instants of the first and the last day there is that their offset takes out of it."""
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        message = f"{value.isoformat()} is before the first or after the last day there is"
        raise ValueError(message) from error
    return value


def _number(value: object) -> object:
    """Refuse true and false as numbers, which are 1 and 0 to Python: they are a sensor's state, not its reading."""
    if isinstance(value, bool):
        message = f"{str(value).lower()} is no number"
        raise ValueError(message)  # noqa: TRY004 - Pydantic reports values, not types
    return value


AnyInstant = Annotated[AwareDatetime, BeforeValidator(_text)]
"""Also one that UTC has no date for: of rows, of which a wrong one is refused by itself."""
Instant = Annotated[AnyInstant, AfterValidator(_in_utc)]
Number = Annotated[float, BeforeValidator(_number)]


class Document(BaseModel):
    """Base of all documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Job(Document):
    """A calculation in the background; what it comes to is its `result`."""

    id: str = Field(examples=["1a2b3c4d"])
    state: Literal["running", "done", "failed", "cancelled"]
    progress: float = Field(default=0.0, ge=0, le=1, description="Share that is done.")
    error: Text = Field(default="", description="Why it failed.")


class Problem(Document):
    """An error and its remedy."""

    code: str = Field(description="Error code, which does not change between releases.", examples=["not_found"])
    message: Text = Field(
        description="What is wrong, in words.", examples=["there is no plan 20260131T140000Z-1a2b3c4d"]
    )
    hint: Text = Field(default="", description="What to do about it.", examples=["GET /plan has the latest"])


class ErrorDocument(Document):
    """The answer to a request that cannot be met."""

    error: Problem
