"""Demand charges of policies: each policy's charge of a month, from its imports on the days of a range.

A month of which some days are not there (the range begins inside it, or a day is refused) is priced on those that are,
for every policy alike; the days that are absent count as no import, so the bill of the whole month is no lower.
"""

import calendar
from datetime import date

import polars as pl

from env.power_tariff import EarlierDays
from env.site import Site
from planner.demand_charges.day_charges import added_charges, day_charges
from planner.wording.messages import phrase

BILLS = {"policy": pl.String, "month": pl.Date, "days": pl.Int64, "month_days": pl.Int64, "power_cost": pl.Float64}


def has_demand_charge(site: Site) -> bool:
    """Return whether any version of a site's tariff has a demand charge."""
    return any(version.power for version in site.tariff.versions)


def assumed_begin(site: Site, month: date) -> str:
    """Return what is assumed of the charge of a month inside which the tariff begins; empty for any other month.

    Args:
        site: the home.
        month: any day of the month.
    """
    begin = site.tariff.versions[0].valid_from
    begins_inside = begin.day > 1 and begin.replace(day=1) == month.replace(day=1)
    if not begins_inside or not site.tariff.charges_of_month(month):
        return ""
    return phrase(
        "the tariff begins on {day}: its charge is taken to be that of the whole of {month}",
        day=str(begin),
        month=f"{begin:%Y-%m}",
    )


def month_days(month: date) -> int:
    """Return the number of days of a month of the calendar."""
    return calendar.monthrange(month.year, month.month)[1]


def demand_charge_bills(schedules: pl.DataFrame, site: Site) -> pl.DataFrame:
    """Return the demand charge of every policy and calendar month, all components together.

    Args:
        schedules: `policy, slot_start, local_day, import_kwh` of whole days, any number of policies [kWh per slot].
        site: tariff and time zone.

    Returns:
        `policy, month` (its first day)`, days` (that are there)`, month_days` (of the calendar) and `power_cost`
        [money, tax included], ascending.

    Raises:
        MissingTariffError: a month is over before the first version of the tariff begins.
        TariffError: an import is missing.
    """
    by_month = (
        day_charges(schedules, site)
        .group_by("policy", pl.col("day").dt.month_start().alias("month"))
        .agg(pl.len().cast(pl.Int64).alias("days"), pl.col("power_cost").sort_by("day").sum())
    )
    counted = pl.col("month").map_elements(month_days, return_dtype=pl.Int64).alias("month_days")
    return by_month.with_columns(counted).select(list(BILLS)).sort("policy", "month")


def with_rolling_bills(months: pl.DataFrame, site: Site, before: EarlierDays = ()) -> pl.DataFrame:
    """Add `bill` [money], what each month's own bill says, where bills are of the mean of several months.

    A month's `power_cost` is what it adds to all of its bills together. Where components have different spans no single
    bill can be told from their sum, and none is added.

    Args:
        months: `policy, month, power_cost`, any further columns.
        site: the home.
        before: peaks of the days of the first month before the range, whose charge stands on its bill, too.
    """
    spans = {component.rolling_months for version in site.tariff.versions for component in version.power}
    if len(spans) != 1 or spans == {1}:
        return months
    charged = pl.col("power_cost")
    if before:
        begun = pl.col("month") == before[0][0].replace(day=1)
        charged += pl.when(begun).then(sum(added_charges(dict(before), site).values())).otherwise(0.0)
    bill = charged.rolling_mean(spans.pop(), min_samples=1).over("policy", order_by="month")
    return months.with_columns(bill=bill)
