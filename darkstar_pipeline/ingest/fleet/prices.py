"""Spot prices of areas, read once for all homes of an area and stored with each of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.ingest.fleet.bucket_changes import MergeCounts, Offered, merge_bucket
from darkstar_pipeline.ingest.fleet.report import FleetReport, summed
from darkstar_pipeline.ingest.merge import Progress, stored_rows
from darkstar_pipeline.ingest.provenance import provenance_rows
from darkstar_pipeline.ingest.remarks import remarked_spans
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.parsed import Parsed, no_rejects, refuse_if_mostly_bad
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.prices import read_prices
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.remarks import all_remarks, remarks_on_rejects
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import IMPORT_REMARKS, RAW_SPOT_PRICES
from env.home_rows import ALONE, with_home
from planner.parallel import map_shards

_AREA = "area"
_WHERE = (_AREA, "timezone", "currency")
"""Columns that say together whose prices a home has."""


class _Market(NamedTuple):
    """Homes with the same prices on the same local days."""

    area: str
    timezone: str
    currency: str


class _Offer(NamedTuple):
    """Rows of the lake for the homes of a market, but for their names."""

    sites: frozenset[str]
    prices: pl.DataFrame
    remarks: pl.DataFrame
    spans: pl.DataFrame
    provenance: pl.DataFrame

    def of_homes(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of the offer with each of its homes."""
        return pl.DataFrame({SITE: sorted(self.sites)}).join(rows.drop(SITE), how="cross").select(rows.columns)


class _Outcome(NamedTuple):
    """Rows that a bucket got, and what of it is damaged; empty for nothing."""

    bucket: int
    counts: MergeCounts
    damaged: str


@dataclass(frozen=True, kw_only=True)
class _Shard:
    lake: BucketLake
    bucket: int
    offers: list[_Offer]
    source: str


def import_prices(
    homes: FleetHomes,
    lake: BucketLake,
    path: Path,
    *,
    quarantine: Path,
    now: datetime,
    area: str | None = None,
    progress: Progress | None = None,
) -> FleetReport:
    """Import a file of spot prices for all homes of its areas.

    Args:
        homes: the fleet's homes.
        lake: its lake.
        path: a tidy file with a column `area`, or prices of one area in any form that is read for a single home.
        quarantine: folder of refused rows.
        now: the present instant, with offset.
        area: price area that a file without that column is of.
        progress: called after every bucket.

    Raises:
        ConfigurationError: the file cannot be read, or it is not known of which area it is.
        DataRefusedError: no area could be imported; the lake is as it was.
    """
    every, refused = _markets(homes)
    named = _areas_of_file(path, every) if area is None else [area]
    markets = {
        market: names
        for market, names in every.items()
        if named is None or any(same_area(name, market.area) for name in named)
    }
    if not markets:
        message = f"no home of the fleet is in {', '.join(named or ['any area'])}"
        raise ConfigurationError(message, "darkstar fleet homes lists them")
    read: dict[_Market, Parsed] = {}
    for market, names in markets.items():
        try:
            parsed = read_prices(path, site=homes[names[0]], area=area, now=now, known=partial(_known, lake, names))
            refuse_if_mostly_bad(parsed, path.name, kept_at="the quarantine")
            read[market] = parsed
        except DataRefusedError as error:
            refused[market.area] = f"{error.message} ({error.hint})" if error.hint else error.message
    if not read:
        name, reason = next(iter(refused.items()))
        raise DataRefusedError(f"no prices could be imported; {name}: {reason}")
    offers = [
        offer
        for market, parsed in read.items()
        for offer in _offers(homes[markets[market][0]], markets[market], parsed, path.name, now)
    ]
    outcomes = map_shards(_import_shard, _shards(homes, lake, offers, path.name), progress=progress)
    counts = summed(outcome.counts for outcome in outcomes)
    rejects = pl.concat([no_rejects(), *(parsed.rejects for parsed in read.values())])
    return FleetReport(
        kind="prices",
        file=path.name,
        homes=sum(len(offer.sites) for offer in offers),
        rows_read=sum(parsed.rows_read for parsed in read.values()),
        rows_rejected=rejects.height,
        quarantine_file=keep_rejects(quarantine, rejects),
        slots_new=counts.new,
        slots_changed=counts.changed,
        slots_unchanged=counts.unchanged,
        refused=refused,
        damaged={outcome.bucket: outcome.damaged for outcome in outcomes if outcome.damaged},
        notes=tuple(dict.fromkeys([*_absent(path.name, every, markets), *(n for p in read.values() for n in p.notes)])),
    )


