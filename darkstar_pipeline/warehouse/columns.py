"""Columns and tables as they are declared, and the columns that many tables share."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from env.time_grid import SLOT_DTYPE


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: one Parquet file per site and local day.

    Attributes:
        day_column: the column that equals the day of the file.
        key: columns, besides `site`, that identify a row; the stored order of the rows.
        optional: columns that files of some homes have; in SQL they are null for the others.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    day_column: str = "local_day"
    optional: tuple[Column, ...] = ()

    @cached_property
    def schema(self) -> pl.Schema:
        """Polars schema in declared order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def every_column(self) -> tuple[Column, ...]:
        """Columns as SQL and Dagster's page show them: the optional ones at the end."""
        return (*self.columns, *self.optional)

    def schema_with(self, names: Collection[str]) -> pl.Schema:
        """Return the schema with those optional columns that are among some names."""
        found = {column.name: column.dtype for column in self.optional if column.name in names}
        return pl.Schema({**self.schema, **found})


def text(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """Return a column of strings."""
    return Column(name=name, dtype=pl.String(), meaning=meaning, nullable=nullable)


def real(name: str, unit: str, meaning: str, *, nullable: bool = False) -> Column:
    """Return a column of numbers of a unit."""
    return Column(name=name, dtype=pl.Float64(), unit=unit, meaning=meaning, nullable=nullable)


def count(name: str, meaning: str, unit: str = "") -> Column:
    """Return a column of whole numbers."""
    return Column(name=name, dtype=pl.Int32(), unit=unit, meaning=meaning)


def flag(name: str, meaning: str) -> Column:
    """Return a column that is true or false."""
    return Column(name=name, dtype=pl.Boolean(), meaning=meaning)


def instant(name: str, meaning: str) -> Column:
    """Return a column of instants, UTC."""
    return Column(name=name, dtype=SLOT_DTYPE, unit="UTC", meaning=meaning)


SITE = text("site", "name of the home in darkstar.yaml")
SLOT = instant("slot_start", "start of the slot")
LOCAL_DAY = Column(name="local_day", dtype=pl.Date(), meaning="local calendar day of the slot")
DAY = Column(name="day", dtype=pl.Date(), meaning="local calendar day")
NATIVE = count(
    "native_minutes", "resolution of the source; coarser ones were split evenly (energy) or repeated (price)", "min"
)
