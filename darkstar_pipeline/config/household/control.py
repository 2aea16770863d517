"""Settings of what a movable load is handed over to: a switch, a script or setpoints of Home Assistant, or evcc."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

SwitchId = Annotated[str, Field(pattern=r"^(switch|input_boolean)\.[a-z0-9_]+$", max_length=255)]
ScriptId = Annotated[str, Field(pattern=r"^script\.[a-z0-9_]+$", max_length=255)]
SetpointId = Annotated[str, Field(pattern=r"^(number|input_number|climate|water_heater)\.[a-z0-9_]+$", max_length=255)]
SensorId = Annotated[str, Field(pattern=r"^(sensor|binary_sensor|input_number|input_boolean)\.[a-z0-9_]+$")]
EvccMode = Literal["off", "pv", "minpv", "now"]


class EvccControl(Frozen):
    """A charging point of evcc, whose charge mode is set through the broker of `home_assistant.mqtt`."""

    loadpoint: int = Field(ge=1, le=99, description="number of the charging point, as evcc counts")
    topic: str = Field(default="evcc", pattern=r"^[^+#/\s]+$", description="evcc's root topic")
    charge_mode: EvccMode = Field(default="now", description="mode while the plan charges")
    idle_mode: EvccMode = Field(default="off", description="mode while it does not")
    default_mode: EvccMode = Field(default="pv", description="mode without Darkstar")


class DeviceControl(Frozen):
    """The taker of a load's schedule; by default to nobody: it is published and shown alone."""

    enabled: bool = Field(default=False, description="true: the schedule is carried out")
    switch: SwitchId | None = Field(default=None, description="switch that is on while the load may run")
    script: ScriptId | None = Field(
        default=None, description="script that is called with on, power_kw and until at each begin and end"
    )
    setpoint: SetpointId | None = Field(default=None, description="temperature that is set: boosted while it may run")
    normal_temperature: float | None = Field(default=None, ge=5, le=90, description="setpoint outside its hours [°C]")
    boosted_temperature: float | None = Field(default=None, ge=5, le=90, description="setpoint in its hours [°C]")
    evcc: EvccControl | None = Field(default=None, description="charging point of evcc; null: none")
    default_on: bool = Field(
        default=True, description="true: without Darkstar the switch is on (setpoint: boosted), as it was before"
    )

    @model_validator(mode="after")
    def _names_one(self) -> "DeviceControl":
        named = [name for name in ("switch", "script", "setpoint", "evcc") if getattr(self, name) is not None]
        if len(named) > 1 or (self.enabled and not named):
            message = f"control names one of switch, script, setpoint and evcc, got {' and '.join(named) or 'none'}"
            raise ValueError(message)
        temperatures = (self.normal_temperature, self.boosted_temperature)
        if self.setpoint is not None and None in temperatures:
            message = "control.setpoint needs normal_temperature and boosted_temperature"
            raise ValueError(message)
        return self
