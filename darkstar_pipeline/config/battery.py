"""Settings of a battery, in the words of its data sheet."""

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError
from env.battery import Battery, Curve
from env.errors import BatteryError
from env.taper import EMPTY, FULL, Taper, check_taper

LEAST_RANGE_PERCENT = 1.0
MOST_POWER_PER_KWH = 60.0
"""Power per usable energy that fills it within a minute [kW/kWh]; home batteries have 0.3 to 2."""
MOST_HOURS = 200.0
"""Time that a battery takes to fill; those of homes take 1 to 10 hours, small inverters on large ones 50 [h]."""
LEAST_PERCENT = 1.0
"""Levels below are shares, which somebody took for percent [%]."""
MOST_MONEY = 1e6
WEAR_IN_KRONOR = 0.20
"""Wear of a kWh charged or discharged, where none is given [SEK/kWh]; other homes have its worth in their currency."""


class BatterySettings(Frozen):
    """The battery, as on its data sheet."""

    capacity_kwh: float = Field(default=34.2, ge=0.05, le=10_000, description="nominal capacity [kWh]")
    min_soc_percent: float = Field(default=12.0, ge=0, le=100, description="lowest state of charge in normal use [%]")
    max_soc_percent: float = Field(default=100.0, ge=0, le=100, description="highest state of charge in normal use [%]")
    charge_kw: float = Field(default=8.0, ge=0, le=10_000, description="maximum charging power [kW]")
    discharge_kw: float = Field(default=8.0, ge=0, le=10_000, description="maximum discharging power [kW]")
    round_trip_efficiency: float = Field(default=0.95, ge=0.1, le=1, description="energy out per energy in, 0-1")
    wear_cost_per_kwh: float = Field(
        default=WEAR_IN_KRONOR,
        ge=0,
        le=MOST_MONEY,
        description="wear per kWh charged and per kWh discharged; left out: the worth of 0.2 SEK [money/kWh]",
    )
    wear_cost_per_cycle: float = Field(
        default=0.0, ge=0, le=MOST_MONEY, description="wear per full equivalent cycle [money]"
    )
    retention_per_hour: float = Field(
        default=1.0, ge=0.5, le=1, description="share of the stored energy that is left after an hour, 0-1"
    )
    charge_curve: Curve = Field(
        default=(), description="charging efficiency by power, [[kW, 0-1], ...]; empty: from round_trip_efficiency"
    )
    discharge_curve: Curve = Field(
        default=(), description="discharging efficiency by power, [[kW, 0-1], ...]; empty: from round_trip_efficiency"
    )
    charge_taper: Taper = Field(
        default=(),
        description="most charging power by state of charge, [[%, kW], ...] up to 100 %, falling ever more steeply; "
        "never more than charge_kw; empty: the same at every state of charge",
    )
    discharge_taper: Taper = Field(
        default=(),
        description="most discharging power by state of charge, [[%, kW], ...] from 0 %, rising ever more slowly; "
        "never more than discharge_kw; empty: the same at every state of charge",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "BatterySettings":
        """Refuse what no battery is: a range of nothing, no power either way, a power that moves it in no time."""
        for name in ("min_soc_percent", "max_soc_percent"):
            value: float = getattr(self, name)
            if 0 < value < LEAST_PERCENT or (name == "max_soc_percent" and value == LEAST_PERCENT):
                message = f"{name} {value:g} looks like a share: in percent it is {value * 100:g}"
                raise SettingError((name,), message)
        percent = self.max_soc_percent - self.min_soc_percent
        if percent < LEAST_RANGE_PERCENT:
            message = (
                "stored energy must be usable, minimum <= maximum: "
                f"min_soc_percent {self.min_soc_percent:g} leaves {percent:g} % below "
                f"max_soc_percent {self.max_soc_percent:g}; leave at least {LEAST_RANGE_PERCENT:g} %"
            )
            raise ValueError(message)
        power = max(self.charge_kw, self.discharge_kw)
        if power > 0 and self.capacity_kwh > MOST_HOURS * power:
            message = (
                f"{self.capacity_kwh:g} kWh would take {self.capacity_kwh / power:.0f} h to fill with {power:g} kW: "
                "correct capacity_kwh (kWh, not Wh), charge_kw or discharge_kw"
            )
            raise SettingError(("capacity_kwh",), message)
        if power <= 0:
            message = "charge_kw and discharge_kw are both 0, so that nothing can be planned: give the power of one"
            raise ValueError(message)
        usable = self.capacity_kwh * percent / 100
        if power > MOST_POWER_PER_KWH * usable:
            message = (
                f"{power:g} kW would fill or empty the usable {usable:g} kWh within a minute: correct charge_kw, "
                "discharge_kw, capacity_kwh, or min_soc_percent and max_soc_percent"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _tapers_make_sense(self) -> "BatterySettings":
        """Refuse a taper that bends the wrong way or ends too early."""
        for name, taper, ends_at in (
            ("charge_taper", self.charge_taper, FULL),
            ("discharge_taper", self.discharge_taper, EMPTY),
        ):
            try:
                check_taper(name, taper, ends_at=ends_at)
            except BatteryError as error:
                raise SettingError((name,), str(error).removeprefix(f"{name}: ")) from error
        return self

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
            charge_taper=self.charge_taper,
            discharge_taper=self.discharge_taper,
        )
