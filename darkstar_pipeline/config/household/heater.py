"""Settings of the water heater: what a day takes, what it needs by when, runs against legionella, what switches it."""

from datetime import time
from typing import Annotated

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.control import DeviceControl, SensorId
from env.devices import WaterHeater

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Comfort(Frozen):
    """Hot water that has to be there by a time of every day."""

    by: Clock = Field(description="local time")
    kwh: float = Field(gt=0, le=1000, description="energy heated on that day by then [kWh]")

    @property
    def minutes(self) -> int:
        """Minutes of the local day."""
        clock = time.fromisoformat(self.by)
        return 60 * clock.hour + clock.minute


class Legionella(Frozen):
    """A run at full power that kills legionella, once in so many days."""

    hours: float = Field(default=3.0, gt=0, le=12, description="time at full power in a row [h]")
    every_days: float = Field(default=7.0, ge=1, le=31, description="longest time from one run to the next [d]")


class HeaterSensors(Frozen):
    """Entities of Home Assistant that tell how the heater is; null: not read."""

    power: SensorId | None = Field(default=None, description="power of the heater [W or kW]")
    temperature: SensorId | None = Field(default=None, description="temperature of the tank [°C]")


class WaterHeaterSettings(Frozen):
    """A water heater whose hours a plan may choose."""

    power_kw: float = Field(gt=0, le=1000, description="power of the heating element [kW]")
    energy_kwh_per_day: float = Field(
        ge=0, le=10_000, description="energy for hot water on an ordinary local day [kWh]"
    )
    vacation_kwh_per_day: float = Field(
        default=0.0, ge=0, le=10_000, description="energy a day while nobody is at home [kWh]"
    )
    spacing_hours: float = Field(
        default=0.0, ge=0, le=24, description="minimum time between the starts of two heating blocks; 0: none [h]"
    )
    comfort: tuple[Comfort, ...] = Field(default=(), description="what has to be hot by when; not in vacation")
    legionella: Legionella | None = Field(default=None, description="runs at full power; null: none")
    tank_litres: float | None = Field(default=None, gt=0, le=10_000, description="content of the tank [l]")
    tank_temperature: float = Field(default=55.0, ge=30, le=90, description="temperature of a heated tank [°C]")
    sensors: HeaterSensors = Field(default_factory=HeaterSensors)
    control: DeviceControl = Field(default_factory=DeviceControl)

    def heater(self) -> WaterHeater:
        """Return the heater in the type that `env` computes with."""
        return WaterHeater(
            power_kw=self.power_kw,
            energy_kwh_per_day=self.energy_kwh_per_day,
            vacation_kwh_per_day=self.vacation_kwh_per_day,
            spacing_hours=self.spacing_hours,
        )

    @model_validator(mode="after")
    def _can_be(self) -> "WaterHeaterSettings":
        if self.control.evcc is not None:
            message = "evcc controls cars: name a switch, a script or a setpoint"
            raise ValueError(message)
        if self.sensors.temperature is not None and self.tank_litres is None:
            message = "sensors.temperature needs tank_litres, to know what a degree is worth"
            raise ValueError(message)
        return self
