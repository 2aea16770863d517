"""Settings: one frozen tree read from `darkstar.yaml` and the environment. Every default of the project is here.

Values are in the words of data sheets and bills (percent, kW, clock times); `SiteSettings.site()` turns them into the
types the rooms compute with. Writing a commented file is `darkstar_pipeline.config.writer`'s business.
"""

import os
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.learning import (
    LearningSettings,
    LightgbmSettings,
    RegressorSettings,
    RlSettings,
)
from darkstar_pipeline.config.service import HomeAssistantSettings, ServiceSettings
from darkstar_pipeline.errors import ConfigurationError
from env.battery import Battery, Curve
from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.errors import EnvError
from env.power_tariff import PowerTariff, PowerWindow, Tier
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion, TimeOfUse
from env.time_grid import zone
from planner.policy_names import POLICIES


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except EnvError as error:
        raise ValueError(str(error)) from error
    return name


class BatterySettings(Frozen):
    """The battery as its data sheet says."""

    capacity_kwh: float = Field(default=34.2, gt=0, le=10_000, description="nominal stored energy [kWh]")
    min_soc_percent: float = Field(default=12.0, ge=0, le=100, description="least state of charge in normal use [%]")
    max_soc_percent: float = Field(default=100.0, ge=0, le=100, description="most state of charge in normal use [%]")
    charge_kw: float = Field(default=8.0, ge=0, description="most charging power [kW]")
    discharge_kw: float = Field(default=8.0, ge=0, description="most discharging power [kW]")
    round_trip_efficiency: float = Field(default=0.95, gt=0, le=1, description="energy out per energy in, 0-1")
    wear_cost_per_kwh: float = Field(
        default=0.20, ge=0, description="wear per kWh charged and per kWh discharged [money/kWh]"
    )
    wear_cost_per_cycle: float = Field(default=0.0, ge=0, description="wear per full equivalent cycle [money]")
    retention_per_hour: float = Field(default=1.0, gt=0, le=1, description="stored energy left after an hour, 0-1")
    charge_curve: Curve = Field(
        default=(), description="efficiency of charging by power, [[kW, 0-1], ...]; empty: from the round trip"
    )
    discharge_curve: Curve = Field(default=(), description="the same for discharging")

    def battery(self) -> Battery:
        """The battery that `env` computes with."""
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


class WaterHeaterSettings(Frozen):
    """A water heater whose hours plans may choose."""

    power_kw: float = Field(gt=0, description="power of the element [kW]")
    energy_kwh_per_day: float = Field(ge=0, description="what an ordinary local day takes [kWh]")
    vacation_kwh_per_day: float = Field(
        default=0.0, ge=0, description="what a day takes while nobody is at home, against legionella [kWh]"
    )
    spacing_hours: float = Field(
        default=0.0, ge=0, le=24, description="least time between the starts of two heating blocks, 0 for none [h]"
    )

    def heater(self) -> WaterHeater:
        """The heater that `env` computes with."""
        return WaterHeater(**self.model_dump())


class VehicleSettings(Frozen):
    """A car whose charging plans may time."""

    power_kw: float = Field(gt=0, description="power of the charger [kW]")
    from_battery: bool = Field(default=False, description="whether the house battery may feed it")

    def vehicle(self) -> ElectricVehicle:
        """The car that `env` computes with."""
        return ElectricVehicle(**self.model_dump())


class ApplianceSettings(Frozen):
    """A machine that runs its programme once started."""

    name: str = Field(min_length=1, description="letters, digits and underscores")
    power_kw: float = Field(gt=0, description="power while it runs [kW]")
    run_hours: float = Field(gt=0, le=24, description="how long it runs [h]")

    def appliance(self) -> Appliance:
        """The machine that `env` computes with."""
        return Appliance(**self.model_dump())


class DeviceSettings(Frozen):
    """Loads that plans may move; commands and replays leave them alone."""

    water_heater: WaterHeaterSettings | None = Field(default=None, description="null: none")
    vehicle: VehicleSettings | None = Field(default=None, description="a car on its charger; null: none")
    appliances: tuple[ApplianceSettings, ...] = Field(default=(), description="dishes, laundry; empty for none")

    def devices(self) -> Devices:
        """The devices that `env` computes with."""
        return Devices(
            water_heater=None if self.water_heater is None else self.water_heater.heater(),
            vehicle=None if self.vehicle is None else self.vehicle.vehicle(),
            appliances=tuple(appliance.appliance() for appliance in self.appliances),
        )


