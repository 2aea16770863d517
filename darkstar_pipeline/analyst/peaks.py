"""The month's peaks so far, what they cost, and what a higher one would cost."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import metered_imports
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.power_tariff import PowerTariff, peaks
from planner.demand_charges.bills import assumed_begin, month_days
from planner.wording.texts import Text

NEW_PEAK_KW = 1.0
"""How far above the level a new peak is priced [kW]."""


@dataclass(frozen=True, kw_only=True)
class Peak:
    """One of the peaks that the charge is of.

    Attributes:
        start: its start in UTC.
        kw: its mean power as it counts, weighted [kW].
    """

    start: datetime
    kw: float


@dataclass(frozen=True, kw_only=True)
class ChargeSoFar:
    """A component of the demand charge in a month, up to what has been read.

    Attributes:
        minutes: length of the means that peaks are found among [min].
        top: number of peaks that the charge is of.
        peaks: the counted peaks, highest first.
        cost: charge of the month with these peaks [money, tax included].
        level_kw: power up to which a new peak costs nothing [kW]; 0 while fewer than `top` peaks are there.
        next_kw_cost: what a peak of `next_kw` on a day that has none yet would add [money].
        next_kw: `level_kw` and a kW more [kW].
    """

    minutes: int
    top: int
    peaks: tuple[Peak, ...]
    cost: float
    level_kw: float
    next_kw: float
    next_kw_cost: float


@dataclass(frozen=True, kw_only=True)
class MonthPeaks:
    """The demand charge of a month so far.

    Attributes:
        month: its first day.
        charges: each component; empty where power is not charged in this month.
        unread_slots: slots of the past days of which no import is known; they count as none.
        note: what is assumed; empty where nothing is.
    """

    month: date
    charges: tuple[ChargeSoFar, ...]
    unread_slots: int
    note: Text


def month_peaks(context: Context, month: date) -> MonthPeaks:
    """Return the peaks of a local month as metered so far; net load stands for import where none was metered.

    Args:
        context: the site.
        month: first day of the month.

    Raises:
        MissingTariffError: the month is over before the tariff's first version begins.
    """
    last = month.replace(day=month_days(month))
    imports = metered_imports(context.lake.read(METER_READINGS, context.site_name, month, last))
    known = imports.with_columns(pl.col("import_kwh").fill_null(0.0)).sort("slot_start")
    tariffs = context.site.tariff.charges_of_month(month)
    return MonthPeaks(
        month=month,
        charges=tuple(_charge(known, tariff, context.timezone) for tariff in tariffs),
        unread_slots=imports["import_kwh"].null_count(),
        note=assumed_begin(context.site, month),
    )


def _charge(imports: pl.DataFrame, tariff: PowerTariff, timezone: str) -> ChargeSoFar:
    """Return a component's charge on the imports of a month, which may have none."""
    counted: list[Peak] = []
    if imports.height:
        ranked = peaks(imports, tariff, timezone).sort("peak_kw", "period_start", descending=[True, False])
        rows = ranked.head(tariff.top).select("period_start", "peak_kw").iter_rows()
        counted = [Peak(start=start, kw=kw) for start, kw in rows]
    total = sum(peak.kw for peak in counted)
    level = counted[-1].kw if len(counted) == tariff.top else 0.0
    cost = tariff.cost(total / tariff.top) if counted else 0.0
    after = tariff.cost(
        (total + NEW_PEAK_KW) / tariff.top
    )  # it takes the place of the peak at the level, or a free one
    return ChargeSoFar(
        minutes=tariff.minutes,
        top=tariff.top,
        peaks=tuple(counted),
        cost=cost,
        level_kw=level,
        next_kw=level + NEW_PEAK_KW,
        next_kw_cost=after - cost,
    )
