"""Settings of one home, assembled from the parts by subject."""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError
from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.countries import read_country
from darkstar_pipeline.config.devices import DeviceSettings
from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.config.household.settings import HouseholdSettings
from darkstar_pipeline.config.learning import LearningSettings, RlSettings
from darkstar_pipeline.config.notifications.channels import NotificationSettings
from darkstar_pipeline.config.planning import ForecastSettings, MpcSettings, ProtocolSettings
from darkstar_pipeline.config.service import ServiceSettings
from darkstar_pipeline.config.sources.all_sources import SourcesSettings
from darkstar_pipeline.config.tariff import TariffSettings
from env.errors import EnvError
from env.site import Limits, Site
from env.tariff import Tariff
from env.time_grid import zone
from planner.policy_names import REPLAYED
from planner.training.settings import LightgbmSettings, RegressorSettings
from planner.wording.languages import ENGLISH, Language

MOST_POWER_KW = 10_000.0
SiteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def _check_zone(name: str) -> str:
    try:
        zone(name)
    except EnvError as error:
        raise ValueError(str(error)) from error
    return name


class LimitSettings(Frozen):
    """Limits of the grid connection and the inverter; null: no limit."""

    import_kw: float | None = Field(
        default=None, ge=0.5, le=MOST_POWER_KW, description="fuse: maximum import from the grid [kW]"
    )
    export_kw: float | None = Field(
        default=None, ge=0, le=MOST_POWER_KW, description="maximum export to the grid; 0 is a ban [kW]"
    )
    inverter_kw: float | None = Field(
        default=None, ge=0.1, le=MOST_POWER_KW, description="power of the inverter that PV and battery share [kW]"
    )
    curtailable: bool = Field(
        default=False, description="true: curtail surplus PV rather than export it at a negative price"
    )
    takes_import_limit: bool = Field(
        default=False,
        description="true: the inverter keeps the import below a limit that it is told (peak shaving); used where the "
        "tariff charges for power",
    )

    def limits(self) -> Limits:
        """Return the limits in the type that `env` computes with."""
        return Limits(**self.model_dump())


class SiteSettings(Frozen):
    """One home."""

    timezone: Annotated[str, AfterValidator(_check_zone)] = Field(
        default="Europe/Stockholm", description="IANA time zone"
    )
    area: str = Field(default="SE3", pattern=r"\S", max_length=64, description="price area of the spot market")
    currency: str = Field(default="SEK", pattern=r"\S", max_length=16, description="currency of every price")
    language: Language = Field(
        default=ENGLISH, description="language of plans, reports and messages: en, sv or de; codes stay English"
    )
    first_day: date = Field(default=date(2019, 1, 1), description="first local day that can be processed")
    has_pv: bool | None = Field(
        default=None, description="true: the home has PV panels; null: true if any PV was ever read"
    )
    second_price_file: Path | None = Field(
        default=None, description="second source of spot prices (tidy file), for gaps longer than two hours"
    )
    battery: BatterySettings = Field(default_factory=BatterySettings)
    extra_batteries: tuple[BatterySettings, ...] = Field(
        default=(),
        description="further batteries outside the inverter, each with the fields of battery; only plans use them",
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
    sources: SourcesSettings = Field(default_factory=SourcesSettings)
    notifications: NotificationSettings = Field(default_factory=NotificationSettings)
    household: HouseholdSettings = Field(default_factory=HouseholdSettings)
    policies: tuple[str, ...] = Field(
        default=("idle", "self_consumption", "mpc", "value"), description="policies that a backfill replays"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_country(cls, values: object) -> object:
        """Fill time zone, currency and no fees where the price area is not Swedish."""
        return read_country(values)

    @model_validator(mode="after")
    def _physically_possible(self) -> "SiteSettings":
        try:
            for battery in (self.battery, *self.extra_batteries):
                battery.battery()
            self.devices.devices()
            Tariff(tuple(version.version() for version in self.tariff))
            self._together_possible()
        except EnvError as error:
            raise ValueError(str(error)) from error
        unknown = sorted(set(self.policies) - set(REPLAYED))
        if unknown:
            message = f"unknown policies {unknown}; available: {list(REPLAYED)}"
            raise ValueError(message)
        return self

    def _together_possible(self) -> None:
        """Refuse settings that each may be, and together make no sense.

        Raises:
            ValueError: there are such.
        """
        if self.limits.import_kw is not None:
            batteries = (self.battery, *self.extra_batteries)
            self.devices.check_power(self.limits.import_kw + sum(battery.discharge_kw for battery in batteries))
        for number, version in enumerate(self.tariff):
            try:
                version.check(self.currency)
            except SettingError as error:
                raise error.below("tariff", number) from None
        try:
            self.household.care.check(self.battery)
        except SettingError as error:
            raise error.below("household", "care") from None
        self.forecast.check_place(self.timezone)
        self.home_assistant.control.check_ramp(max(self.battery.charge_kw, self.battery.discharge_kw))
        self.home_assistant.control.check_import_limit(takes_limit=self.limits.takes_import_limit)

    def site(self, name: str) -> Site:
        """Return the home in the type that the rooms compute with."""
        return Site(
            name=name,
            timezone=self.timezone,
            currency=self.currency,
            battery=self.battery.battery(),
            extra_batteries=tuple(battery.battery() for battery in self.extra_batteries),
            devices=self.devices.devices(),
            limits=self.limits.limits(),
            tariff=Tariff(tuple(version.version() for version in self.tariff)),
            care=self.household.care.care(),
        )