class LimitSettings(Frozen):
    """What the connection and the inverter allow; null is no limit."""

    import_kw: float | None = Field(default=None, gt=0, description="fuse: most power drawn from the grid [kW]")
    export_kw: float | None = Field(default=None, ge=0, description="most power fed into the grid, 0 is a ban [kW]")
    inverter_kw: float | None = Field(
        default=None, gt=0, description="power of the inverter that PV and battery share [kW]"
    )
    curtailable: bool = Field(default=False, description="spill surplus rather than export it at a negative price")

    def limits(self) -> Limits:
        """The limits that `env` computes with."""
        return Limits(**self.model_dump())


class TimeOfUseSettings(Frozen):
    """An exception to the fees, by months, weekdays and hours; the first that applies wins."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(default=(), description="1-12; empty for all")
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), description="1 = Monday; empty for all")
    start: time = Field(default=time(0), description="local clock time it starts")
    end: time = Field(default=time(0), description="local clock time it ends; 00:00 is midnight")
    transfer_fee: float | None = Field(default=None, description="transfer fee instead [money/kWh, before VAT]")
    energy_tax: float | None = Field(default=None, description="energy tax instead [money/kWh, before VAT]")

    def window(self) -> TimeOfUse:
        """The exception that `env` computes with."""
        end_minute = self.end.hour * 60 + self.end.minute
        return TimeOfUse(
            months=self.months,
            weekdays=self.weekdays,
            start_minute=self.start.hour * 60 + self.start.minute,
            end_minute=24 * 60 if end_minute == 0 else end_minute,
            transfer_fee=self.transfer_fee,
            energy_tax=self.energy_tax,
        )


class PowerWindowSettings(Frozen):
    """A part of the week and day whose power counts by a weight of its own; the first that applies wins."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(default=(), description="1-12; empty for all")
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), description="1 = Monday; empty for all")
    start: time = Field(default=time(0), description="local clock time it starts")
    end: time = Field(default=time(0), description="local clock time it ends; 00:00 is midnight")
    not_on_holidays_of: str | None = Field(
        default=None, description="country (SE) on whose public holidays it does not hold"
    )
    nor_on_eves: bool = Field(default=False, description="nor on the days free by custom, such as Midsummer Eve")
    weight: float = Field(default=1.0, ge=0, description="what a kW inside counts as; 0.5 is half, 0 not at all")

    def window(self) -> PowerWindow:
        """The window that `env` computes with."""
        return PowerWindow(
            months=self.months,
            weekdays=self.weekdays,
            start_minute=_minute(self.start),
            end_minute=_minute(self.end) or 24 * 60,
            not_on_holidays_of=self.not_on_holidays_of,
            nor_on_eves=self.nor_on_eves,
            weight=self.weight,
        )


class TierSettings(Frozen):
    """A step of a stepped price."""

    up_to_kw: float = Field(gt=0, description="highest mean that falls into it; that of the last is no limit [kW]")
    cost: float = Field(ge=0, description="what a month in it costs [money, before VAT]")


class PowerTariffSettings(Frozen):
    """One charge for a month's highest powers; several may apply at once."""

    top: int = Field(default=3, ge=1, le=31, description="how many peaks are averaged")
    different_days: bool = Field(default=True, description="each peak on another day")
    minutes: Literal[15, 60] = Field(default=60, description="length of the means that peaks are found among [min]")
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), description="months it is charged in; empty for all"
    )
    windows: tuple[PowerWindowSettings, ...] = Field(
        default=(), description="hours that count by a weight of their own"
    )
    weight_outside: float = Field(default=1.0, ge=0, description="what a kW outside the windows counts as")
    price_per_kw: float = Field(default=0.0, ge=0, description="price of a kW for a month [money/kW, before VAT]")
    tiers: tuple[TierSettings, ...] = Field(default=(), description="steps instead of a price per kW, rising")
    minimum_kw: float = Field(default=0.0, ge=0, description="least power that is charged [kW]")

    def component(self, vat: float) -> PowerTariff:
        """The component that `env` computes with, whose money includes VAT."""
        return PowerTariff(
            top=self.top,
            different_days=self.different_days,
            minutes=self.minutes,
            months=self.months,
            windows=tuple(window.window() for window in self.windows),
            weight_outside=self.weight_outside,
            price_per_kw=self.price_per_kw * (1 + vat),
            tiers=tuple(Tier(up_to_kw=tier.up_to_kw, cost=tier.cost * (1 + vat)) for tier in self.tiers),
            minimum_kw=self.minimum_kw,
        )


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


