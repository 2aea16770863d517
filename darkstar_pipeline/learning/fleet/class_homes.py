"""The homes of a class with their usable days, and their common windows of training, validation and test.

Homes share prices and weather: a day that one home is tested on must teach no other. The windows are therefore the
class's, over the days on which any of its homes is usable.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypeVar

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.fleet.shard_tables import ShardTables
from darkstar_pipeline.learning.splits import Windows, split
from darkstar_pipeline.models.fleet.classes import PREFIX
from darkstar_pipeline.warehouse.buckets.object_names import bucket_of
from darkstar_pipeline.warehouse.lake import REPAIR, LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from planner.parallel import map_shards
from planner.replay.usable_slots import USABLE

_log = logging.getLogger(__name__)
Days = tuple[date, ...]


@dataclass(frozen=True)
class Fleet:
    """A fleet's configuration, for one command; it can be sent to another process.

    Attributes:
        settings: the whole configuration.
        home: the state folder.
    """

    settings: Settings
    home: Path

    def homes(self) -> FleetHomes:
        """Return the homes of the fleet."""
        return open_homes(self.settings, self.home)

    def context(self, site: str, own: SiteSettings) -> Context:
        """Return the context of a home, or of a class's place among sites."""
        return Context(
            settings=self.settings,
            site_name=site,
            site_settings=own,
            site=own.site(site),
            lake=fleet_lake(fleet_of(self.settings), self.home).site(site),
            home=self.home,
        )

    def class_context(self, class_name: str, own: SiteSettings) -> Context:
        """Return the context under which a class's trainings are registered."""
        return self.context(f"{PREFIX}{class_name}", own)


@dataclass(frozen=True, kw_only=True)
class ClassHome:
    """A home of a class with its usable days; it can be sent to another process.

    Attributes:
        fleet: the fleet.
        name: name of the home.
        own: its settings.
        days: its usable days, in order.
    """

    fleet: Fleet
    name: str
    own: SiteSettings
    days: Days

    def open_context(self) -> Context:
        """Return its context, which reads each row of the lake once."""
        lake = fleet_lake(fleet_of(self.fleet.settings), self.fleet.home)
        tables = ShardTables(lake, lake.bucket(self.name), sites=[self.name])
        return replace(self.fleet.context(self.name, self.own), lake=tables)

    def inside(self, days: Sequence[date]) -> Days:
        """Return those of some days that the home can be used on."""
        chosen = set(days)
        return tuple(day for day in self.days if day in chosen)


@dataclass(frozen=True)
class UsableHomes:
    """Homes of a class that can be used.

    Attributes:
        homes: with their usable days, in the order of their names.
        left_out: why others cannot, by name.
    """

    homes: Sequence[ClassHome]
    left_out: Mapping[str, str]


def class_homes(fleet: Fleet, homes: Mapping[str, SiteSettings], last: date | None = None) -> UsableHomes:
    """Return homes with their usable days up to a day; those of a bucket with a damaged object are left out.

    Args:
        fleet: the fleet.
        homes: settings by name.
        last: last local day; None for the last there is.

    Raises:
        OutsideServiceError: the fleet's store failed.
    """
    buckets: dict[int, list[str]] = {}
    for site in homes:
        buckets.setdefault(bucket_of(site, fleet_of(fleet.settings).buckets), []).append(site)
    shards = sorted(buckets.items())
    usable, left_out = dict[str, Days](), dict.fromkeys(homes, "no day of it is usable: run `darkstar fleet backfill`")
    for (_, sites), found in zip(shards, map_shards(partial(_usable_days, fleet, last), shards), strict=True):
        if isinstance(found, str):
            _log.warning("the homes of a bucket are left out: %s", found)
            left_out |= dict.fromkeys(sites, found)
        else:
            usable |= found
    return UsableHomes(
        homes=[ClassHome(fleet=fleet, name=site, own=homes[site], days=usable[site]) for site in sorted(usable)],
        left_out={site: why for site, why in sorted(left_out.items()) if site not in usable},
    )


def class_windows(homes: Sequence[ClassHome]) -> Windows:
    """Return the common windows of homes, by the settings of learning of the first.

    Raises:
        DataMissingError: there are too few days.
    """
    days = sorted({day for home in homes for day in home.days})
    if not days:
        message = "no day of any home of the class is usable"
        remedy = f"run `darkstar fleet backfill` first; where the log names a damaged object, `{REPAIR}` before it"
        raise DataMissingError(message, remedy)
    return split(days, homes[0].own.learning, with_test=True)


class Named(Protocol):
    """Something of a home."""

    @property
    def name(self) -> str:
        """Return the name of the home."""
        ...


Home = TypeVar("Home", bound=Named)


def in_drawn_order(homes: Sequence[Home], *, salt: str) -> list[Home]:
    """Return homes in an order that is drawn by their names: the same one for the same salt."""
    return sorted(homes, key=lambda home: blake2b(f"{salt}/{home.name}".encode(), digest_size=8).digest())


def drawn(homes: Sequence[Home], most: int, *, salt: str) -> list[Home]:
    """Return at most so many homes, the first of `in_drawn_order`, in order of their names."""
    return sorted(in_drawn_order(homes, salt=salt)[:most], key=lambda home: home.name)


def _usable_days(fleet: Fleet, last: date | None, bucket: tuple[int, list[str]]) -> dict[str, Days] | str:
    """Return the usable days of homes of one bucket, or what of it is damaged."""
    number, sites = bucket
    lake = fleet_lake(fleet_of(fleet.settings), fleet.home)
    try:
        graded = lake.read(DATA_QUALITY_DAILY, number, None, last, sites=sites)
    except LakeUnreadableError as error:
        return error.message
    quality = graded.filter(pl.col("status").is_in(USABLE))
    return {str(site): tuple(rows["day"].sort().to_list()) for (site,), rows in quality.group_by("site")}
