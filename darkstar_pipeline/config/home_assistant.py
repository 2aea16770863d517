"""Settings of what the service does in Home Assistant: entities it reads, control of the inverter, MQTT discovery.

Control of a real inverter is off by default, and a dry run at first: what would be written is logged, nothing is
written.
"""

import math
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from darkstar_pipeline.config.base import HOST, Frozen
from darkstar_pipeline.config.household.entity_ids import EntityId
from darkstar_pipeline.config.household.inverter import InverterSettings
from darkstar_pipeline.config.household.live_caps import HandsOffSettings, LiveCapSettings

Sensors = Annotated[str, Field(pattern=r"^-?[a-z0-9_]+\.[a-z0-9_]+( *[+-] *[a-z0-9_]+\.[a-z0-9_]+)*$", max_length=1000)]
"""A sensor, or a sum such as `sensor.tariff_1+sensor.tariff_2`; a minus turns a sensor round."""

_NUMBERS = ("number", "input_number")
_SELECTS = ("select", "input_select")
_OF_BATTERY = ("battery_charge", "battery_discharge")
TimerId = Annotated[str, Field(pattern=r"^timer\.[a-z0-9_]+$", max_length=200)]


COMMAND_SECONDS = 900.0
"""A command lasts for a slot [s]; `env` has it too, and brings Polars with it, which the guard need not pay."""
SHORTEST_LEASE_MINUTES = 0.04
"""Control looks every two seconds: a shorter lease would be over between two looks [min]."""
LOOK_SECONDS = 2.0


class HomeAssistantSensors(Frozen):
    """Entities that are read for the home's history and state: power or a rising energy counter; null: not read.

    Of an energy, several sensors can be summed: `sensor.tariff_1+sensor.tariff_2`.
    """

    soc: EntityId | None = Field(default=None, description="state of charge [%]")
    load: Sensors | Literal["balance"] | None = Field(
        default=None, description="load of the house; balance: what its other flows leave over"
    )
    pv: Sensors | None = Field(default=None, description="PV production")
    grid_import: Sensors | None = Field(default=None, description="import from the grid")
    grid_export: Sensors | None = Field(default=None, description="export to the grid")
    grid: Sensors | None = Field(default=None, description="instead of both: power, positive is import")
    battery_charge: Sensors | None = Field(default=None, description="charging of the battery")
    battery_discharge: Sensors | None = Field(default=None, description="discharging of the battery")
    battery: Sensors | None = Field(default=None, description="instead of both: power, positive charges")
    water: Sensors | None = Field(default=None, description="water heater")
    ev: Sensors | None = Field(default=None, description="charger of the car")
    heat_pump: Sensors | None = Field(
        default=None, description="heat pump: read apart by the hour, and left in the load, since nothing plans it"
    )
    load_holds: tuple[Literal["water", "ev"], ...] = Field(
        default=(),
        description="planned loads that the load's sensor holds too: they are subtracted from it; empty: none",
    )
    price: EntityId | None = Field(default=None, description="Nord Pool sensor with raw_today and raw_tomorrow")

    @model_validator(mode="after")
    def _has_one_way_of_each_flow(self) -> "HomeAssistantSensors":
        for signed, apart in (("grid", ("grid_import", "grid_export")), ("battery", _OF_BATTERY)):
            both = [name for name in apart if getattr(self, name) is not None]
            if getattr(self, signed) is not None and both:
                message = f"sensors.{signed} holds both directions: remove it, or {' and '.join(both)}"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _holds_what_is_read(self) -> "HomeAssistantSensors":
        if self.load_holds and self.load in (None, "balance"):
            message = "load_holds is of a load that a sensor measures: name that sensor, or remove load_holds"
            raise ValueError(message)
        if len(set(self.load_holds)) < len(self.load_holds):
            message = "load_holds names a load twice, which would be subtracted twice: remove one"
            raise ValueError(message)
        if unread := [name for name in self.load_holds if getattr(self, name) is None]:
            message = f"load_holds names {' and '.join(unread)}, and no sensor reads it apart"
            raise ValueError(message)
        return self


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
    import_limit: EntityId | None = Field(
        default=None, description="number: import from the grid that the inverter does not exceed (peak shaving)"
    )
    import_limit_unit: Literal["W", "kW"] = Field(default="W", description="unit of import_limit")
    unit: Literal["W", "kW", "A"] = Field(default="W", description="unit of charge, discharge and export")
    battery_volts: float = Field(default=51.2, ge=6, le=1500, description="battery voltage, to turn kW into A [V]")
    default_charge_kw: float = Field(
        default=0.0, ge=0, le=10_000, description="charge power of the inverter's default [kW]"
    )
    default_discharge_kw: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="maximum discharge of the inverter's default [kW]; null: the battery's maximum",
    )
    default_export_kw: float | None = Field(
        default=None, ge=0, le=10_000, description="maximum export of the inverter's default [kW]; null: not written"
    )
    default_import_limit_kw: float | None = Field(
        default=None,
        ge=0.5,
        le=10_000,
        description="import limit of the inverter's default: no less than the fuse, so that it limits nothing [kW]",
    )

    @model_validator(mode="after")
    def _names_entities_that_can_be_set(self) -> "ControlMapping":
        numbers = {name: getattr(self, name) for name in ("charge", "discharge", "export", "import_limit")}
        named = {name: entity for name, entity in numbers.items() if entity is not None}
        wanted = [(name, entity, _NUMBERS) for name, entity in named.items()]
        wanted += [] if self.mode is None else [("mode", self.mode, _SELECTS)]
        for name, entity, domains in wanted:
            if entity.partition(".")[0] not in domains:
                message = f"mapping.{name} is {entity}, and only {' and '.join(domains)} can be set to such a value"
                raise ValueError(message)
        if len(set(named.values())) < len(named):
            message = f"mapping.{', mapping.'.join(named)} name one entity twice: each needs its own"
            raise ValueError(message)
        if self.import_limit is not None and self.default_import_limit_kw is None:
            message = (
                "mapping.import_limit needs mapping.default_import_limit_kw: what stands when no limit is commanded"
            )
            raise ValueError(message)
        return self