class TariffSettings(Frozen):
    """Fees in force from a day on."""

    valid_from: date = Field(default=date(2000, 1, 1), description="first local day these fees hold")
    vat: float = Field(default=0.25, ge=0, le=1, description="value-added tax on what is bought, 0.25 is 25 %")
    transfer_fee: float = Field(default=0.2456, description="grid fee [money/kWh, before VAT]")
    energy_tax: float = Field(default=0.439, description="energy tax [money/kWh, before VAT]")
    export_share: float = Field(default=1.0, description="share of the spot price paid for what is sold")
    export_bonus: float = Field(default=0.0, description="paid on top of it [money/kWh]")
    export_fee: float = Field(default=0.0, description="taken off it [money/kWh]")
    time_of_use: tuple[TimeOfUseSettings, ...] = Field(default=(), description="exceptions by season, weekday and hour")
    power: tuple[PowerTariffSettings, ...] = Field(default=(), description="charges for the month's highest powers")

    def version(self) -> TariffVersion:
        """The version that `env` computes with."""
        fees = self.model_dump(exclude={"time_of_use", "power"})
        return TariffVersion(
            **fees,
            time_of_use=tuple(window.window() for window in self.time_of_use),
            power=tuple(component.component(self.vat) for component in self.power),
        )


class ProtocolSettings(Frozen):
    """How policies are measured: daily episodes, the same start and the same settlement for everyone."""

    start_soc_percent: float = Field(default=50.0, ge=0, le=100, description="state of charge every day starts at [%]")
    settlement_value: float | None = Field(
        default=None,
        ge=0,
        description="worth of a stored kWh at the end of a day [money/kWh]; null: the day's median import price "
        "x discharge efficiency - wear, not below 0",
    )


class MpcSettings(Frozen):
    """How steady MPC's commands are: inverters wear their memory, and people their patience, with every write."""

    hysteresis_kwh: float = Field(
        default=0.005, ge=0, description="energy a new command must move otherwise, or save the price of [kWh]"
    )
    writes_per_day: int | None = Field(
        default=32, ge=2, description="most changes of the inverter's command on a local day; null: no limit"
    )


class ForecastSettings(Frozen):
    """The forecasts of load and PV that plans are made on."""

    model: Literal["auto", "naive", "aurora"] = Field(
        default="auto",
        description="naive: the mean of recent days; aurora: the learned model; auto: aurora where one is promoted",
    )
    days_ahead: int = Field(
        default=1, ge=1, le=7, description="days after its own that Aurora's forecast of a midnight reaches"
    )
    training_days: int = Field(default=400, ge=14, le=3000, description="days that Aurora learns from, the last ones")
    latitude: float | None = Field(default=None, ge=-90, le=90, description="of the panels, north positive [deg]")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="of the panels, east positive [deg]")
    tilt: float = Field(default=30.0, ge=0, le=90, description="of the panels, from the horizontal [deg]")
    azimuth: float = Field(
        default=180.0, ge=0, le=360, description="the way the panels face, from north over east [deg]"
    )
    holidays_of: str | None = Field(
        default=None, description="whose public holidays count as free days (country, ISO 3166); null for none"
    )
    correct_bias: bool = Field(
        default=False,
        description="whether a new home's naive forecasts are corrected by their mean error, until it has 14 days",
    )
    load_days: int = Field(default=7, ge=1, le=60, description="days whose mean, slot by slot, forecasts the load")
    pv_days: int = Field(default=3, ge=1, le=60, description="days whose mean, slot by slot, forecasts the PV")


