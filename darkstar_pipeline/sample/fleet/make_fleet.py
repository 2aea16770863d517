"""A synthetic fleet made whole: its section of `darkstar.yaml`, its homes, and the readings and prices of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import yaml

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.ingest.fleet.homes import HomesImport, import_homes
from darkstar_pipeline.sample.fleet.areas import AREAS, TARIFFS, SampleArea, charging_name, fleet_section
from darkstar_pipeline.sample.fleet.homes import sample_homes
from darkstar_pipeline.sample.fleet.series import area_prices, area_slots, home_series
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, Table
from env.time_grid import SLOT_MINUTES

SOURCE = "synthetic fleet"
FIRST_DAY = date(2026, 3, 24)
"""Eight days from here on hold the spring clock change."""


@dataclass(frozen=True, kw_only=True)
class FleetRecipe:
    """The ingredients of a synthetic fleet; the same recipe gives the same bytes.

    Attributes:
        homes: number of homes.
        days: number of local days.
        seed: another one gives other homes.
        first: first local day.
        charged_share: share of the homes that pay for power.
    """

    homes: int
    days: int
    seed: int = 0
    first: date = FIRST_DAY
    charged_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SampleFleet:
    """A fleet that was made.

    Attributes:
        homes: the import of its homes.
        first: first local day.
        last: last local day.
        buckets: number of buckets that were written.
        readings: rows of readings that were written.
        prices: rows of prices that were written.
        negative_prices: share of slots whose price is below zero.
    """

    homes: HomesImport
    first: date
    last: date
    buckets: int
    readings: int
    prices: int
    negative_prices: float


def make_fleet(
    recipe: FleetRecipe,
    config: Path,
    home: Path,
    *,
    quarantine: Path,
    progress: Callable[[int, int], None] | None = None,
) -> SampleFleet:
    """Make a synthetic fleet.

    Args:
        recipe: what it is made of.
        config: the configuration; its section `fleet` is added where there is none.
        home: the state folder.
        quarantine: folder of refused rows.
        progress: called after every bucket.

    Raises:
        ConfigurationError: the configuration has a fleet of its own, or cannot be added to.
    """
    settings = _settings_with_fleet(config, recipe)
    rows = sample_homes(recipe.homes, recipe.seed, charged_share=recipe.charged_share)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "homes.parquet"
        rows.write_parquet(file)
        imported = import_homes(settings, home, file, quarantine=quarantine)
    fleet, everyone = fleet_of(settings), open_homes(settings, home)
    lake = fleet_lake(fleet, home)
    dates = [recipe.first + timedelta(days=number) for number in range(recipe.days)]
    places = [_Place(area, recipe) for area in AREAS]
    counts = {METER_READINGS.name: 0, RAW_SPOT_PRICES.name: 0}
    for bucket in range(fleet.buckets):
        members = everyone.in_bucket(bucket).rows.join(rows.select("site"), on="site", how="semi")
        for table, made in _bucket_rows(places, members).items():
            written = lake.replace_sites(table, bucket, dates, made, members["site"].to_list())
            counts[table.name] += sum(written.values())
        if progress is not None:
            progress(bucket + 1, fleet.buckets)
    prices = pl.concat([place.prices["price"] for place in places])
    return SampleFleet(
        homes=imported,
        first=recipe.first,
        last=dates[-1],
        buckets=fleet.buckets,
        readings=counts[METER_READINGS.name],
        prices=counts[RAW_SPOT_PRICES.name],
        negative_prices=float((prices < 0).sum()) / len(prices),
    )


class _Place:
    """An area with its slots and prices, which are the same for all its homes."""

    def __init__(self, area: SampleArea, recipe: FleetRecipe) -> None:
        self.area, self.seed = area, recipe.seed
        self.slots = area_slots(area, recipe.first, recipe.days)
        known = datetime.combine(recipe.first + timedelta(days=recipe.days), time(), tzinfo=UTC)
        self.common = self.slots.select(
            "slot_start",
            "local_day",
            pl.lit(SLOT_MINUTES).alias("native_minutes"),
            pl.lit(SOURCE).alias("source"),
            pl.lit(known).alias("imported_at"),
        )
        price = pl.Series("price", area_prices(area, self.slots, recipe.seed))
        self.prices = self.common.with_columns(price, pl.lit(area.name).alias("area"))


def _bucket_rows(places: list[_Place], members: pl.DataFrame) -> dict[Table, pl.DataFrame]:
    """Return the readings and prices of a bucket's homes."""
    readings, prices = [pl.DataFrame(schema=METER_READINGS.schema)], [pl.DataFrame(schema=RAW_SPOT_PRICES.schema)]
    for place in places:
        own = members.filter(pl.col("area") == place.area.name)
        if own.is_empty():
            continue
        sites = own.select(pl.col("site").repeat_by(place.slots.height).explode())
        load, pv = home_series(place.area, place.slots, own, place.seed)
        measured = sites.with_columns(pl.Series("load_kwh", load.ravel()), pl.Series("pv_kwh", pv.ravel()))
        readings.append(_conformed(METER_READINGS, measured.hstack(pl.concat([place.common] * own.height))))
        prices.append(_conformed(RAW_SPOT_PRICES, sites.hstack(pl.concat([place.prices] * own.height))))
    return {METER_READINGS: pl.concat(readings), RAW_SPOT_PRICES: pl.concat(prices)}


def _conformed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in a table's columns; what was not measured is null."""
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in rows.columns]
    return rows.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())


def _settings_with_fleet(config: Path, recipe: FleetRecipe) -> Settings:
    """Return the configuration with a section `fleet` that has the tariffs of the synthetic homes.

    Raises:
        ConfigurationError: it has another fleet, or cannot be added to.
    """
    settings = load_settings(config) if config.exists() else Settings()
    charging = recipe.charged_share > 0
    if settings.fleet is None:
        text = config.read_text(encoding="utf-8") if config.exists() else ""
        fleet = fleet_section(recipe.homes, charging=charging)
        section = yaml.safe_dump({"fleet": fleet}, sort_keys=False, allow_unicode=True)
        with atomic_write(config) as temporary:
            temporary.write_text(f"{text.rstrip()}\n\n{section}".lstrip(), encoding="utf-8")
        settings = load_settings(config)
    wanted = {*TARIFFS, *(map(charging_name, TARIFFS) if charging else ())}
    if missing := sorted(wanted - set(fleet_of(settings).tariffs)):
        message = f"the fleet of {config} has no tariff {missing[0]}, which the homes of the sample have"
        raise ConfigurationError(message, "make the sample with a configuration of its own: DARKSTAR_CONFIG=fleet.yaml")
    return settings
