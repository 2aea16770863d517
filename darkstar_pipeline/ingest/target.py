"""The home that an import belongs to: its lake, its settings and the folder of its refused rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.ingest.merge import MergeResult, Progress, merge_into, stored_rows
from darkstar_pipeline.sources.price_lists.publication import KnownSlots
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, Table
from darkstar_pipeline.warehouse.tables import Tables


@dataclass(frozen=True, kw_only=True)
class ImportTarget:
    """The home that an import belongs to.

    Attributes:
        lake: the lake.
        quarantine_dir: folder of refused rows.
        site_name: name of the home.
        site: settings of the home.
    """

    lake: Tables
    quarantine_dir: Path
    site_name: str
    site: SiteSettings

    @classmethod
    def of(cls, context: Context) -> "ImportTarget":
        """Return the target of imports into a context's site."""
        return cls(
            lake=context.lake,
            quarantine_dir=context.quarantine,
            site_name=context.site_name,
            site=context.site_settings,
        )

    def known_prices(self) -> KnownSlots:
        """Return a function that gives the prices that the lake has of some days."""

        def prices(days: Sequence[date]) -> pl.DataFrame:
            return self.lake.read_days(RAW_SPOT_PRICES, self.site_name, days).select("slot_start", "price")

        return prices

    def store(
        self,
        table: Table,
        accepted: pl.DataFrame,
        *,
        source: str,
        now: datetime,
        keep_finer: bool = False,
        progress: Progress | None = None,
    ) -> MergeResult:
        """Merge accepted rows into a table of the lake and write the days that change.

        Args:
            table: table that the rows go to.
            accepted: accepted rows of a reader.
            source: file or service that the rows came from.
            now: the instant of the import, with offset.
            keep_finer: leave an hour as it is where the lake has a value of it at a finer resolution.
            progress: called after every day that was written.
        """
        rows = stored_rows(
            table,
            accepted,
            site_name=self.site_name,
            timezone=self.site.timezone,
            source=source,
            now=now,
            area=self.site.area,
        )
        return merge_into(self.lake, table, self.site_name, rows, keep_finer=keep_finer, progress=progress)
