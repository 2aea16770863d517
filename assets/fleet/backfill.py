"""A backfill of a fleet: its shards, worked on by whatever engine there is, and what became of them.

Shards are the same whatever the engine and its workers are, and so are the bytes they write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from assets.fleet.shards import FleetShard, LeftOut, PassedOverVersion, ShardReport, backfill_shard
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from planner.parallel import Progress, map_shards

HOME_DAYS = 1000
"""Days of homes that a shard has at most, unless a single day or a month with a demand charge has more."""


@dataclass(frozen=True, kw_only=True)
class FleetReport:
    """The outcome of a backfill.

    Attributes:
        homes: homes that were worked on.
        home_days: days of homes that were worked on.
        usable_days: those of them that were graded usable and replayed.
        rows: rows written to the lake.
        left_out: homes that could not be worked on, with the days and the reason.
        seconds: processor time by stage [s].
        shards: number of shards.
        damaged: whether an object could not be read, for which the homes of its bucket are left out.
        passed_over: homes whose version in use was not replayed, with the days and the reason.
    """

    homes: int
    home_days: int
    usable_days: int
    rows: int
    left_out: tuple[LeftOut, ...]
    seconds: dict[str, float]
    shards: int
    damaged: bool
    passed_over: tuple[PassedOverVersion, ...]


def backfill_fleet(shards: Sequence[FleetShard], progress: Progress | None = None) -> FleetReport:
    """Work on shards, and sum up what became of them."""
    return summed(map_shards(backfill_shard, shards, progress=progress))


def summed(reports: Sequence[ShardReport]) -> FleetReport:
    """Return the reports of shards as one."""
    seconds: dict[str, float] = {}
    homes: dict[int, int] = {}
    for each in reports:
        seconds |= {stage: seconds.get(stage, 0.0) + spent for stage, spent in each.seconds.items()}
        homes[each.bucket] = max(homes.get(each.bucket, 0), each.homes)
    return FleetReport(
        homes=sum(homes.values()),
        home_days=sum(each.home_days for each in reports),
        usable_days=sum(each.usable_days for each in reports),
        rows=sum(each.rows for each in reports),
        left_out=tuple(left for each in reports for left in each.left_out),
        seconds=seconds,
        shards=len(reports),
        damaged=any(each.damaged for each in reports),
        passed_over=tuple(one for each in reports for one in each.passed_over),
    )


def fleet_shards(
    settings: Settings,
    state: Path,
    first: date,
    last: date,
    *,
    bucket: int | None = None,
    site: str | None = None,
) -> list[FleetShard]:
    """Cut a backfill into shards: whole buckets, and as many days at a time as fit.

    Args:
        settings: the whole configuration.
        state: the state folder.
        first: first local day.
        last: last local day, included.
        bucket: only this bucket; None for all.
        site: only this home; None for all.

    Raises:
        ConfigurationError: the configuration has no fleet, or the fleet has no such home or bucket, or no home at all.
    """
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    if bucket is not None and bucket >= lake.buckets:
        message = f"there is no bucket {bucket}: the fleet has {lake.buckets}, from 0 on"
        raise ConfigurationError(message, "name one of them")
    if site is not None and site not in homes:
        raise ConfigurationError(f"the fleet has no home {site!r}", "`darkstar fleet homes --like TEXT` finds homes")
    if not len(homes):
        raise ConfigurationError("the fleet has no homes", "run `darkstar fleet import HOMES.csv`")
    chosen = [lake.bucket(site)] if site is not None else range(lake.buckets) if bucket is None else [bucket]
    shards: list[FleetShard] = []
    for number in chosen:
        every = homes.in_bucket(number)
        own = every if site is None else every.only([site])
        ranges = cut_days(every, first, last) if len(own) else []
        shards += [
            FleetShard(
                settings=settings,
                state=state,
                lake=lake,
                bucket=number,
                homes=own,
                whole=site is None,
                first=begin,
                last=end,
            )
            for begin, end in ranges
        ]
    return shards


def cut_days(homes: FleetHomes, first: date, last: date) -> list[tuple[date, date]]:
    """Return ranges of days of a shard each; where power is charged a month stays whole, since its days are tied."""
    days = max(1, HOME_DAYS // max(len(homes), 1))
    named, fleet = homes.rows["tariff"].unique(), homes.fleet
    tariffs = [fleet.defaults.tariff if name is None else fleet.tariffs.get(name, ()) for name in named]
    by_month = any(version.power for tariff in tariffs for version in tariff)
    ranges: list[tuple[date, date]] = []
    begin = first
    while begin <= last:
        end = _month_end(begin) if by_month else begin + timedelta(days=days - 1)
        ranges.append((begin, min(end, last)))
        begin = ranges[-1][1] + timedelta(days=1)
    return ranges


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
