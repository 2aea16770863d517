"""Settings of what the service does in Home Assistant: entities it reads, control of the inverter, MQTT discovery.

Control of a real inverter is off by default, and a dry run at first: what would be written is logged, nothing is
written.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

EntityId = Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", max_length=255)]
"""An entity id, `domain.object`, as Home Assistant writes it."""

TimerId = Annotated[str, Field(pattern=r"^timer\.[a-z0-9_]+$", max_length=200)]


class HomeAssistantSensors(Frozen):
    """Entities that are read for the present state of the home; null: not read."""

    soc: EntityId | None = Field(default=None, description="state of charge [%]")
    load: EntityId | None = Field(default=None, description="load of the house: power, or a rising energy counter")
    pv: EntityId | None = Field(default=None, description="PV production: power, or a rising energy counter")
    grid_import: EntityId | None = Field(default=None, description="import from the grid: power or counter")
    grid_export: EntityId | None = Field(default=None, description="export to the grid: power or counter")
    battery_charge: EntityId | None = Field(default=None, description="charging of the battery: power or counter")
    battery_discharge: EntityId | None = Field(default=None, description="discharging of the battery: power or counter")
    price: EntityId | None = Field(default=None, description="Nord Pool sensor with raw_today and raw_tomorrow")


class ControlMapping(Frozen):
    """Entities of Home Assistant that control the inverter; those that the profile does not use stay null."""

    mode: EntityId | None = Field(default=None, description="select or input_select with the inverter's work mode")
    mode_charge: str = Field(default="charge", description="work mode that charges the battery, also from the grid")
    mode_discharge: str = Field(default="discharge", description="work mode that covers the load from the battery")
    mode_export: str = Field(default="export", description="work mode that exports from the battery")
    mode_hold: str = Field(default="hold", description="work mode that neither charges nor discharges")
    mode_default: str = Field(default="self_use", description="work mode that is the inverter's own default")
    charge: EntityId | None = Field(default=None, description="number or input_number: charge power [W] or current [A]")
    discharge: EntityId | None = Field(
        default=None, description="number: maximum discharge power [W] or discharge current [A]"
    )
    export: EntityId | None = Field(default=None, description="number: maximum export power [W]")
    unit: Literal["W", "kW", "A"] = Field(default="W", description="unit of charge, discharge and export")
    battery_volts: float = Field(default=51.2, gt=0, le=1000, description="battery voltage, to turn kW into A [V]")
    default_charge_kw: float = Field(default=0.0, ge=0, description="charge power of the inverter's default [kW]")
    default_discharge_kw: float | None = Field(
        default=None, ge=0, description="maximum discharge of the inverter's default [kW]; null: the battery's maximum"
    )
    default_export_kw: float | None = Field(
        default=None, ge=0, description="maximum export of the inverter's default [kW]; null: not written"
    )


class ControlSettings(Frozen):
    """Control of the inverter through Home Assistant."""

    enabled: bool = Field(default=False, description="true: commands are sent to the inverter")
    dry_run: bool = Field(default=True, description="true: log what would be written, write nothing")
    profile: Literal["power", "current", "work_mode"] = Field(
        default="power", description="command the inverter by power, by current, or by work mode and power"
    )
    mapping: ControlMapping = Field(default_factory=ControlMapping, description="entities that control the inverter")
    lease_minutes: float = Field(
        default=5.0, gt=0, le=15, description="a command that is not renewed within this time ends [min]"
    )
    dead_man_timer: TimerId | None = Field(
        default=None,
        description="timer in Home Assistant that sets the inverter's default where nothing of Darkstar's lives, as "
        "`darkstar control install` makes it; null: none",
    )
    writes_per_day: int = Field(default=96, ge=4, le=5000, description="maximum changes written on a local day")
    ramp_kw_per_step: float | None = Field(
        default=None, gt=0, description="maximum change of a power in one write [kW]; null: no ramp"
    )
    ramp_step_seconds: float = Field(default=10.0, gt=0, le=300, description="time between the steps of a ramp [s]")
    confirm_seconds: float = Field(
        default=10.0, gt=0, le=120, description="time within which the entities must read back what was written [s]"
    )

    @model_validator(mode="after")
    def _has_the_entities_of_its_profile(self) -> "ControlSettings":
        if not self.enabled:
            return self
        needed = ("mode", "charge") if self.profile == "work_mode" else ("charge", "discharge")
        missing = [name for name in needed if getattr(self.mapping, name) is None]
        if missing:
            message = f"profile {self.profile} needs mapping.{' and mapping.'.join(missing)}"
            raise ValueError(message)
        if self.profile == "current" and self.mapping.unit != "A":
            message = f"profile current needs mapping.unit A, got {self.mapping.unit}"
            raise ValueError(message)
        return self


class MqttSettings(Frozen):
    """Entities in Home Assistant through MQTT discovery."""

    enabled: bool = Field(default=False, description="true: plan and command are published")
    host: str = Field(default="127.0.0.1", min_length=1, description="host of the broker")
    port: int = Field(default=1883, ge=1, le=65_535, description="port of the broker")
    tls: bool = Field(default=False, description="true: connect to the broker through TLS")
    username: str | None = Field(default=None, description="user at the broker; the password is DARKSTAR_MQTT_PASSWORD")
    password_file: Path | None = Field(
        default=None, description="file with the password instead, readable by its owner alone"
    )
    discovery_prefix: str = Field(
        default="homeassistant", pattern=r"^[^+#]+$", description="discovery prefix, as set in Home Assistant"
    )


class HomeAssistantSettings(Frozen):
    """The home's Home Assistant: address, entities that are read, and control."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@]+(/[^?#@]*)?$",
        description="address without credentials, such as http://homeassistant.local:8123; null: none",
    )
    token_file: Path | None = Field(
        default=None,
        description="file with a long-lived access token, readable by its owner alone; or DARKSTAR_HA_TOKEN",
    )
    sensors: HomeAssistantSensors = Field(default_factory=HomeAssistantSensors)
    control: ControlSettings = Field(default_factory=ControlSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
