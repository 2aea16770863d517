"""Settings of a fleet: its lake, and what its homes share; the homes themselves are rows (`columns`, `rows`)."""

from typing import Annotated

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.devices import DeviceSettings
from darkstar_pipeline.config.fleet.runs import RunsSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.sources.all_sources import SourcesSettings
from darkstar_pipeline.config.tariff import TariffSettings

ClassName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
TariffClass = Annotated[tuple[TariffSettings, ...], Field(min_length=1)]


class SharedSettings(SiteSettings):
    """Settings that a fleet's homes share, where neither a row nor its classes say otherwise.

    What is left out stays open: the country of a row's own price area fills it, as it does in a site's section.
    """

    @model_validator(mode="before")
    @classmethod
    def _read_country(cls, values: object) -> object:
        return values


class FleetSettings(Frozen):
    """A fleet: thousands of homes as rows of a table (`darkstar fleet import`)."""

    lake: str | None = Field(
        default=None,
        pattern=r"\S",
        description="folder or s3://bucket/prefix of the fleet's tables; null: fleet/lake in the state folder",
    )
    buckets: int = Field(
        default=16,
        ge=1,
        le=9999,
        description="parts that the homes are spread over, some 500 homes in each; not to be changed later",
    )
    canary_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="share of a class's homes that run a promoted version ahead of the others; 1: all at once",
    )
    defaults: SharedSettings = Field(
        default_factory=SharedSettings, description="settings of every home, where its row has none"
    )
    tariffs: dict[ClassName, TariffClass] = Field(
        default_factory=dict[str, tuple[TariffSettings, ...]],
        description="tariffs by the name that rows call them by in their column tariff",
    )
    devices: dict[ClassName, DeviceSettings] = Field(
        default_factory=dict[str, DeviceSettings],
        description="devices by the name that rows call them by in their column devices",
    )
    sources: dict[ClassName, SourcesSettings] = Field(
        default_factory=dict[str, SourcesSettings],
        description="sources by the name that rows call them by in their column sources",
    )
    runs: RunsSettings = Field(default_factory=RunsSettings)