class SiteSettings(Frozen):
    """One home."""

    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="Europe/Stockholm", description="IANA time zone"
    )
    area: str = Field(default="SE3", min_length=1, description="price area of the spot market")
    currency: str = Field(default="SEK", min_length=1, description="currency of every price")
    first_day: date = Field(default=date(2019, 1, 1), description="first day the pipeline can be asked for")
    has_pv: bool | None = Field(
        default=None, description="whether the home has panels; null: it has if any PV was ever read"
    )
    second_price_file: Path | None = Field(
        default=None, description="a second source of spot prices (tidy file), for gaps longer than two hours"
    )
    battery: BatterySettings = Field(default_factory=BatterySettings)
    extra_batteries: tuple[BatterySettings, ...] = Field(
        default=(),
        description="further ones outside the inverter, each with the fields of battery; only plans use them",
    )
    devices: DeviceSettings = Field(default_factory=DeviceSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    tariff: tuple[TariffSettings, ...] = Field(default=(TariffSettings(),), min_length=1)
    protocol: ProtocolSettings = Field(default_factory=ProtocolSettings)
    forecast: ForecastSettings = Field(default_factory=ForecastSettings)
    mpc: MpcSettings = Field(default_factory=MpcSettings)
    learning: LearningSettings = Field(default_factory=LearningSettings)
    lightgbm: LightgbmSettings = Field(default_factory=LightgbmSettings)
    regressors: RegressorSettings = Field(default_factory=RegressorSettings)
    rl: RlSettings = Field(default_factory=RlSettings)
    service: ServiceSettings = Field(default_factory=ServiceSettings)
    home_assistant: HomeAssistantSettings = Field(default_factory=HomeAssistantSettings)
    policies: tuple[str, ...] = Field(
        default=("idle", "self_consumption", "mpc", "value"), description="what a backfill replays"
    )

    @model_validator(mode="after")
    def _physically_possible(self) -> "SiteSettings":
        try:
            for battery in (self.battery, *self.extra_batteries):
                battery.battery()
            self.devices.devices()
            Tariff(tuple(version.version() for version in self.tariff))
        except EnvError as error:
            raise ValueError(str(error)) from error
        unknown = sorted(set(self.policies) - set(POLICIES))
        if unknown:
            message = f"unknown policies {unknown}; known: {list(POLICIES)}"
            raise ValueError(message)
        return self

    def site(self, name: str) -> Site:
        """The home that the rooms compute with."""
        return Site(
            name=name,
            timezone=self.timezone,
            currency=self.currency,
            battery=self.battery.battery(),
            extra_batteries=tuple(battery.battery() for battery in self.extra_batteries),
            devices=self.devices.devices(),
            limits=self.limits.limits(),
            tariff=Tariff(tuple(version.version() for version in self.tariff)),
        )


SiteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Settings(Frozen):
    """Everything in `darkstar.yaml`."""

    default_site: str | None = Field(default=None, description="the site meant where none is named")
    sites: dict[SiteName, SiteSettings] = Field(default_factory=dict[str, SiteSettings], description="homes by name")

    @model_validator(mode="after")
    def _default_exists(self) -> "Settings":
        if self.default_site is not None and self.default_site not in self.sites:
            message = f"default_site {self.default_site!r} is not under sites: {sorted(self.sites)}"
            raise ValueError(message)
        return self

    def site_name(self, name: str | None = None) -> str:
        """The site meant by `name`, or the only one, or the default.

        Raises:
            ConfigurationError: no such site, or none can be told.
        """
        if name is not None:
            if name not in self.sites:
                message = f"site {name!r} is not in the configuration"
                raise ConfigurationError(message, f"known sites: {', '.join(sorted(self.sites)) or 'none'}")
            return name
        if len(self.sites) == 1:
            return next(iter(self.sites))
        if self.default_site is not None:
            return self.default_site
        if not self.sites:
            raise ConfigurationError("no site is configured", "run `darkstar init` or `darkstar sample`")
        raise ConfigurationError("more than one site is configured", f"name one: --site {sorted(self.sites)[0]}")


def home_dir() -> Path:
    """The state folder: `DARKSTAR_HOME`, by default `.darkstar` in the working directory, absolute."""
    return Path(os.environ.get("DARKSTAR_HOME") or ".darkstar").expanduser().absolute()


def config_path() -> Path:
    """The configuration file: `DARKSTAR_CONFIG`, by default `darkstar.yaml` in the working directory, absolute."""
    return Path(os.environ.get("DARKSTAR_CONFIG") or "darkstar.yaml").expanduser().absolute()


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the configuration.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or a value is wrong; says which.
    """
    source = path if path is not None else config_path()
    try:
        document = yaml.safe_load(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"no configuration at {source}", "run `darkstar init`, or `darkstar sample`"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{source} cannot be read as YAML: {reason}", "mend the file") from error
    try:
        return Settings.model_validate({} if document is None else document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigurationError(f"{source}: {place}: {first['msg']}", "correct that value") from error
