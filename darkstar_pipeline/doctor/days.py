"""Checks of a site's days: imported, graded, refused, and none imported from the future."""

from datetime import datetime, timedelta

import polars as pl

from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, METER_READINGS, RAW_SPOT_PRICES
from darkstar_pipeline.warehouse.tables import Tables

CLOCK_SLACK = timedelta(minutes=5)
MANY_REFUSED = 0.2
"""Share of refused days from which on something is likely to be wrong with the source."""


def check_days(lake: Tables, site: str, now: datetime, *, of_fleet: bool = False) -> list[CheckResult]:
    """Check which days of a site, a home of the fleet or not, are imported, and how they are graded."""
    return [_imported(lake, site, now), _graded(lake, site, of_fleet=of_fleet)]


def _imported(lake: Tables, site: str, now: datetime) -> CheckResult:
    """Check which days have readings and prices."""
    check = f"imported, {site}"
    readings, prices = set(lake.days(METER_READINGS, site)), set(lake.days(RAW_SPOT_PRICES, site))
    if not readings and not prices:
        return warned(check, "nothing yet", "darkstar import observations FILE and darkstar import prices FILE")
    both = sorted(readings & prices)
    detail = f"{len(readings)} days of readings, {len(prices)} of prices, {len(both)} of both"
    if not both:
        return warned(check, detail, "import readings and prices of the same days")
    newest = lake.read(METER_READINGS, site, max(readings), max(readings))["imported_at"].max()
    if isinstance(newest, datetime) and newest > now + CLOCK_SLACK:
        return warned(check, f"{detail}; the newest import is dated {newest:%Y-%m-%d %H:%M} UTC", "check the clock")
    return passed(check, f"{detail}, {both[0]} to {both[-1]}")


def _graded(lake: Tables, site: str, *, of_fleet: bool) -> CheckResult:
    """Check how many days are graded, and how many of them refused."""
    check = f"graded, {site}"
    waiting = set(lake.days(METER_READINGS, site)) - set(lake.days(DATA_QUALITY_DAILY, site))
    grades = lake.read(DATA_QUALITY_DAILY, site)
    refused = grades.filter(pl.col("status") == "exclude").height
    detail = f"{grades.height} days graded, {refused} refused, {len(waiting)} waiting"
    if waiting:
        command = "darkstar fleet backfill" if of_fleet else "darkstar backfill"
        return warned(check, detail, f"{command} --site {site} --from {min(waiting)} --to {max(waiting)}")
    if refused > MANY_REFUSED * grades.height:
        days = f"--from {grades['day'].min()} --to {grades['day'].max()}"
        return warned(check, detail, f"darkstar quality --site {site} {days} says why")
    return passed(check, detail)
