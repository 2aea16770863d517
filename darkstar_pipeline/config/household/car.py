"""Settings of the car: its charger, when it has to be charged and how far, what reads it, and what switches it."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.control import DeviceControl, SensorId
from env.devices import ElectricVehicle

VOLTS = 230.0
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Percent = Annotated[float, Field(ge=0, le=100)]


class Departure(Frozen):
    """A time of the week by which the car has to be charged: in percent of its battery, or in kWh since it came."""

    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, min_length=1, description="days of the week")
    leaves: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="local time of departure")
    minimum_percent: Percent | None = Field(default=None, description="what it must have then, whatever it costs [%]")
    target_percent: Percent | None = Field(default=None, description="what it is to have then [%]")
    minimum_kwh: float | None = Field(default=None, ge=0, le=1000, description="instead of percent [kWh]")
    target_kwh: float | None = Field(default=None, ge=0, le=1000, description="instead of percent [kWh]")

    @property
    def clock(self) -> time:
        """Local time of departure."""
        return time.fromisoformat(self.leaves)

    @model_validator(mode="after")
    def _asks_in_one_unit(self) -> "Departure":
        percent, energy = (self.minimum_percent, self.target_percent), (self.minimum_kwh, self.target_kwh)
        if (percent == (None, None)) == (energy == (None, None)):
            message = "a departure names minimum_percent and target_percent, or minimum_kwh and target_kwh"
            raise ValueError(message)
        for least, most in (percent, energy):
            if least is not None and most is not None and least > most:
                message = f"a departure's minimum of {least:g} is above its target of {most:g}"
                raise ValueError(message)
        return self


class CarSensors(Frozen):
    """Entities of Home Assistant that tell how the car is; null: not read (`POST /car/state` tells it too)."""

    soc: SensorId | None = Field(default=None, description="state of charge of the car [%]")
    plugged: SensorId | None = Field(default=None, description="on where the car is plugged in; null: it always is")
    power: SensorId | None = Field(default=None, description="power of the charger [W or kW]")


class CarSettings(Frozen):
    """A car whose charging a plan may schedule."""

    power_kw: float | None = Field(
        default=None, gt=0, le=1000, description="power of the charger [kW]; or max_current_a and phases"
    )
    max_current_a: float | None = Field(default=None, gt=0, le=500, description="largest current of a phase [A]")
    phases: Literal[1, 2, 3] = Field(default=3, description="phases it charges with")
    from_battery: bool = Field(default=False, description="true lets the house battery charge the car")
    capacity_kwh: float | None = Field(default=None, gt=0, le=1000, description="battery of the car [kWh]")
    efficiency: float = Field(default=0.9, ge=0.5, le=1, description="part of the charger's energy that the car stores")
    departures: tuple[Departure, ...] = Field(default=(), description="when it leaves, and how full; empty: on request")
    target_worth: float | None = Field(
        default=None,
        ge=0,
        description="most that a kWh above the minimum may cost; null: whatever it costs [money/kWh]",
    )
    sensors: CarSensors = Field(default_factory=CarSensors)
    control: DeviceControl = Field(default_factory=DeviceControl)

    @property
    def charger_kw(self) -> float:
        """Power of the charger [kW]."""
        if self.power_kw is not None:
            return self.power_kw
        return (self.max_current_a or 0.0) * self.phases * VOLTS / 1000

    def vehicle(self) -> ElectricVehicle:
        """Return the car in the type that `env` computes with."""
        return ElectricVehicle(power_kw=self.charger_kw, from_battery=self.from_battery)

    @model_validator(mode="after")
    def _is_complete(self) -> "CarSettings":
        if (self.power_kw is None) == (self.max_current_a is None):
            message = "a car needs power_kw, or max_current_a and phases"
            raise ValueError(message)
        if self.capacity_kwh is None and any(each.target_percent or each.minimum_percent for each in self.departures):
            message = "departures in percent need capacity_kwh, or give them in kWh"
            raise ValueError(message)
        return self
