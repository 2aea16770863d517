"""The tables of one site in the lake, with small repeated reads cached."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.warehouse.schemas import Table
from darkstar_pipeline.warehouse.tables import Tables


@dataclass(frozen=True)
class SiteTables:
    """The tables of one site.

    Attributes:
        lake: the tables of every site.
        site: name of the site.
        memo: cache that outlives this object; by default a new one.
    """

    lake: Tables
    site: str
    memo: Memo = field(default_factory=Memo)

    def read(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of local days, both ends included."""
        return self.lake.read(table, self.site, first, last)

    def read_cached(self, table: Table, first: date, last: date) -> pl.DataFrame:
        """Return the rows of a few days; cached while none of their files is replaced (to open DuckDB takes 20 ms)."""
        key = (first, last, self.identity(table, first, last))
        return self.memo.get(f"rows of {table.name}", key, lambda: self.read(table, first, last))

    def days(self, table: Table) -> list[date]:
        """Return the days that have a file, in order."""
        return self.lake.days(table, self.site)

    def identity(self, table: Table, first: date, last: date) -> tuple[object, ...]:
        """Return a key that changes whenever a day from `first` to `last` is replaced, comes or goes."""
        return self.lake.identity(table, self.site, first, last)
