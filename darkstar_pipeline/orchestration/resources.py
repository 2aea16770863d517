"""Resources of the assets: the lake's days in and out, and DuckDB over all of them, as Dagster resources.

`LakeIOManager` is the only place where assets write. What does not belong here: what a table means
(`warehouse.schemas`), how a file is replaced (`warehouse.lake`), what a run records (`tracking`).
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
from dagster_duckdb import DuckDBResource

from darkstar_pipeline.state.descriptors import raise_descriptor_limit
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import TABLES, Table
from darkstar_pipeline.warehouse.views import create_views

TABLE_KEY = "darkstar/table"
SITE_KEY = "darkstar/site"


class WarehouseResource(DuckDBResource):
    """DuckDB in memory with a view per table of the lake, where SQL is the shorter way to ask.

    Attributes:
        root: folder of the tables.
    """

    root: str

    @contextmanager
    def get_connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection of its own, closed at the end; close or fetch every result before the next question."""
        raise_descriptor_limit()
        with super().get_connection() as connection:
            create_views(connection, Path(self.root))
            yield connection


class LakeIOManager(dg.ConfigurableIOManager):
    """Stores what assets return as days of the lake, and reads the same days for the assets downstream.

    An asset names its table and site in its definition metadata (`darkstar/table`, `darkstar/site`). It returns a
    frame, or frames by table name where one computation yields several tables. A run of many partitions is one read and
    one write; a day without rows becomes an empty file, so that "nothing there" and "never done" differ.

    Attributes:
        root: folder of the tables.
    """

    root: str

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | Mapping[str, pl.DataFrame]) -> None:
        """Replace every day of the run by its rows.

        Raises:
            SchemaMismatchError: a frame does not fit its table, or holds rows of other days.
        """
        table, site = _table_and_site(context.definition_metadata)
        frames = {table.name: obj} if isinstance(obj, pl.DataFrame) else dict(obj)
        days = [date.fromisoformat(key) for key in context.asset_partition_keys]
        # The asset's own table comes last: once its day is there, everything about the day is.
        for name in sorted(frames, key=lambda name: name == table.name):
            Lake(Path(self.root)).write_days(TABLES[name], site, days, frames[name])

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """The rows of the days that are asked for; everything, where no days are."""
        upstream = context.upstream_output
        if upstream is None:
            message = f"{context.name} comes from no asset; the lake only knows assets"
            raise dg.DagsterInvariantViolationError(message)
        table, site = _table_and_site(upstream.definition_metadata)
        if not context.has_asset_partitions:
            return Lake(Path(self.root)).read(table, site)
        days = [date.fromisoformat(key) for key in context.asset_partition_keys]
        return Lake(Path(self.root)).read(table, site, min(days), max(days))


def _table_and_site(metadata: Mapping[str, object]) -> tuple[Table, str]:
    """The table and site that an asset's definition names."""
    return TABLES[str(metadata[TABLE_KEY])], str(metadata[SITE_KEY])
