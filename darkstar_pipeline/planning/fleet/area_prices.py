"""The spot prices of a fleet's areas, read once for all of their homes, and what a forecast has learned from them.

Prices of the last weeks are read in every round. Older ones are kept beside the fleet's tables, as one object a market:
they are read again as a month begins, and days that had no price as a day begins.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.datasets.price_forecaster import LEARNED_DAYS
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.checksums import parquet_bytes
from darkstar_pipeline.warehouse.day_files import UNREADABLE, decoded
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES, Table
from env.time_grid import SLOT_DTYPE, local_day, zone
from planner.forecasts.price_forecast import NEEDED_DAYS, PriceFit, PriceForecaster

PAST_PRICES = "past_prices"
_AREA_COLUMNS = ["area", "currency", "timezone"]
_READ_ON = "read_on"
_KEPT = pl.Schema({"slot_start": SLOT_DTYPE, "price": pl.Float64()})
_DAYS_AT_ONCE = 28  # of a bucket of 500 homes: 1.3 million rows
_log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class Market:
    """Traits that homes have to agree in to pay the same spot prices."""

    area: str
    currency: str
    timezone: str

    @classmethod
    def of(cls, home: SiteSettings) -> "Market":
        """Return the market of a home."""
        return cls(home.area, home.currency, home.timezone)

    @property
    def key(self) -> str:
        """Return the key of the object of its prices: names of areas may hold what keys may not."""
        return f"{PAST_PRICES}/market={blake2b(repr(self).encode(), digest_size=8).hexdigest()}/prices.parquet"


@dataclass(frozen=True, eq=False)
class AreaPrices:
    """The prices of a market before today, as far as a forecast needs them.

    Attributes:
        recent: `slot_start, price` of the last days before today.
        fits: weights of the forecast of the next day, by first day of their month.
    """

    recent: pl.DataFrame
    fits: Mapping[date, PriceFit]

    def forecaster(self, published: pl.DataFrame, timezone: str) -> PriceForecaster:
        """Return the forecaster of the day after the last published one.

        Args:
            published: `slot_start, price` from today's midnight to the last published slot.
            timezone: of the market.
        """
        return PriceForecaster(pl.concat([self.recent, published.select(self.recent.columns)]), timezone, self.fits)


def area_prices(
    lake: BucketLake, homes: FleetHomes, at: datetime, *, site: str | None = None
) -> dict[Market, AreaPrices]:
    """Return the prices of the markets of homes; a market whose prices cannot be read has none, which is logged.

    Of each market the homes of one bucket tell the prices, which all of its homes pay: of the largest that has any.

    Args:
        lake: the fleet's tables.
        homes: all homes of the fleet.
        at: the moment.
        site: the only home whose market is wanted; None wants all.

    Raises:
        OutsideServiceError: the store failed.
    """
    found: dict[Market, AreaPrices] = {}
    for market, (bucket, sites) in _markets(homes, site).items():
        try:
            found[market] = _MarketPrices(lake, market, bucket, sites, at).learned()
        except LakeUnreadableError as error:  # a price of years ago must leave no home without a plan
            _log.warning("prices of the day after the published ones are not forecast: %s", error.message)
    return found


def _markets(homes: FleetHomes, site: str | None) -> dict[Market, tuple[int, list[str]]]:
    """Return of each market a bucket and its homes there."""
    placed = homes.rows.select("site", *_AREA_COLUMNS).join(homes.buckets(), on="site", maintain_order="left")
    alike = placed.group_by(_AREA_COLUMNS, maintain_order=True).agg("site", "bucket")
    members: dict[Market, list[tuple[str, int]]] = {}
    for row in alike.iter_rows(named=True):
        market = _market(homes, row["site"])
        if market is not None:
            members.setdefault(market, []).extend(zip(row["site"], row["bucket"], strict=True))
    sizes = dict(placed.group_by("bucket").len().iter_rows())
    wanted = members if site is None else {market for market in members if market == _market(homes, [site])}
    found: dict[Market, tuple[int, list[str]]] = {}
    for market in sorted(wanted):
        bucket = min({bucket for _, bucket in members[market]}, key=lambda each: (-sizes[each], each))
        found[market] = bucket, sorted(name for name, own in members[market] if own == bucket)
    return found


def _market(homes: FleetHomes, sites: Sequence[str]) -> Market | None:
    """Return the market of homes whose rows agree in it; None where the settings of all are wrong."""
    for site in sites:
        try:
            return Market.of(homes[site])
        except ConfigurationError:
            continue
    return None


@dataclass(frozen=True)
class _MarketPrices:
    """The prices of a market, as the homes of a bucket have them.

    Attributes:
        lake: the fleet's tables.
        market: the market.
        bucket: the bucket.
        sites: its homes there.
        at: the moment.
    """

    lake: BucketLake
    market: Market
    bucket: int
    sites: Sequence[str]
    at: datetime

    def learned(self) -> AreaPrices:
        """Return its prices before today, and the weights for the months of today and tomorrow."""
        today = self.at.astimezone(zone(self.market.timezone)).date()
        since, tomorrow = today - timedelta(days=NEEDED_DAYS), today + timedelta(days=1)
        days = sorted({day for table in (SPOT_PRICES, RAW_SPOT_PRICES) for day in self.lake.table_days(table)})
        old = self._older([day for day in days if today - timedelta(days=LEARNED_DAYS) <= day < since], today)
        recent = self._read([day for day in days if since <= day < today])
        known = pl.concat([old, recent, self._read([today])])
        forecaster = PriceForecaster(known, self.market.timezone)
        fits = {month: forecaster.fit(month) for month in {today.replace(day=1), tomorrow.replace(day=1)}}
        return AreaPrices(recent, {month: fit for month, fit in fits.items() if fit is not None})

    def _older(self, days: Sequence[date], today: date) -> pl.DataFrame:
        """Return the prices of days: those that are kept, and those that came today or were never looked at.

        A plan of another moment (`--at`) may have kept them last: a later month is another month too.
        """
        kept, read_on = self._kept()
        if read_on.replace(day=1) != today.replace(day=1):
            kept = kept.clear()
        if read_on != today:
            missing = set(days) - {*kept.select(local_day(self.market.timezone))["local_day"]}
            kept = pl.concat([kept, self._read(sorted(missing))]).sort("slot_start")
            self.lake.store.put(self.market.key, parquet_bytes(kept, metadata={_READ_ON: today.isoformat()}))
        own = kept.select(local_day(self.market.timezone)).to_series().is_in(list(days))
        return kept.filter(own)

    def _kept(self) -> tuple[pl.DataFrame, date]:
        """Return the prices that are kept, and the day on which they were read; nothing where they are damaged."""
        stored, nothing = self.lake.store.get(self.market.key), (pl.DataFrame(schema=_KEPT), date.min)
        if stored is None:
            return nothing
        try:
            rows = decoded([stored.data]).select(_KEPT.names())
            return rows, date.fromisoformat(pl.read_parquet_metadata(stored.data)[_READ_ON])
        except (*UNREADABLE, KeyError) as error:
            _log.warning("%s is damaged and made anew: %s", self.lake.name(self.market.key), error)
            return nothing

    def _read(self, days: Sequence[date]) -> pl.DataFrame:
        """Return `slot_start, price` of days: as repaired, and as imported where that was not done."""
        frames: list[pl.DataFrame] = []
        for begin in range(0, len(days), _DAYS_AT_ONCE):
            part = days[begin : begin + _DAYS_AT_ONCE]
            repaired = self._of_one_home(SPOT_PRICES, part)
            raw = self._of_one_home(RAW_SPOT_PRICES, sorted(set(part) - {*repaired["local_day"]}))
            frames += [repaired, raw]
        rows = pl.concat([pl.DataFrame(schema={"local_day": pl.Date(), **_KEPT}), *frames])
        return rows.sort("slot_start").select(_KEPT.names())

    def _of_one_home(self, table: Table, days: Sequence[date]) -> pl.DataFrame:
        """Return of each day the prices of the home that has most of them, the first by name among equals."""
        rows = self.lake.read_days(table, self.bucket, days, sites=self.sites)
        known = rows.with_columns(n_slots=pl.col("price").is_not_nan().sum().over("local_day", "site"))
        first = known.sort("local_day", "n_slots", "site", descending=[False, True, False])
        chosen = first.group_by("local_day", maintain_order=True).agg(pl.col("site").first())
        own = rows.join(chosen, on=["local_day", "site"], how="semi")
        return own.select("local_day", pl.col("slot_start").cast(SLOT_DTYPE), pl.col("price").cast(pl.Float64))
