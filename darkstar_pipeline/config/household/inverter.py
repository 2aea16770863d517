"""Settings of an inverter that is controlled by a profile of its family (docs/inverters.md)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.entity_ids import EntityId

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class InverterSettings(Frozen):
    """The inverter's family and entities, for `profile: inverter`."""

    family: Name | None = Field(default=None, description="inverter profile, such as sungrow (docs/inverters.md)")
    entities: dict[Name, EntityId] = Field(
        default_factory=dict[str, str], description="its entities in Home Assistant, by their names in the profile"
    )
    devices: dict[Name, str] = Field(
        default_factory=dict[str, str], description="ids of its devices, by their names in the profile"
    )
    own: dict[Name, float | str] = Field(
        default_factory=dict[str, float | str],
        description="values of your own that the default restores, by the entity's name in the profile",
    )
    battery_volts: float = Field(default=51.2, ge=6, le=1500, description="battery voltage, to turn kW into A [V]")
    rated_kw: float | None = Field(
        default=None, gt=0, le=10_000, description="rated power of the inverter, where powers are in % of it [kW]"
    )
    confirmed: bool = Field(
        default=False, description="true: you have watched the profile at work on your inverter, and it does as told"
    )
    profiles_folder: Path | None = Field(
        default=None, description="folder with inverter profiles of your own, as YAML files; null: none"
    )
