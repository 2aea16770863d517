"""Settings of the planner service and of what it does in Home Assistant; every default of theirs is here.

Control of a real inverter is off by default, and dry first: what would be written is told, nothing is written.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

EntityId = Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", max_length=255)]
"""`domain.object` as Home Assistant writes it."""


class ServiceSettings(Frozen):
    """The planner service (`darkstar serve`)."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address it listens on; loopback unless told")
    port: int = Field(default=8420, ge=1, le=65_535, description="port it listens on")
    allowed_hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "::1"), description="names it answers to (the Host header); * for any"
    )
    token_file: Path | None = Field(
        default=None, description="file with the token, readable by its owner alone; null: service/token, made at need"
    )
    requests_per_second: float = Field(default=300.0, gt=0, description="of one client, over ten seconds [1/s]")
    body_bytes: int = Field(default=65_536, ge=1024, description="largest request body [B]")
    poll_seconds: float = Field(
        default=5.0, gt=0, le=30, description="between two looks at what has changed: data, champion, settings [s]"
    )
    solver_seconds: float = Field(default=10.0, gt=0, le=120, description="time of each solver for a plan [s]")
    soc_stale_minutes: int = Field(
        default=30, ge=5, le=1440, description="age at which a read state of charge is no longer taken for now's [min]"
    )
    forecast_stale_hours: int = Field(
        default=36, ge=1, le=720, description="age at which a forecast is no longer taken for a good one [h]"
    )
    keep_plans_days: int = Field(default=45, ge=1, le=3650, description="how long every plan is kept")
    shadows: tuple[str, ...] = Field(
        default=(), description="policies planned beside the champion and never used: value, mpc, rl, models:/NAME/3"
    )


class HomeAssistantSensors(Frozen):
    """Entities that say what the home does now; null is not read."""

    soc: EntityId | None = Field(default=None, description="state of charge [%]")
    load: EntityId | None = Field(default=None, description="what the house uses: power, or a rising energy counter")
    pv: EntityId | None = Field(default=None, description="what the panels make: power, or a rising energy counter")
    grid_import: EntityId | None = Field(default=None, description="bought from the grid: power or counter")
    grid_export: EntityId | None = Field(default=None, description="sold to the grid: power or counter")
    battery_charge: EntityId | None = Field(default=None, description="into the battery: power or counter")
    battery_discharge: EntityId | None = Field(default=None, description="out of the battery: power or counter")
    price: EntityId | None = Field(default=None, description="Nord Pool sensor with raw_today and raw_tomorrow")


class ControlMapping(Frozen):
    """Which entities of Home Assistant steer the inverter; what a profile does not use stays null."""

    mode: EntityId | None = Field(default=None, description="select or input_select with the inverter's work mode")
    mode_charge: str = Field(default="charge", description="option that charges, from the grid too")
    mode_discharge: str = Field(default="discharge", description="option that covers the house from the battery")
    mode_export: str = Field(default="export", description="option that feeds the grid from the battery")
    mode_hold: str = Field(default="hold", description="option that keeps the battery as it is")
    mode_default: str = Field(default="self_use", description="option that is the inverter's own default")
    charge: EntityId | None = Field(default=None, description="number or input_number: charge power [W] or current [A]")
    discharge: EntityId | None = Field(default=None, description="number: most discharge power [W] or current [A]")
    export: EntityId | None = Field(default=None, description="number: most power fed into the grid [W]")
    unit: Literal["W", "kW", "A"] = Field(default="W", description="of the numbers")
    battery_volts: float = Field(default=51.2, gt=0, le=1000, description="turns kW into current [V]")
    default_charge_kw: float = Field(default=0.0, ge=0, description="charge at which the inverter is by itself [kW]")
    default_discharge_kw: float | None = Field(
        default=None, ge=0, description="discharge at which it is by itself [kW]; null: the battery's most"
    )
    default_export_kw: float | None = Field(
        default=None, ge=0, description="export at which it is by itself [kW]; null: as the inverter is left"
    )


class ControlSettings(Frozen):
    """Steering the inverter through Home Assistant."""

    enabled: bool = Field(default=False, description="whether commands reach the inverter at all")
    dry_run: bool = Field(default=True, description="tell what would be written, write nothing")
    profile: Literal["power", "current", "work_mode"] = Field(
        default="power", description="how the inverter is told: by power, by current, or by work mode and power"
    )
    mapping: ControlMapping = Field(default_factory=ControlMapping, description="entities that steer it")
    lease_minutes: float = Field(
        default=5.0, gt=0, le=15, description="a command not renewed in that time ends, and the default returns [min]"
    )
    writes_per_day: int = Field(default=96, ge=4, le=5000, description="most changes written on a local day")
    ramp_kw_per_step: float | None = Field(
        default=None, gt=0, description="most that a power changes in one write [kW]; null: at once"
    )
    ramp_step_seconds: float = Field(default=10.0, gt=0, le=300, description="between the steps of a ramp [s]")
    confirm_seconds: float = Field(
        default=10.0, gt=0, le=120, description="in which the entities must read back what was written [s]"
    )

    @model_validator(mode="after")
    def _has_what_its_profile_needs(self) -> "ControlSettings":
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
    """Entities in Home Assistant by MQTT discovery."""

    enabled: bool = Field(default=False, description="whether plan and command are published")
    host: str = Field(default="127.0.0.1", min_length=1, description="of the broker")
    port: int = Field(default=1883, ge=1, le=65_535, description="of the broker")
    tls: bool = Field(default=False, description="whether the broker is reached through TLS")
    username: str | None = Field(default=None, description="at the broker; its password is DARKSTAR_MQTT_PASSWORD")
    password_file: Path | None = Field(
        default=None, description="file with the password instead, readable by its owner alone"
    )
    discovery_prefix: str = Field(default="homeassistant", pattern=r"^[^+#]+$", description="as Home Assistant has it")


class HomeAssistantSettings(Frozen):
    """The home's Home Assistant: where it is, what it reads, and what may be steered."""

    url: str | None = Field(
        default=None, pattern=r"^https?://", description="address, such as http://homeassistant.local:8123; null: none"
    )
    token_file: Path | None = Field(
        default=None,
        description="file with a long-lived access token, readable by its owner alone; or DARKSTAR_HA_TOKEN",
    )
    sensors: HomeAssistantSensors = Field(default_factory=HomeAssistantSensors)
    control: ControlSettings = Field(default_factory=ControlSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
