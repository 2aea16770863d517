"""Settings of the tariff: fees and taxes per kWh, and charges for a month's peak power, in the words of a bill."""

import re
from datetime import date, time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError
from env.power_tariff import PowerTariff, PowerWindow, Tier
from env.tariff import TariffVersion, TimeOfUse
from planner.currencies import worth

_MINUTES_OF_DAY = 24 * 60
MOST_FEE = 10_000.0
"""No kWh has ever cost as much, in whatever currency [money/kWh]."""
MOST_FEES = {"SEK": 5.0, "NOK": 5.0, "DKK": 5.0, "EUR": 1.0, "USD": 2.0, "GBP": 1.0, "CHF": 1.0}
"""Fees above these are in hundredths, or per MWh [money/kWh]; the highest there are reach half of it.

Of other currencies, those above the worth of the euro's.
"""
MOST_POWER_KW = 10_000.0
MOST_MONEY = 1e7
_MONTHS = range(1, 13)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")


def _read_clock(value: object) -> object:
    """Return a time of day that was written as a number or as `6:00` in the form that pydantic reads.

    Raises:
        ValueError: it is a number, which pydantic would take for seconds, or it names seconds.
    """
    if isinstance(value, time):
        return value
    written = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None:
        message = f"{value!r} is no time of day: write hours and minutes, such as 22:00; midnight is 00:00"
        raise ValueError(message)
    return f"{int(written[1]):02d}:{written[2]}"


ClockTime = Annotated[time, BeforeValidator(_read_clock)]


class WeeklyWindow(Frozen):
    """Hours of the week in some months."""

    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), description="months it applies in, 1-12; empty: all"
    )
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(
        default=(), description="weekdays it applies on, 1 = Monday; empty: all"
    )
    start: ClockTime = Field(default=time(0), description="local time of day when it starts")
    end: ClockTime = Field(default=time(0), description="local time of day when it ends; 00:00 is midnight")

    @property
    def start_minute(self) -> int:
        """Start as minutes after local midnight."""
        return self.start.hour * 60 + self.start.minute

    @property
    def end_minute(self) -> int:
        """End as minutes after local midnight; an end of 00:00 is the end of the day."""
        return self.end.hour * 60 + self.end.minute or _MINUTES_OF_DAY


class TimeOfUseSettings(WeeklyWindow):
    """Other fees in some months, weekdays and hours; the first that applies wins."""

    not_on_holidays_of: str | None = Field(
        default=None, description="country (SE) on whose public holidays these fees do not apply"
    )
    transfer_fee: float | None = Field(
        default=None,
        ge=-MOST_FEE,
        le=MOST_FEE,
        description="transfer fee in these hours; null: the ordinary one [money/kWh, before VAT]",
    )
    energy_tax: float | None = Field(
        default=None,
        ge=-MOST_FEE,
        le=MOST_FEE,
        description="energy tax in these hours; null: the ordinary one [money/kWh, before VAT]",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> "TimeOfUseSettings":
        if self.transfer_fee is None and self.energy_tax is None:
            message = "these hours have no fee of their own: give transfer_fee, energy_tax or both, or remove them"
            raise ValueError(message)
        return self

    def window(self) -> TimeOfUse:
        """Return the exception in the type that `env` computes with."""
        return TimeOfUse(
            months=self.months,
            weekdays=self.weekdays,
            start_minute=self.start_minute,
            end_minute=self.end_minute,
            not_on_holidays_of=self.not_on_holidays_of,
            transfer_fee=self.transfer_fee,
            energy_tax=self.energy_tax,
        )


class PowerWindowSettings(WeeklyWindow):
    """Hours whose power counts with a weight of its own in a demand charge; the first that applies wins."""

    not_on_holidays_of: str | None = Field(
        default=None, description="country (SE) on whose public holidays the window does not apply"
    )
    nor_on_eves: bool = Field(
        default=False, description="true: nor does it apply on customary days off, such as Midsummer Eve"
    )
    weight: float = Field(
        default=1.0, ge=0, le=100, description="weight of a kW in these hours; 0.5: half, 0: not counted"
    )

    def window(self) -> PowerWindow:
        """Return the window in the type that `env` computes with."""
        return PowerWindow(
            months=self.months,
            weekdays=self.weekdays,
            start_minute=self.start_minute,
            end_minute=self.end_minute,
            not_on_holidays_of=self.not_on_holidays_of,
            nor_on_eves=self.nor_on_eves,
            weight=self.weight,
        )


class TierSettings(Frozen):
    """A step of a stepped demand charge."""

    up_to_kw: float = Field(
        gt=0, le=MOST_POWER_KW, description="highest peak power billed at this step; the last step has no limit [kW]"
    )
    cost: float = Field(ge=0, le=MOST_MONEY, description="cost of a month at this step [money, before VAT]")


class PowerTariffSettings(Frozen):
    """A demand charge: one charge for a month's peak power; several may apply at once."""

    top: int = Field(default=3, ge=1, le=31, description="number of peaks that are averaged")
    different_days: bool = Field(default=True, description="true: at most one peak a day counts")
    minutes: Literal[15, 60] = Field(default=60, description="length of the means among which peaks are found [min]")
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(), description="months in which it is charged, 1-12; empty: all"
    )
    windows: tuple[PowerWindowSettings, ...] = Field(
        default=(), description="hours that count with a weight of their own"
    )
    weight_outside: float = Field(default=1.0, ge=0, le=100, description="weight of a kW outside the windows")
    price_per_kw: float = Field(
        default=0.0, ge=0, le=MOST_MONEY, description="price of a kW for a month [money/kW, before VAT]"
    )
    tiers: tuple[TierSettings, ...] = Field(default=(), description="rising steps, instead of a price per kW")
    minimum_kw: float = Field(default=0.0, ge=0, le=MOST_POWER_KW, description="least power that is charged for [kW]")
    rolling_months: int = Field(
        default=1, ge=1, le=24, description="number of last months whose mean a bill is of; 12 in Flanders"
    )

    def check(self) -> None:
        """Refuse a charge of nothing: no price, or no hour in which a kW counts.

        Raises:
            ValueError: it is one.
        """
        if self.price_per_kw == 0 and not self.tiers:
            message = "costs nothing: give price_per_kw or tiers, or remove it"
            raise ValueError(message)
        charged = set(self.months or _MONTHS)
        if self.weight_outside == 0 and not any(
            window.weight > 0 and charged & set(window.months or _MONTHS) for window in self.windows
        ):
            message = "has no hour that counts: weight_outside is 0, and so is the weight of every window in its months"
            raise ValueError(message)

    def component(self, vat: float) -> PowerTariff:
        """Return the charge in the type that `env` computes with, whose money includes VAT."""
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
            rolling_months=self.rolling_months,
        )