def _known(lake: BucketLake, names: Sequence[str], days: Sequence[date]) -> pl.DataFrame:
    """Return the stored prices of a market: those of its first home whose bucket is not damaged.

    Raises:
        LakeUnreadableError: the buckets of all its homes are.
    """
    damaged: dict[int, LakeUnreadableError] = {}
    for name in names:
        if (bucket := lake.bucket(name)) in damaged:
            continue
        try:
            return lake.site(name).read_days(RAW_SPOT_PRICES, name, days).select("slot_start", "price")
        except LakeUnreadableError as error:
            damaged[bucket] = error
    raise next(iter(damaged.values()))


def _absent(file: str, every: Iterable[_Market], markets: Iterable[_Market]) -> list[str]:
    """Return a note on the areas of the fleet that a file has no prices of."""
    absent = sorted({market.area for market in every} - {market.area for market in markets})
    return [f"{file} has no prices of {', '.join(absent[:8])}"] if absent else []


def _markets(homes: FleetHomes) -> tuple[dict[_Market, list[str]], dict[str, str]]:
    """Return the names of homes by market, and what is wrong with homes whose market is not known for that."""
    markets: dict[_Market, list[str]] = {}
    wrong: dict[str, str] = {}
    alike = homes.rows.group_by(_WHERE, maintain_order=True).agg(SITE)
    for names in alike[SITE].to_list():
        faults: dict[str, str] = {}
        for number, name in enumerate(names):
            try:
                site = homes[name]
            except ConfigurationError as error:
                faults[name] = error.message
                continue
            others = [*names[:number], *names[number + 1 :]]
            markets.setdefault(_Market(site.area, site.timezone, site.currency), []).extend([name, *others])
            break
        else:
            wrong |= faults
    return markets, wrong


def _areas_of_file(path: Path, markets: Iterable[_Market]) -> list[str] | None:
    """Return the areas that a file names; None where it names none, and all homes are in one.

    Raises:
        ConfigurationError: nobody says whose prices it holds.
        DataRefusedError: it holds readings.
    """
    try:
        rows, _ = read_table(path, (_AREA, SITE, "load_kwh"))
    except DataRefusedError:  # a list of a service
        rows = pl.DataFrame()
    if SITE in rows.columns and "load_kwh" in rows.columns:
        raise DataRefusedError(f"{path.name} holds readings, not prices", "import them with `darkstar fleet readings`")
    if _AREA in rows.columns:
        return [str(name) for name in rows[_AREA].drop_nulls().unique().sort().to_list()]
    areas = sorted({market.area for market in markets})
    if len(areas) > 1:
        message = f"{path.name} has no column {_AREA}, and homes are in {', '.join(areas[:8])}"
        raise ConfigurationError(message, f"say whose prices these are: --area {areas[0]}")
    return None


def _offers(site: SiteSettings, names: list[str], parsed: Parsed, source: str, now: datetime) -> Iterator[_Offer]:
    """Yield what the homes of a market are offered, if anything."""
    said = all_remarks(remarks_on_rejects(parsed.rejects, site.timezone, "price"))
    accepted = with_home(parsed.rows)
    spans = remarked_spans(with_home(said), accepted, site.timezone)
    if spans.is_empty():
        return
    in_table = partial(stored_rows, site_name=ALONE, timezone=site.timezone, source=source, now=now, area=site.area)
    yield _Offer(
        sites=frozenset(names),
        prices=in_table(RAW_SPOT_PRICES, parsed.rows),
        remarks=in_table(IMPORT_REMARKS, said),
        spans=spans,
        provenance=provenance_rows(parsed.read_as, accepted, timezone=site.timezone, source=source, now=now),
    )


def _shards(homes: FleetHomes, lake: BucketLake, offers: list[_Offer], source: str) -> list[_Shard]:
    """Return a shard a bucket, each with the homes of every offer that are in it."""
    buckets = homes.buckets()
    offered = {site: number for number, offer in enumerate(offers) for site in offer.sites}
    members: dict[int, dict[int, list[str]]] = {}
    for site, bucket in buckets.iter_rows():
        if (number := offered.get(site)) is not None:
            members.setdefault(bucket, {}).setdefault(number, []).append(site)
    return [
        _Shard(
            lake=lake,
            bucket=bucket,
            offers=[offers[number]._replace(sites=frozenset(sites)) for number, sites in sorted(parts.items())],
            source=source,
        )
        for bucket, parts in sorted(members.items())
    ]


def _import_shard(shard: _Shard) -> _Outcome:
    """Store the prices of a bucket's homes."""
    offers = shard.offers
    offered = Offered(
        rows=pl.concat([offer.of_homes(offer.prices) for offer in offers]),
        provenance=pl.concat([offer.of_homes(offer.provenance) for offer in offers]),
        remarks=pl.concat([offer.of_homes(offer.remarks) for offer in offers]),
        spans=pl.concat([offer.of_homes(offer.spans) for offer in offers]),
    )
    counts, damaged = merge_bucket(shard.lake, RAW_SPOT_PRICES, shard.bucket, offered, shard.source)
    return _Outcome(shard.bucket, counts, damaged)
