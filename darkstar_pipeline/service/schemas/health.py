"""Documents of the service's health."""

from typing import Literal

from pydantic import Field

from darkstar_pipeline.service.schemas.base import Document, Text
from darkstar_pipeline.service.schemas.steering import Steering


class Component(Document):
    """A part of the service, and whether it is well."""

    name: str
    ok: bool
    note: Text = Field(default="", description="What is wrong with the component.")
    age_seconds: float | None = Field(
        default=None, description="Time since the component last looked, whatever came of it [s]; null: it never looks."
    )


class HealthDocument(Document):
    """The health of the service; without a token only the status is shown."""

    status: Literal["ok", "degraded"]
    components: list[Component] = Field(default_factory=list[Component])
    steering: Steering | None = Field(
        default=None, description="Whether the plan steers the battery; null without a token."
    )


class ReadyDocument(Document):
    """Readiness: whether there is a plan that reaches the present moment."""

    ready: bool
