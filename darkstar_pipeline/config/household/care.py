"""Settings of a battery's reserve and care: energy for outages, full charges, and how full it rests."""

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError
from darkstar_pipeline.config.battery import LEAST_PERCENT, BatterySettings
from darkstar_pipeline.config.household.entity_ids import EntityId
from darkstar_pipeline.config.tariff import WeeklyWindow
from env.care import Care, ReserveError, ReserveRule, check_reserve
from env.power_tariff import PowerWindow

FULL_PERCENT = 100.0


def _in_percent(name: str, value: float | None) -> None:
    """Refuse a share that somebody took for percent.

    Raises:
        SettingError: it is one.
    """
    if value is not None and 0 < value < LEAST_PERCENT:
        raise SettingError((name,), f"{name} {value:g} looks like a share: in percent it is {value * 100:g}")


class ReserveSettings(WeeklyWindow):
    """Energy that is kept for outages in some hours of the week; of those that apply the highest counts."""

    percent: float = Field(
        ge=0, le=100, description="energy kept for outages, as a share of the capacity above min_soc_percent [%]"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "ReserveSettings":
        _in_percent("percent", self.percent)
        return self

    def rule(self) -> ReserveRule:
        """Return the rule in the type that the rooms compute with."""
        window = PowerWindow(
            months=self.months, weekdays=self.weekdays, start_minute=self.start_minute, end_minute=self.end_minute
        )
        return ReserveRule(percent=self.percent, window=window)


class OutageWarningSettings(Frozen):
    """A switch or a warning in Home Assistant that asks for a reserve while it holds."""

    entity: EntityId = Field(
        description="switch, weather warning (on), or with `above` a number, such as the forecast of wind gusts"
    )
    above: float | None = Field(
        default=None, description="value of the entity above which it warns, in its unit; null: it warns while on"
    )
    percent: float = Field(
        default=50.0, ge=0, le=100, description="energy kept meanwhile, of the capacity above min_soc_percent [%]"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "OutageWarningSettings":
        _in_percent("percent", self.percent)
        return self


class WeatherWarningSettings(Frozen):
    """Forecasts of gusts and thunder, fetched from Open-Meteo, that ask for a reserve before and while they last."""

    gusts_above: float | None = Field(
        default=21.0, gt=0, le=100, description="gusts that warn are stronger [m/s]; null: gusts do not warn"
    )
    thunder: bool = Field(default=True, description="whether a forecast of thunder warns")
    percent: float = Field(
        default=50.0, ge=0, le=100, description="energy kept meanwhile, of the capacity above min_soc_percent [%]"
    )
    hours_before: float = Field(default=3.0, ge=0, le=24, description="hours before a storm in which it is kept too")

    @model_validator(mode="after")
    def _makes_sense(self) -> "WeatherWarningSettings":
        _in_percent("percent", self.percent)
        if self.gusts_above is None and not self.thunder:
            raise SettingError(("gusts_above",), "neither gusts nor thunder warn: give one, or no weather_warning")
        return self


class CareSettings(Frozen):
    """Reserve and care of the battery, at least cost; all off by default."""

    reserve: tuple[ReserveSettings, ...] = Field(
        default=(), description="energy kept for outages by hours, weekdays and months; empty: none"
    )
    outage_warning: OutageWarningSettings | None = Field(
        default=None, description="a switch or warning in Home Assistant that asks for a reserve; null: none"
    )
    weather_warning: WeatherWarningSettings | None = Field(
        default=None, description="fetched forecasts of gusts and thunder that ask for a reserve; null: none"
    )
    full_charge_every_days: int | None = Field(
        default=None, ge=2, le=365, description="days within which the battery is charged to 100 % once; null: never"
    )
    resting_soc_max_percent: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="state of charge above which the battery should not rest; it may be above it shortly before its "
        "energy is used; null: no such ceiling [%]",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "CareSettings":
        _in_percent("resting_soc_max_percent", self.resting_soc_max_percent)
        return self

    def check(self, battery: BatterySettings) -> None:
        """Refuse care that the battery's range does not allow.

        Raises:
            SettingError: says which and what to do.
        """
        asked: dict[tuple[int | str, ...], float] = {
            ("reserve", number, "percent"): each.percent for number, each in enumerate(self.reserve)
        }
        for name, warning in (("outage_warning", self.outage_warning), ("weather_warning", self.weather_warning)):
            if warning is not None:
                asked[name, "percent"] = warning.percent
        for place, percent in asked.items():
            try:
                check_reserve(percent, battery.battery())
            except ReserveError as error:
                raise SettingError(place, str(error)) from error
        if self.full_charge_every_days is not None and battery.max_soc_percent < FULL_PERCENT:
            message = (
                f"a full charge is 100 %, and battery.max_soc_percent {battery.max_soc_percent:g} forbids it: set that "
                f"to 100 and resting_soc_max_percent to {battery.max_soc_percent:g}"
            )
            raise SettingError(("full_charge_every_days",), message)
        resting = self.resting_soc_max_percent
        if resting is not None and resting <= battery.min_soc_percent:
            message = (
                f"resting_soc_max_percent {resting:g} is not above battery.min_soc_percent "
                f"{battery.min_soc_percent:g}, so that nothing could be stored"
            )
            raise SettingError(("resting_soc_max_percent",), message)

    def care(self) -> Care:
        """Return the care in the type that the rooms compute with."""
        return Care(
            reserve=tuple(each.rule() for each in self.reserve),
            full_charge_days=self.full_charge_every_days,
            resting_soc_percent=self.resting_soc_max_percent,
        )
