"""Base of the API's documents, and the types that several of them use."""

from typing import Annotated, cast

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    WithJsonSchema,
)

from planner.wording.messages import Tree, restored, told, tree_of


def _text(value: object) -> object:
    """Refuse bare numbers as instants: one could be seconds, milliseconds or a mistake."""
    if isinstance(value, (int, float)):
        message = "a date and time is written as 2026-02-01T07:00:00+01:00"
        raise ValueError(message)  # noqa: TRY004 - Pydantic reports values, not types
    return value


def _number(value: object) -> object:
    """Refuse true and false as numbers, which are 1 and 0 to Python: they are a sensor's state, not its reading."""
    if isinstance(value, bool):
        message = f"{str(value).lower()} is no number"
        raise ValueError(message)  # noqa: TRY004 - Pydantic reports values, not types
    return value


STORED = "stored"
"""The context of a document that is written down: its texts keep what they are made of, for every language."""


def _read_text(value: object) -> str:
    """Return a text as it came, or as it was written down."""
    try:
        if isinstance(value, (str, list)):
            return restored(cast("Tree", value))
    except (LookupError, TypeError, ValueError, AttributeError):
        pass
    message = "a text is expected"
    raise ValueError(message)


def _text_written(text: str, info: SerializationInfo) -> Tree:
    """Return a text in the language that is spoken, or what it is made of."""
    return tree_of(text) if info.context == STORED else told(text)


Instant = Annotated[AwareDatetime, BeforeValidator(_text)]
Number = Annotated[float, BeforeValidator(_number)]
Text = Annotated[str, PlainValidator(_read_text), PlainSerializer(_text_written), WithJsonSchema({"type": "string"})]
"""A text that people read, in the language of each answer (`planner.wording.messages`)."""


class Document(BaseModel):
    """Base of all documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