class ControlSettings(Frozen):
    """Control of the inverter through Home Assistant."""

    enabled: bool = Field(default=False, description="true: commands are sent to the inverter")
    dry_run: bool = Field(default=True, description="true: log what would be written, write nothing")
    profile: Literal["power", "current", "work_mode", "inverter"] = Field(
        default="power",
        description="command the inverter by power, by current, by work mode and power, or by a profile of its family",
    )
    mapping: ControlMapping = Field(default_factory=ControlMapping, description="entities that control the inverter")
    inverter: InverterSettings = Field(default_factory=InverterSettings)
    live_caps: LiveCapSettings = Field(default_factory=LiveCapSettings)
    hands_off: HandsOffSettings = Field(default_factory=HandsOffSettings)
    lease_minutes: float = Field(
        default=5.0,
        ge=SHORTEST_LEASE_MINUTES,
        le=15,
        description="a command that is not renewed within this time ends [min]",
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

    def check_ramp(self, power_kw: float) -> None:
        """Refuse a ramp that does not reach the battery's power within a slot, or spends the writes of a day on it.

        Args:
            power_kw: the battery's largest [kW].

        Raises:
            ValueError: it is one.
        """
        if self.ramp_kw_per_step is None:
            return
        n_steps = math.ceil(power_kw / self.ramp_kw_per_step)
        seconds = n_steps * self.ramp_step_seconds
        if seconds > COMMAND_SECONDS or n_steps > self.writes_per_day // 2:
            reach = f"reaches {power_kw:g} kW after {n_steps} writes and {seconds:g} s"
            limits = f"a command lasts {COMMAND_SECONDS:g} s, and writes_per_day is {self.writes_per_day}"
            message = f"home_assistant.control.ramp_kw_per_step {self.ramp_kw_per_step:g} {reach}: {limits}"
            raise ValueError(message)

    def check_lease(self, settles_seconds: float) -> None:
        """Refuse a lease that is over before a command was read back: the guard would end every one of them.

        A command is written in two parts where a mode has to end first, and control looks before and after.

        Args:
            settles_seconds: time within which the entities show what was written [s].

        Raises:
            ValueError: it is.
        """
        least = 2 * (settles_seconds + LOOK_SECONDS)
        if self.lease_minutes * 60 < least:
            needs = f"entities may take {settles_seconds:g} s to show what was written"
            remedy = f"set lease_minutes to {math.ceil(least / 6) / 10:g} or more"
            message = f"home_assistant.control.lease_minutes is {self.lease_minutes:g}, and {needs}: {remedy}"
            raise ValueError(message)

    def check_import_limit(self, *, takes_limit: bool) -> None:
        """Refuse an import limit that is to be commanded and reaches no entity, and an entity that nothing commands.

        Args:
            takes_limit: whether the inverter takes an import limit, by `limits.takes_import_limit`.

        Raises:
            ValueError: there is such.
        """
        entity = self.mapping.import_limit
        if self.enabled and takes_limit and entity is None:
            message = (
                "limits.takes_import_limit is true: name the entity in home_assistant.control.mapping.import_limit"
            )
            raise ValueError(message)
        if entity is not None and not takes_limit:
            message = (
                f"home_assistant.control.mapping.import_limit is {entity}: set limits.takes_import_limit: true too"
            )
            raise ValueError(message)

    @model_validator(mode="after")
    def _lease_outlasts_a_write(self) -> "ControlSettings":
        if self.enabled:
            self.check_lease(self.confirm_seconds)
        return self

    @model_validator(mode="after")
    def _has_the_entities_of_its_profile(self) -> "ControlSettings":
        if not self.enabled:
            return self
        if self.profile == "inverter":
            if self.inverter.family is None:
                raise ValueError("profile inverter needs inverter.family: docs/inverters.md has those that are known")
            return self
        needed = ("mode", "charge") if self.profile == "work_mode" else ("charge", "discharge")
        missing = [name for name in needed if getattr(self.mapping, name) is None]
        if missing:
            message = f"profile {self.profile} needs mapping.{' and mapping.'.join(missing)}"
            raise ValueError(message)
        if self.profile == "current" and self.mapping.unit != "A":
            message = f"profile current needs mapping.unit A, got {self.mapping.unit}"
            raise ValueError(message)
        if self.profile == "work_mode" and self.mapping.mode_charge == self.mapping.mode_default:
            message = f"mode_charge and mode_default are both {self.mapping.mode_charge!r}: a charge would never end"
            raise ValueError(message)
        return self


class MqttSettings(Frozen):
    """Entities in Home Assistant through MQTT discovery."""

    enabled: bool = Field(default=False, description="true: plan and command are published")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        pattern=HOST,
        description="host of the broker, without scheme, port or credentials",
    )
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
        description="address without credentials, such as http://homeassistant.local:8123; null: none",
    )
    token_file: Path | None = Field(
        default=None,
        description="file with a long-lived access token, readable by its owner alone; or DARKSTAR_HA_TOKEN",
    )
    sensors: HomeAssistantSensors = Field(default_factory=HomeAssistantSensors)
    control: ControlSettings = Field(default_factory=ControlSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)

    @field_validator("url")
    @classmethod
    def _is_plain_address(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^/?#@]+(/[^?#@]*)?", url):
            raise ValueError(
                "must be an address such as http://homeassistant.local:8123, without user, password, ? and #: "
                "the token goes into token_file or DARKSTAR_HA_TOKEN"
            )
        return url
