"""Settings of a battery, in the words of its data sheet."""

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from env.battery import Battery, Curve


class BatterySettings(Frozen):
    """The battery, as on its data sheet."""

    capacity_kwh: float = Field(default=34.2, gt=0, le=10_000, description="nominal capacity [kWh]")
    min_soc_percent: float = Field(default=12.0, ge=0, le=100, description="lowest state of charge in normal use [%]")
    max_soc_percent: float = Field(default=100.0, ge=0, le=100, description="highest state of charge in normal use [%]")
    charge_kw: float = Field(default=8.0, ge=0, description="maximum charging power [kW]")
    discharge_kw: float = Field(default=8.0, ge=0, description="maximum discharging power [kW]")
    round_trip_efficiency: float = Field(default=0.95, gt=0, le=1, description="energy out per energy in, 0-1")
    wear_cost_per_kwh: float = Field(
        default=0.20, ge=0, description="wear per kWh charged and per kWh discharged [money/kWh]"
    )
    wear_cost_per_cycle: float = Field(default=0.0, ge=0, description="wear per full equivalent cycle [money]")
    retention_per_hour: float = Field(
        default=1.0, gt=0, le=1, description="share of the stored energy that is left after an hour, 0-1"
    )
    charge_curve: Curve = Field(
        default=(), description="charging efficiency by power, [[kW, 0-1], ...]; empty: from round_trip_efficiency"
    )
    discharge_curve: Curve = Field(
        default=(), description="discharging efficiency by power, [[kW, 0-1], ...]; empty: from round_trip_efficiency"
    )

    def battery(self) -> Battery:
        """Return the battery in the type that `env` computes with."""
        return Battery.from_percent(
            capacity_kwh=self.capacity_kwh,
            min_soc_percent=self.min_soc_percent,
            max_soc_percent=self.max_soc_percent,
            charge_kw=self.charge_kw,
            discharge_kw=self.discharge_kw,
            round_trip_efficiency=self.round_trip_efficiency,
            wear_cost=self.wear_cost_per_kwh,
            cycle_cost=self.wear_cost_per_cycle,
            retention_per_hour=self.retention_per_hour,
            charge_curve=self.charge_curve,
            discharge_curve=self.discharge_curve,
        )
