"""The graded days of a range, beside how many of their prices were repaired, and the days that are not there."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, PRICE_REPAIRS
from darkstar_pipeline.warehouse.tables import Tables
from env.time_grid import days_between


@dataclass(frozen=True)
class DayGrades:
    """The grades of a range of days.

    Attributes:
        days: a row a materialised day: the columns of `data_quality_daily` less site, and `repaired_slots`.
        missing: the days that are not materialised, ascending.
    """

    days: pl.DataFrame
    missing: tuple[date, ...]


def graded_days(lake: Tables, site_name: str, first: date, last: date) -> DayGrades:
    """Return the grades of the days `first` to `last`, both included.

    Raises:
        DataMissingError: none of them is materialised.
    """
    grades = lake.read(DATA_QUALITY_DAILY, site_name, first, last).drop("site")
    if grades.is_empty():
        remedy = f"run `darkstar backfill --from {first} --to {last}`"
        raise DataMissingError(f"no day from {first} to {last} is graded for site {site_name}", remedy)
    repairs = lake.read(PRICE_REPAIRS, site_name, first, last)
    counts = repairs.group_by("local_day").agg(repaired_slots=pl.len().cast(pl.Int32)).rename({"local_day": "day"})
    days = grades.join(counts, on="day", how="left").with_columns(pl.col("repaired_slots").fill_null(0)).sort("day")
    known = set(days["day"].to_list())
    return DayGrades(days, tuple(day for day in days_between(first, last) if day not in known))
