"""Answers of Home Assistant as values: only what is used, and nothing is believed of its shape unchecked."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat

_LAST_MS = 4_102_444_800_000
"""The begin of the year 2100, in milliseconds since 1970: what comes later is no instant of a home."""
Finite = Annotated[StrictFloat, Field(allow_inf_nan=False)]
"""A number; JSON's true and false are none."""


def _placed(row: dict[str, float | None]) -> dict[str, float | None]:
    """Refuse a statistic that begins or ends at no instant."""
    for name in ("start", "end"):
        at = row.get(name)
        if (at is None and name == "start") or (at is not None and not 0 <= at < _LAST_MS):
            message = f"{name} {at} is no instant in milliseconds since 1970"
            raise ValueError(message)
    return row


StatisticRow = Annotated[dict[str, StrictFloat | None], AfterValidator(_placed)]
"""A period of a statistic: `start` and `end` in milliseconds since 1970, and its values."""


class Told(BaseModel):
    """A part of an answer; what is not named here is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HomeConfig(Told):
    """The home as Home Assistant knows it."""

    version: str
    time_zone: str
    currency: str = ""
    country: str | None = None
    latitude: Finite | None = None
    longitude: Finite | None = None
    location_name: str = ""


class Statistic(Told):
    """A sensor of which long-term statistics are kept."""

    statistic_id: str
    has_sum: bool = False
    name: str | None = None
    unit_class: str | None = None
    statistics_unit_of_measurement: str | None = None


class Entity(Told):
    """An entity of the registry."""

    entity_id: str
    platform: str = ""
    device_id: str | None = None
    disabled_by: str | None = None
    hidden_by: str | None = None
    name: str | None = None
    original_name: str | None = None


class State(Told):
    """The present state of an entity."""

    entity_id: str
    state: str
    attributes: Mapping[str, Any] = Field(default_factory=dict[str, Any])


class Flow(Told):
    """A flow of the grid in the energy dashboard's settings; before 2026 import and export are apart."""

    stat_energy_from: str | None = None
    stat_energy_to: str | None = None


class EnergySource(Told):
    """A source in the energy dashboard's settings: `grid`, `solar`, `battery`, `gas` or `water`."""

    type: str
    stat_energy_from: str | None = None
    stat_energy_to: str | None = None
    flow_from: tuple[Flow, ...] = ()
    flow_to: tuple[Flow, ...] = ()


class EnergySettings(Told):
    """The words of the person on the home's energy, from the settings of the energy dashboard."""

    energy_sources: tuple[EnergySource, ...] = ()
