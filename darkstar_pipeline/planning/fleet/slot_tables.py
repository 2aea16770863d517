"""Rows of a bucket as arrays `(n_homes, n_slots)` over one calendar, NaN where there is no row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, grid, local_clock, slot_of, zone
from planner.policies.window import PUBLISHED_MINUTE
from planner.replay.usable_slots import USABLE

SLOT_US = int(SLOT / timedelta(microseconds=1))


@dataclass(frozen=True)
class Moment:
    """A moment in a time zone, and the calendar around it.

    Attributes:
        at: the instant.
        timezone: IANA zone.
        days_back: days before today that are looked at.
    """

    at: datetime
    timezone: str
    days_back: int

    @cached_property
    def today(self) -> date:
        """Return the local day."""
        return self.at.astimezone(zone(self.timezone)).date()

    @property
    def start(self) -> datetime:
        """Return the start of the slot."""
        return slot_of(self.at)

    @cached_property
    def last_day(self) -> date:
        """Return the last day whose prices are published by now."""
        clock = self.at.astimezone(zone(self.timezone))
        return self.today + timedelta(days=clock.hour * 60 + clock.minute >= PUBLISHED_MINUTE)

    @cached_property
    def slots(self) -> pl.DataFrame:
        """Return `slot_start, local_day, local_clock` from the first day looked at to the end of tomorrow."""
        first = self.today - timedelta(days=self.days_back)
        return grid(first, self.today + timedelta(days=1), self.timezone).with_columns(local_clock(self.timezone))

    @cached_property
    def midnight(self) -> int:
        """Return the index of today's first slot."""
        return int((self.slots["local_day"] < self.today).sum())

    @cached_property
    def tomorrow(self) -> int:
        """Return the index of tomorrow's first slot."""
        return int((self.slots["local_day"] <= self.today).sum())

    @cached_property
    def current(self) -> int:
        """Return the index of the present slot."""
        return int((self.slots["slot_start"] < self.start).sum())

    @property
    def published_end(self) -> int:
        """Return the index behind the last slot whose price is published by now."""
        return int((self.slots["local_day"] <= self.last_day).sum())


@dataclass(frozen=True)
class SlotTables:
    """The calendar of some homes, and where their rows belong in it.

    Attributes:
        moment: the moment that is planned at.
        names: of the homes.
    """

    moment: Moment
    names: Sequence[str]

    def tables(self, rows: pl.DataFrame, columns: Sequence[str]) -> list[Energy]:
        """Return columns of rows with `site` and `slot_start` as arrays; rows of other homes and times are left out."""
        slots = self.moment.slots["slot_start"]
        place = (pl.col("slot_start") - slots[0]).dt.total_microseconds() // SLOT_US
        own = (
            rows.filter(pl.col("site").is_in(list(self.names)))
            .with_columns(place=place, home=pl.col("site").cast(pl.Enum(list(self.names))).to_physical())
            .filter(pl.col("place").is_between(0, len(slots) - 1))
        )
        at = own["home"].to_numpy().astype(np.intp), own["place"].to_numpy().astype(np.intp)
        found: list[Energy] = []
        for column in columns:
            table = np.full((len(self.names), len(slots)), np.nan)
            table[at] = own[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
            found.append(table)
        return found

    def refused(self, grades: pl.DataFrame) -> Energy:
        """Return NaN in the slots of days before today that were graded as not to be used, 0 elsewhere."""
        refused = grades.filter(~pl.col("status").is_in(USABLE) & (pl.col("day") < self.moment.today))
        days = self.moment.slots.select("slot_start", day="local_day")
        rows = refused.select("site", "day").join(days, on="day").with_columns(refused=pl.lit(1.0))
        (found,) = self.tables(rows, ["refused"])
        return np.where(found == 1.0, np.nan, 0.0)
