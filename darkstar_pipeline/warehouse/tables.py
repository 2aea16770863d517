"""Tables as their users need them, wherever the rows lie: a lake of single homes, a fleet's bucket, memory."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Protocol

import polars as pl

from darkstar_pipeline.warehouse.schemas import Table


class Tables(Protocol):
    """Rows of tables by home and local day; `warehouse.lake.Lake` documents each method."""

    def read(self, table: Table, site: str, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Return rows of a range of local days, both ends included, in the table's order."""
        ...

    def read_days(self, table: Table, site: str, days: Iterable[date]) -> pl.DataFrame:
        """Return rows of some local days, in the table's order; days that are not there have none."""
        ...

    def write_day(self, table: Table, site: str, day: date, frame: pl.DataFrame) -> object:
        """Replace one day; zero rows is a valid day."""
        ...

    def write_days(self, table: Table, site: str, days: Iterable[date], frame: pl.DataFrame) -> dict[date, int]:
        """Replace each of `days` by its rows of `frame`; return the rows written per day."""
        ...

    def merge_days(
        self,
        table: Table,
        site: str,
        days: tuple[date, date],
        merge: Callable[[pl.DataFrame], pl.DataFrame],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Read days, merge rows into them and write those that change; nobody's rows are lost."""
        ...

    def days(self, table: Table, site: str) -> list[date]:
        """Return the days that were written, with or without rows, ascending."""
        ...

    def identity(self, table: Table, site: str, first: date, last: date) -> tuple[object, ...]:
        """Return what changes whenever a day from `first` to `last` is replaced, comes or goes."""
        ...
