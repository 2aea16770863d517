"""The type of a field of a document that people read: told in the language of each answer, kept for every language."""

from typing import Annotated, cast

from pydantic import PlainSerializer, PlainValidator, SerializationInfo, WithJsonSchema

from planner.wording.messages import Tree, restored, translated, tree_of

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
    return tree_of(text) if info.context == STORED else translated(text)


Text = Annotated[str, PlainValidator(_read_text), PlainSerializer(_text_written), WithJsonSchema({"type": "string"})]
"""A text that people read, in the language of each answer (`planner.wording.messages`)."""
