"""Settings of deferrable loads: water heater, car and appliances."""

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.household.car import CarSettings
from darkstar_pipeline.config.household.heater import WaterHeaterSettings
from env.devices import Appliance, Devices


class ApplianceSettings(Frozen):
    """An appliance that runs its program to the end once started."""

    name: str = Field(min_length=1, description="name of the appliance: letters, digits and underscores")
    power_kw: float = Field(gt=0, le=1000, description="power while it runs [kW]")
    run_hours: float = Field(gt=0, le=24, description="duration of a run [h]")

    def appliance(self) -> Appliance:
        """Return the appliance in the type that `env` computes with."""
        return Appliance(**self.model_dump())


class DeviceSettings(Frozen):
    """Loads that a plan may shift; commands and replays leave them alone."""

    water_heater: WaterHeaterSettings | None = Field(default=None, description="water heater; null: none")
    vehicle: CarSettings | None = Field(default=None, description="car on its charger; null: none")
    appliances: tuple[ApplianceSettings, ...] = Field(
        default=(), description="dishwasher, washing machine and the like; empty: none"
    )

    def check_power(self, most_kw: float) -> None:
        """Refuse a load that is on or off and takes more than the home can ever have.

        Args:
            most_kw: what fuse and batteries give together [kW].

        Raises:
            ValueError: there is one.
        """
        heater = self.water_heater
        loads = {f"devices.appliances {each.name}": each.power_kw for each in self.appliances}
        if heater is not None and heater.spacing_hours > 0:
            loads["devices.water_heater"] = heater.power_kw
        for name, power in loads.items():
            if power > most_kw:
                most = f"limits.import_kw and the batteries give {most_kw:g} kW together"
                message = f"{name} takes {power:g} kW, and {most}: it could never run"
                raise ValueError(message)

    def devices(self) -> Devices:
        """Return the devices in the type that `env` computes with."""
        return Devices(
            water_heater=None if self.water_heater is None else self.water_heater.heater(),
            vehicle=None if self.vehicle is None else self.vehicle.vehicle(),
            appliances=tuple(appliance.appliance() for appliance in self.appliances),
        )