class TariffSettings(Frozen):
    """Fees in force from a day on."""

    valid_from: date = Field(default=date(2000, 1, 1), description="first local day on which these fees apply")
    valid_until: date | None = Field(
        default=None, description="last day that they are known for; doctor says when it is over; null: not known"
    )
    source: str | None = Field(default=None, description="where these fees are from")
    unknown: tuple[Literal["transfer_fee", "energy_tax"], ...] = Field(
        default=(), description="fees below that are not known, and stand for what your bill says"
    )
    vat: float = Field(default=0.25, ge=0, le=1, description="value-added tax on import; 0.25 is 25 %")
    transfer_fee: float = Field(
        default=0.2456, ge=-MOST_FEE, le=MOST_FEE, description="grid fee [money/kWh, before VAT]"
    )
    energy_tax: float = Field(
        default=0.439, ge=-MOST_FEE, le=MOST_FEE, description="energy tax [money/kWh, before VAT]"
    )
    export_share: float = Field(default=1.0, ge=0, le=10, description="share of the spot price that is paid for export")
    export_bonus: float = Field(
        default=0.0, ge=-MOST_FEE, le=MOST_FEE, description="paid for export on top of that share [money/kWh]"
    )
    export_fee: float = Field(
        default=0.0, ge=-MOST_FEE, le=MOST_FEE, description="subtracted from the pay for export [money/kWh]"
    )
    time_of_use: tuple[TimeOfUseSettings, ...] = Field(default=(), description="other fees by season, weekday and hour")
    power: tuple[PowerTariffSettings, ...] = Field(default=(), description="demand charges: for a month's peak power")
    settlement_minutes: Literal[15, 60] = Field(
        default=15, description="spot price that is billed: 15: each quarter-hour's, 60: the hour's mean [min]"
    )
    monthly_mean: bool = Field(
        default=False, description="true: import is billed at the month's mean spot price, export as above"
    )

    def check(self, currency: str) -> None:
        """Refuse fees of another unit, and charges of nothing; what each setting alone may be is refused before.

        Args:
            currency: of the site.

        Raises:
            SettingError: there are such.
        """
        _check_scale(self, ("transfer_fee", "energy_tax", "export_bonus", "export_fee"), currency)
        for number, window in enumerate(self.time_of_use):
            try:
                _check_scale(window, ("transfer_fee", "energy_tax"), currency)
            except SettingError as error:
                raise error.below("time_of_use", number) from None
        for number, component in enumerate(self.power):
            try:
                component.check()
            except ValueError as error:
                message = f"power.{number} of the tariff from {self.valid_from} on {error}"
                raise SettingError(("power", number), message) from None

    def version(self) -> TariffVersion:
        """Return the fees in the type that `env` computes with."""
        fees = self.model_dump(exclude={"time_of_use", "power", "valid_until", "source", "unknown"})
        return TariffVersion(
            **fees,
            time_of_use=tuple(window.window() for window in self.time_of_use),
            power=tuple(component.component(self.vat) for component in self.power),
        )


def _check_scale(fees: TariffSettings | TimeOfUseSettings, names: tuple[str, ...], currency: str) -> None:
    """Refuse fees that are in hundredths of a known currency, or per MWh.

    Raises:
        SettingError: there is one.
    """
    most = MOST_FEES.get(currency, worth(MOST_FEES["EUR"], currency, of="EUR"))
    for name in names:
        fee: float | None = getattr(fees, name)
        if fee is not None and most is not None and abs(fee) > most:
            remedy = "divide it by 100 if it is in hundredths, by 1000 if it is per MWh"
            message = f"{name} of the tariff is {fee:g} {currency}/kWh, which no bill has: {remedy}"
            raise SettingError((name,), message)
