"""Demand charges of policies: each policy's charge of a month, from its imports on the days of a range.

A month of which some days are not there (the range begins inside it, or a day is refused) is priced on those that are,
for every policy alike; the days that are absent count as no import, so the bill of the whole month is no lower.
"""

import calendar
from datetime import date
from typing import cast

import polars as pl

from env.site import Site

BILLS = {"policy": pl.String, "month": pl.Date, "days": pl.Int64, "month_days": pl.Int64, "power_cost": pl.Float64}


def has_demand_charge(site: Site) -> bool:
    """Return whether any version of a site's tariff has a demand charge."""
    return any(version.power for version in site.tariff.versions)


def demand_charge_bills(schedules: pl.DataFrame, site: Site) -> pl.DataFrame:
    """Return the demand charge of every policy and calendar month, all components together.

    Args:
        schedules: `policy, slot_start, local_day, import_kwh` of whole days, any number of policies [kWh per slot].
        site: tariff and time zone.

    Returns:
        `policy, month` (its first day)`, days` (that are there)`, month_days` (of the calendar) and `power_cost`
        [money, tax included], ascending.

    Raises:
        MissingTariffError: a month begins before the first version of the tariff.
        TariffError: an import is missing.
    """
    rows: list[dict[str, object]] = []
    months = schedules.with_columns(month=pl.col("local_day").dt.month_start())
    for (policy, month), part in months.group_by("policy", "month"):
        first = cast("date", month)
        bill = site.tariff.power_costs(part.select("slot_start", "import_kwh").sort("slot_start"), site.timezone)
        rows.append(
            {
                "policy": policy,
                "month": first,
                "days": part["local_day"].n_unique(),
                "month_days": calendar.monthrange(first.year, first.month)[1],
                "power_cost": float(bill["cost"].sum()),
            }
        )
    return pl.DataFrame(rows, schema=BILLS).sort("policy", "month")
