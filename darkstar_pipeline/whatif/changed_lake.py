"""The lake of a what-if: the stored one as it would be with another house or other prices; nothing can be written.

Every road of replays and plans reads here, so that each sees the same changed home.
"""

from collections.abc import Callable, Iterable
from datetime import date

import polars as pl

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    METER_READINGS,
    METER_STATISTICS,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    RAW_SPOT_PRICES,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
    Table,
)
from darkstar_pipeline.warehouse.tables import Tables
from env.time_grid import SLOT_DTYPE, slot_count
from planner.replay.usable_slots import USABLE
from planner.whatif.house import HouseChange

_RESULTS = (ORACLE_DAILY_RESULTS, ORACLE_SCHEDULES, POLICY_DAILY_RESULTS, POLICY_SCHEDULES)
PRICES = pl.Schema({"slot_start": SLOT_DTYPE, "price": pl.Float64()})
_HOURLY = ("load", "pv", "import", "export")
_EXCLUDED = "exclude"


class ReadOnlyLakeError(DarkstarError):
    """Something tried to write in a what-if."""

    code = "read_only"


class ChangedLake:
    """Tables that are read with changes.

    Args:
        base: the tables themselves.
        timezone: IANA zone of the home.
        house: load and PV.
        prices: `slot_start, price` of another area [money/kWh]; None keeps the stored ones.
        stored_results: whether results in the lake may be taken; false where something changed that their settings do
            not tell.
    """

    def __init__(
        self, base: Tables, timezone: str, *, house: HouseChange, prices: pl.DataFrame | None, stored_results: bool
    ) -> None:
        self._base, self._timezone, self._house = base, timezone, house
        self._prices = pl.DataFrame(schema=PRICES) if prices is None else prices
        self._hidden = () if stored_results else tuple(table.name for table in _RESULTS)
        self._changes: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {}
        if not house.is_none:
            slots = (METER_READINGS, SLOT_OBSERVATIONS, SLOT_FORECASTS)
            self._changes |= {table.name: self._other_house for table in slots}
            self._changes[METER_STATISTICS.name] = self._other_hours
        if prices is not None:
            self._changes |= {table.name: self._other_prices for table in (SPOT_PRICES, RAW_SPOT_PRICES)}
            self._changes[DATA_QUALITY_DAILY.name] = self._priced_days

    def read(self, table: Table, site: str, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Return rows of a range of local days, changed."""
        return self._changed(table, lambda: self._base.read(table, site, first, last))

    def read_days(self, table: Table, site: str, days: Iterable[date]) -> pl.DataFrame:
        """Return rows of some local days, changed."""
        return self._changed(table, lambda: self._base.read_days(table, site, days))

    def days(self, table: Table, site: str) -> list[date]:
        """Return the days that were written, ascending."""
        return self._base.days(table, site)

    def identity(self, table: Table, site: str, first: date, last: date) -> tuple[object, ...]:
        """Return what changes whenever a day from `first` to `last` is replaced, comes or goes."""
        return self._base.identity(table, site, first, last)

    def _changed(self, table: Table, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        if table.name in self._hidden:
            return pl.DataFrame(schema=table.schema)
        rows, change = read(), self._changes.get(table.name)
        return rows if change is None else change(rows)

    def write_day(self, table: Table, site: str, day: date, frame: pl.DataFrame) -> object:
        """Refuse to write.

        Raises:
            ReadOnlyLakeError: always.
        """
        return self.write_days(table, site, [day], frame)

    def write_days(self, table: Table, site: str, days: Iterable[date], frame: pl.DataFrame) -> dict[date, int]:
        """Refuse to write.

        Raises:
            ReadOnlyLakeError: always.
        """
        del site, days, frame
        raise ReadOnlyLakeError(f"a what-if writes nothing, and {table.name} was to be written", "report this")

    def merge_days(
        self,
        table: Table,
        site: str,
        days: tuple[date, date],
        merge: Callable[[pl.DataFrame], pl.DataFrame],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[date, int]:
        """Refuse to write.

        Raises:
            ReadOnlyLakeError: always.
        """
        del site, days, merge, progress
        raise ReadOnlyLakeError(f"a what-if writes nothing, and {table.name} was to be written", "report this")

    def _other_house(self, rows: pl.DataFrame) -> pl.DataFrame:
        return self._house.applied(rows, self._timezone)

    def _other_hours(self, hours: pl.DataFrame) -> pl.DataFrame:
        """Return hourly statistics that differ by as much as the readings of their hours do."""
        days: list[date] = hours["local_day"].unique().to_list()
        if not days:
            return hours
        sites: list[str] = hours["site"].unique().to_list()
        before = pl.concat([self._base.read(METER_READINGS, s, min(days), max(days)) for s in sites])
        after = self._other_house(before)
        hour = pl.col("slot_start").dt.truncate("1h").alias("hour_start")
        moved = pl.concat(
            [
                before.select("site", hour, added=after[f"{name}_kwh"] - before[f"{name}_kwh"])
                .group_by("site", "hour_start")
                .agg(pl.col("added").sum())
                .with_columns(quantity=pl.lit(name))
                for name in _HOURLY
            ]
        )
        joined = hours.join(moved, on=["site", "hour_start", "quantity"], how="left", maintain_order="left")
        changed = (pl.col("energy_kwh") + pl.col("added").fill_null(0.0)).clip(lower_bound=0.0)
        return joined.with_columns(energy_kwh=changed).select(hours.columns)

    def _other_prices(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the other area's prices at the slots that have a price here."""
        joined = rows.drop("price").join(self._prices, on="slot_start", how="inner", maintain_order="left")
        return joined.select(rows.columns)

    def _priced_days(self, grades: pl.DataFrame) -> pl.DataFrame:
        """Return the grades with the days refused on which the other area has no whole price."""
        local = pl.col("slot_start").dt.convert_time_zone(self._timezone).dt.date().alias("day")
        counts: dict[date, int] = dict(self._prices.group_by(local).len().iter_rows())
        lacking = [day for day in grades["day"].to_list() if counts.get(day, 0) < slot_count(day, self._timezone)]
        short = pl.col("day").is_in(pl.Series(lacking, dtype=pl.Date).implode()) & pl.col("status").is_in(USABLE)
        return grades.with_columns(
            status=pl.when(short).then(pl.lit(_EXCLUDED)).otherwise("status"),
            reasons=pl.when(short).then(pl.lit("the other area's prices are not whole")).otherwise("reasons"),
        )
