"""Requests that every page of ours makes: a login, and its texts in a language."""

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document
from planner.wording.languages import Language, catalogue, spoken


class LoginRequest(Document):
    """The token, shown once; the browser then has a session."""

    token: str = Field(min_length=1, max_length=500)


class Messages(Document):
    """The texts of a language."""

    language: Language
    messages: dict[str, str] = Field(description="Each text by its English; none for English itself.")


def spoken_messages() -> Messages:
    """Return the texts of the language that is spoken."""
    return Messages(language=spoken(), messages=dict(catalogue(spoken())))
