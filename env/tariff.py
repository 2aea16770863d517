"""Prices of a kWh at the meter: spot price, fees, energy tax and VAT, by version and time of use.

    import_price = (spot + transfer_fee + energy_tax) * (1 + vat)
    export_price = spot * export_share + export_bonus - export_fee

The spot price is that of the slot; where a contract bills the hour's mean, that of the hour, for import and export
alike; where it bills the month's mean, that of the month for import (export keeps the slot's or the hour's).

A version also names its demand charges (monthly peaks), which need a month and not a slot (`power_tariff`).
"""

import math
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from typing import cast

import polars as pl

from env.errors import MissingTariffError, TariffError
from env.free_days import free_days
from env.power_tariff import PowerTariff, power_costs, rolling_bills
from env.time_grid import SLOT_MINUTES, local_clock, local_day

MINUTES_PER_DAY = 24 * 60
SETTLEMENTS = (15, 60)
CALENDAR = range(2000, 2051)
"""Years whose holidays are known to exceptions by time of use."""
MONTH_PRICE = "month_price"
"""Column with the mean spot price of a slot's local month, of whatever days of it have been published [money/kWh]."""
_HOUR_PRICE = "hour_price"


@dataclass(frozen=True, kw_only=True)
class TimeOfUse:
    """A part of the year, week and day in which some fees differ.

    Attributes:
        months: months it holds in, 1-12; empty for all.
        weekdays: ISO weekdays it holds on, 1 = Monday; empty for all.
        start_minute: first minute of the local day it holds from [min].
        end_minute: minute it ends before [min]; smaller than the start means over midnight.
        not_on_holidays_of: country (ISO 3166) on whose public holidays it does not hold; None for no such days.
        transfer_fee: replaces the version's fee [money/kWh]; None keeps it.
        energy_tax: replaces the version's tax [money/kWh]; None keeps it.

    Raises:
        TariffError: a value is in no calendar, or a fee is no number.
    """

    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    start_minute: int = 0
    end_minute: int = MINUTES_PER_DAY
    not_on_holidays_of: str | None = None
    transfer_fee: float | None = None
    energy_tax: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is in no calendar."""
        for name, last in (("months", 12), ("weekdays", 7)):
            values: tuple[int, ...] = getattr(self, name)
            if any(not 1 <= value <= last for value in values):
                message = f"{name} must be in 1-{last}, got {values}"
                raise TariffError(message)
        for name in ("start_minute", "end_minute"):
            minute: int = getattr(self, name)
            if not 0 <= minute <= MINUTES_PER_DAY:
                message = f"{name} must be in 0-{MINUTES_PER_DAY}, got {minute}"
                raise TariffError(message)
        for name in ("transfer_fee", "energy_tax"):
            _check_finite(name, getattr(self, name))
        if self.not_on_holidays_of is not None:
            free_days(self.not_on_holidays_of, CALENDAR, eves=False)

    def applies(self) -> pl.Expr:
        """Expression over `local_day` and `local_clock`: whether the slot is inside."""
        clock = pl.col("local_clock")
        if self.start_minute < self.end_minute:
            inside = (clock >= self.start_minute) & (clock < self.end_minute)
        else:
            inside = (clock >= self.start_minute) | (clock < self.end_minute)
        if self.months:
            inside &= pl.col("local_day").dt.month().is_in(self.months)
        if self.weekdays:
            inside &= pl.col("local_day").dt.weekday().is_in(self.weekdays)
        if self.not_on_holidays_of is not None:
            inside &= ~pl.col("local_day").is_in(free_days(self.not_on_holidays_of, CALENDAR, eves=False))
        return inside


@dataclass(frozen=True, kw_only=True)
class TariffVersion:
    """The fees in force from a day on.

    Attributes:
        valid_from: first local day it holds.
        vat: value-added tax on all import, 0.25 for 25 %.
        transfer_fee: grid fee per imported kWh, before VAT [money/kWh].
        energy_tax: tax per imported kWh, before VAT [money/kWh].
        export_share: share of the spot price that the home is paid.
        export_bonus: paid on top per exported kWh [money/kWh].
        export_fee: taken off per exported kWh [money/kWh].
        time_of_use: exceptions; for each fee, the first that applies to a slot and names that fee wins.
        power: charges for the month's highest powers, all at once; their money includes VAT.
        settlement_minutes: length of the spot price's means that are billed, 15 (the market's own) or 60 [min].
        monthly_mean: whether import is billed at the mean spot price of its local month.

    Raises:
        TariffError: a fee is no number, VAT is negative, or a settlement has another length.
    """

    valid_from: date
    vat: float
    transfer_fee: float
    energy_tax: float
    export_share: float = 1.0
    export_bonus: float = 0.0
    export_fee: float = 0.0
    time_of_use: tuple[TimeOfUse, ...] = field(default=())
    power: tuple[PowerTariff, ...] = field(default=())
    settlement_minutes: int = SLOT_MINUTES
    monthly_mean: bool = False

    def __post_init__(self) -> None:
        """Refuse what would make every price nonsense."""
        if self.settlement_minutes not in SETTLEMENTS:
            message = f"settlement_minutes must be one of {SETTLEMENTS}, got {self.settlement_minutes}"
            raise TariffError(message)
        for name in ("vat", "transfer_fee", "energy_tax", "export_share", "export_bonus", "export_fee"):
            _check_finite(name, getattr(self, name))
        if self.vat < 0:
            message = f"vat must be at least 0, got {self.vat}"
            raise TariffError(message)

    def _fee(self, name: str) -> pl.Expr:
        """The fee of that name with the first applying exception."""
        fee = pl.lit(float(getattr(self, name)))
        for window in reversed(self.time_of_use):
            other = getattr(window, name)
            if other is not None:
                fee = pl.when(window.applies()).then(pl.lit(float(other))).otherwise(fee)
        return fee

    def import_price(self) -> pl.Expr:
        """Expression over `price` or its means, `local_day`, `local_clock`: price of an imported kWh [money/kWh]."""
        spot = pl.col(MONTH_PRICE) if self.monthly_mean else self._spot()
        return (spot + self._fee("transfer_fee") + self._fee("energy_tax")) * (1 + self.vat)

    def export_price(self) -> pl.Expr:
        """Expression over `price` or its means: the price of an exported kWh [money/kWh]; may be zero or negative."""
        return self._spot() * self.export_share + (self.export_bonus - self.export_fee)

    def _spot(self) -> pl.Expr:
        """The spot price that the contract bills in a slot."""
        return pl.col("price" if self.settlement_minutes == SLOT_MINUTES else _HOUR_PRICE)


def _check_finite(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        message = f"{name} must be a finite number, got {value}"
        raise TariffError(message)


@dataclass(frozen=True)
class Tariff:
    """The tariff versions of a site, oldest first.

    Raises:
        TariffError: no version, or two versions start on the same day.
    """

    versions: tuple[TariffVersion, ...]

    def __post_init__(self) -> None:
        """Sort the versions and refuse ambiguity."""
        ordered = tuple(sorted(self.versions, key=lambda version: version.valid_from))
        if not ordered:
            message = "a tariff needs at least one version; add one under `tariff`"
            raise TariffError(message)
        starts = [version.valid_from for version in ordered]
        if len(set(starts)) < len(starts):
            message = f"two tariff versions start on the same day: {[str(start) for start in starts]}"
            raise TariffError(message)
        object.__setattr__(self, "versions", ordered)

    def with_prices(self, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
        """Add `import_price` and `export_price` [money/kWh] to slots with `slot_start` and spot `price`.

        Slots may repeat, as in several paths one after another; each time round has means of its own. Where the month's
        mean is billed and no column `month_price` gives it, it is that of the slots at hand.

        Raises:
            MissingTariffError: a slot is older than the first version.
        """
        timed = slots.with_columns(local_day(timezone), local_clock(timezone))
        first = self.versions[0]
        too_old = timed.filter(pl.col("local_day") < first.valid_from)
        if too_old.height:
            raise MissingTariffError(too_old["local_day"].min(), first.valid_from)
        timed = self._with_means(timed)
        import_price, export_price = first.import_price(), first.export_price()
        for version in self.versions[1:]:
            newer = pl.col("local_day") >= version.valid_from
            import_price = pl.when(newer).then(version.import_price()).otherwise(import_price)
            export_price = pl.when(newer).then(version.export_price()).otherwise(export_price)
        priced = timed.with_columns(import_price=import_price, export_price=export_price)
        added = ("local_day", "local_clock", _HOUR_PRICE, MONTH_PRICE)
        return priced.drop([name for name in added if name in priced.columns and name not in slots.columns])

    def _with_means(self, timed: pl.DataFrame) -> pl.DataFrame:
        """Add the means of the spot price that a version bills; none where every version bills the slot's own."""
        round_of_slots = pl.int_range(pl.len()).over("slot_start")
        if any(version.settlement_minutes != SLOT_MINUTES for version in self.versions):
            hour = pl.col("slot_start").dt.truncate("1h")
            timed = timed.with_columns(pl.col("price").mean().over(hour, round_of_slots).alias(_HOUR_PRICE))
        if any(version.monthly_mean for version in self.versions):
            own = pl.col("price").mean().over(pl.col("local_day").dt.month_start(), round_of_slots)
            given = [pl.col(MONTH_PRICE)] if MONTH_PRICE in timed.columns else []
            timed = timed.with_columns(pl.coalesce(*given, own).alias(MONTH_PRICE))
        return timed

    def in_force(self, day: date) -> TariffVersion:
        """The version in force on a local day.

        Raises:
            MissingTariffError: the day is before the first version.
        """
        found = [version for version in self.versions if version.valid_from <= day]
        if not found:
            raise MissingTariffError(day, self.versions[0].valid_from)
        return found[-1]

    def charges_of(self, day: date) -> tuple[PowerTariff, ...]:
        """The demand charges of a local day's month: by the version in force on its first day.

        In the month in which the first version begins, those of that version.

        Raises:
            MissingTariffError: the day is before the first version.
        """
        self.in_force(day)
        return self.in_force(max(day.replace(day=1), self.versions[0].valid_from)).power

    def charges_of_month(self, month: date) -> tuple[PowerTariff, ...]:
        """The demand charges of a month, as `charges_of` has them for the last of its days.

        Args:
            month: any day of it.

        Raises:
            MissingTariffError: the first version begins after the month.
        """
        return self.charges_of(month.replace(day=monthrange(month.year, month.month)[1]))

    def power_costs(self, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
        """The demand charges of whole months, each as `charges_of_month` has them.

        Args:
            slots: with `slot_start` (UTC) and `import_kwh` [kWh per slot].
            timezone: IANA zone of the home.

        Returns:
            Rows as `env.power_tariff.power_costs` gives them, with `component` (its place in `power`) and `bill`: what
            the month's own bill says, which differs from `cost` where the mean of several months is billed.

        Raises:
            MissingTariffError: a month is over before the first version begins.
            TariffError: an import is missing.
        """
        months = slots.with_columns(month=local_day(timezone).dt.month_start())
        bills: list[pl.DataFrame] = []
        for (month,), part in months.group_by("month", maintain_order=True):
            for component, power in enumerate(self.charges_of_month(cast("date", month))):
                bill = power_costs(part.select("slot_start", "import_kwh"), power, timezone)
                bills.append(bill.with_columns(component=pl.lit(component)))
        if not bills:
            empty = power_costs(slots.select("slot_start", "import_kwh").clear(), PowerTariff(), timezone)
            return empty.with_columns(component=pl.lit(0), bill=pl.lit(0.0))
        return self._with_bills(pl.concat(bills)).sort("month", "component")

    def _with_bills(self, costs: pl.DataFrame) -> pl.DataFrame:
        """Add each month's `bill`, by the number of months that its version bills the mean of."""
        billed: list[pl.DataFrame] = []
        for (component,), rows in costs.group_by("component", maintain_order=True):
            spans = {
                month: self.charges_of_month(month)[cast("int", component)].rolling_months
                for month in rows["month"].to_list()
            }
            means = {months: rolling_bills(rows, months) for months in set(spans.values())}
            billed += [means[months].filter(pl.col("month") == month) for month, months in spans.items()]
        return pl.concat(billed)
