"""Imports: what the readers of `sources` accepted, merged into the lake slot by slot.

A new value replaces an old one, a missing new value leaves it; only days in which something changes are written, so a
repeated import leaves every byte as it was. All parsing and refusing happens before the first write. What does not
belong here: reading files (`sources`), judging days (`quality`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.sources.home_assistant.export_reader import UNUSED_NOTE, HomeAssistantData, read_home_assistant
from darkstar_pipeline.sources.observations import MEASURED, read_observations
from darkstar_pipeline.sources.parsed import Parsed, no_rejects, refuse_if_mostly_bad
from darkstar_pipeline.sources.prices import KnownSlots, read_prices
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.resampling import split_energy
from darkstar_pipeline.sources.weather import read_weather
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import (
    METER_READINGS,
    METER_STATISTICS,
    OUTLOOK_COLUMNS,
    RAW_SPOT_PRICES,
    RAW_WEATHER,
    Table,
)
from env.time_grid import local_day

Progress = Callable[[int, int], None]
"""Called with the days written so far and the days to write."""
_NEW, _CHANGED, _OLD = "_new", "_changed", "_old"


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did.

    Attributes:
        kind: observations, prices, weather, home_assistant or statistics.
        files: what was read.
        rows_read: data rows in them.
        rows_accepted: rows that were not refused.
        rows_rejected: rows that were refused, each with its reason in `quarantine_file`.
        quarantine_file: where the refused rows are; None where there are none.
        slots_new: slots that had no row in the lake.
        slots_changed: slots of which a value changed.
        slots_unchanged: slots that said what the lake said already.
        first_slot: first slot accepted; None where none was.
        last_slot: last slot accepted.
        days: local days that the accepted slots fall on.
        notes: what a person should know.
    """

    kind: str
    files: tuple[str, ...]
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    quarantine_file: Path | None
    slots_new: int
    slots_changed: int
    slots_unchanged: int
    first_slot: datetime | None
    last_slot: datetime | None
    days: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Merged:
    """New rows laid over the lake's: the rows of the days to write, and the counts."""

    table: Table
    rows: pl.DataFrame
    new: int
    changed: int
    unchanged: int

    def write(self, lake: Lake, site_name: str, progress: Progress | None = None) -> None:
        """Replace the days that changed."""
        days: list[date] = self.rows[self.table.day_column].unique().sort().to_list()
        groups = self.rows.partition_by(self.table.day_column, as_dict=True)
        for done, day in enumerate(days, start=1):
            lake.write_day(self.table, site_name, day, groups[(day,)])
            if progress is not None:
                progress(done, len(days))


def merge(lake: Lake, table: Table, site_name: str, new: pl.DataFrame, *, only_finer: bool = False) -> Merged:
    """Lay new rows over what the lake has, without writing.

    Args:
        lake: the lake.
        table: a table with `source` and `imported_at`.
        site_name: the home.
        new: rows of the table, one per key.
        only_finer: leave hours of which the lake has a value at a finer resolution as they are.
    """
    days = new[table.day_column]
    first, last = days.min(), days.max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return Merged(table=table, rows=new, new=0, changed=0, unchanged=0)
    old = lake.read(table, site_name, first, last)
    key = ["site", *table.key]
    values = [name for name in (*MEASURED, *OUTLOOK_COLUMNS, "price", "energy_kwh") if name in table.schema]
    about = [name for name in table.schema if name not in (*key, *values)]
    joined = old.with_columns(pl.lit(value=True).alias(_OLD)).join(
        new, on=key, how="full", coalesce=True, suffix="_right"
    )
    offered = [_offer(name, only_finer=only_finer).alias(f"{name}_right") for name in values]
    laid = joined.with_columns(offered).with_columns(
        (pl.col(_OLD).is_null()).alias(_NEW),
        pl.any_horizontal(_differs(name) for name in values).alias(_CHANGED),
    )
    touched = pl.col(_NEW) | pl.col(_CHANGED)
    if only_finer and "native_minutes" in about:  # a row keeps the finest resolution among its values
        laid = laid.with_columns(
            pl.min_horizontal("native_minutes", "native_minutes_right").alias("native_minutes_right")
        )
    merged = laid.with_columns(
        *(pl.coalesce(f"{name}_right", name).alias(name) for name in values),
        *(pl.when(touched).then(f"{name}_right").otherwise(name).alias(name) for name in about),
    )
    rows = merged.filter(touched.any().over(table.day_column)).select(table.schema.names())
    count_new, count_changed = int(laid[_NEW].sum()), int((laid[_CHANGED] & ~laid[_NEW]).sum())
    unchanged = new.height - count_new - count_changed
    return Merged(table=table, rows=rows, new=count_new, changed=count_changed, unchanged=unchanged)


def _differs(name: str) -> pl.Expr:
    """Whether a value is offered that is not what the lake has."""
    return pl.col(f"{name}_right").is_not_null() & pl.col(f"{name}_right").ne_missing(pl.col(name))


def _offer(name: str, *, only_finer: bool) -> pl.Expr:
    """The new value, unless it would replace a finer one."""
    offered = pl.col(f"{name}_right")
    if not only_finer:
        return offered
    finer = pl.col(name).is_not_null() & (pl.col("native_minutes") < pl.col("native_minutes_right"))
    # Of an hour that was read finer in part, nothing is made up: its even split is not what the missing slot held.
    finer_in_hour = finer.fill_null(value=False).any().over(pl.col("slot_start").dt.truncate("1h"))
    return pl.when(~finer_in_hour).then(offered)


def reading_rows(site_name: str, timezone: str, rows: pl.DataFrame, *, source: str, now: datetime) -> pl.DataFrame:
    """Rows of `meter_readings` from accepted slots; columns that were not read are null."""
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in MEASURED if name not in rows.columns]
    return _stored(METER_READINGS, site_name, timezone, rows.with_columns(absent), source=source, now=now)


def price_rows(site_name: str, site: SiteSettings, rows: pl.DataFrame, *, source: str, now: datetime) -> pl.DataFrame:
    """Rows of `raw_spot_prices` from accepted slots."""
    placed = rows.with_columns(pl.lit(site.area).alias("area"))
    return _stored(RAW_SPOT_PRICES, site_name, site.timezone, placed, source=source, now=now)


def _stored(
    table: Table, site_name: str, timezone: str, rows: pl.DataFrame, *, source: str, now: datetime
) -> pl.DataFrame:
    """Add what every stored row carries, in the table's columns."""
    return rows.with_columns(
        pl.lit(site_name).alias("site"),
        local_day(timezone, table.key[0]),
        pl.lit(source).alias("source"),
        pl.lit(now.astimezone(UTC)).alias("imported_at"),
    ).select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())


def _report(
    kind: str, files: Sequence[str], parsed: Parsed, kept: Path | None, merged: Merged, rows: pl.DataFrame
) -> ImportReport:
    """The report of an import into one table."""
    instants = rows[merged.table.key[0]]
    first, last = _utc(instants.min()), _utc(instants.max())
    return ImportReport(
        kind=kind,
        files=tuple(files),
        rows_read=parsed.rows_read,
        rows_accepted=parsed.rows_read - parsed.rejects.height,
        rows_rejected=parsed.rejects.height,
        quarantine_file=kept,
        slots_new=merged.new,
        slots_changed=merged.changed,
        slots_unchanged=merged.unchanged,
        first_slot=first,
        last_slot=last,
        days=rows[merged.table.day_column].n_unique(),
        notes=parsed.notes,
    )


def _utc(instant: object) -> datetime | None:
    """An instant that Polars types as anything; None where there is none."""
    return instant.astimezone(UTC) if isinstance(instant, datetime) else None


def _kept(quarantine_dir: Path, parsed: Parsed, file: str) -> Path | None:
    """Keep the refused rows, then refuse the file if most of its rows are among them."""
    kept = keep_rejects(quarantine_dir, parsed.rejects)
    refuse_if_mostly_bad(parsed, file, kept_at=str(kept))
    return kept


def import_observations(
    lake: Lake,
    quarantine_dir: Path,
    site_name: str,
    site: SiteSettings,
    file: Path,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a tidy file of meter readings into `meter_readings`.

    Args:
        lake: the lake.
        quarantine_dir: folder of refused rows.
        site_name: the home.
        site: its settings.
        file: Parquet or CSV, either also gzipped.
        now: the present instant, with offset.
        progress: told after every day written.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole was refused; the lake is as it was.
    """
    parsed = read_observations(file, site=site, now=now)
    kept = _kept(quarantine_dir, parsed, file.name)
    rows = reading_rows(site_name, site.timezone, parsed.rows, source=file.name, now=now)
    merged = merge(lake, METER_READINGS, site_name, rows)
    merged.write(lake, site_name, progress)
    return _report("observations", [file.name], parsed, kept, merged, rows)


def import_prices(  # noqa: PLR0913 - the contract's words plus the area, all but five by keyword
    lake: Lake,
    quarantine_dir: Path,
    site_name: str,
    site: SiteSettings,
    file: Path,
    *,
    area: str | None,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a tidy file of spot prices into `raw_spot_prices`.

    Args:
        lake: the lake.
        quarantine_dir: folder of refused rows.
        site_name: the home.
        site: its settings; its area and currency must be the file's.
        file: Parquet or CSV, either also gzipped.
        area: price area asked for; None is the site's.
        now: the present instant, with offset.
        progress: told after every day written.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole was refused; the lake is as it was.
    """
    parsed = read_prices(file, site=site, area=area, now=now, known=_known_prices(lake, site_name))
    kept = _kept(quarantine_dir, parsed, file.name)
    rows = price_rows(site_name, site, parsed.rows, source=file.name, now=now)
    merged = merge(lake, RAW_SPOT_PRICES, site_name, rows)
    merged.write(lake, site_name, progress)
    return _report("prices", [file.name], parsed, kept, merged, rows)


def _known_prices(lake: Lake, site_name: str) -> KnownSlots:
    """Gives the slots of some days that the lake has a price for."""

    def known(days: Sequence[date]) -> pl.Series:
        paths = [lake.path(RAW_SPOT_PRICES, site_name, day) for day in days]
        return lake.read_paths(RAW_SPOT_PRICES, [path for path in paths if path.exists()])["slot_start"]

    return known


def import_weather(
    lake: Lake,
    quarantine_dir: Path,
    site_name: str,
    site: SiteSettings,
    file: Path,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a tidy file of weather, or of what else is said about slots ahead, into `raw_weather`.

    Args:
        lake: the lake.
        quarantine_dir: folder of refused rows.
        site_name: the home.
        site: its settings.
        file: Parquet or CSV, either also gzipped.
        now: the present instant, with offset.
        progress: told after every day written.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole was refused; the lake is as it was.
    """
    parsed = read_weather(file, now=now)
    kept = _kept(quarantine_dir, parsed, file.name)
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in OUTLOOK_COLUMNS if name not in parsed.rows.columns]
    rows = _stored(RAW_WEATHER, site_name, site.timezone, parsed.rows.with_columns(absent), source=file.name, now=now)
    merged = merge(lake, RAW_WEATHER, site_name, rows)
    merged.write(lake, site_name, progress)
    return _report("weather", [file.name], parsed, kept, merged, rows)


def import_home_assistant(
    lake: Lake,
    quarantine_dir: Path,
    site_name: str,
    site: SiteSettings,
    files: Sequence[Path],
    *,
    mapping: Mapping[str, str],
    now: datetime,
) -> ImportReport:
    """Import a Home Assistant export: histories, long-term statistics and price sensors, all files at once.

    Histories become `meter_readings`; statistics become `meter_statistics` and, where nothing finer is known, hourly
    readings; prices become `raw_spot_prices`. The report counts readings, or what there is instead.

    Args:
        lake: the lake.
        quarantine_dir: folder of refused rows.
        site_name: the home.
        site: its settings.
        files: the exports.
        mapping: what sensors measure where their name does not tell, see `read_home_assistant`.
        now: the present instant, with offset.

    Raises:
        ConfigurationError: a file is not there, or the mapping is wrong.
        DataRefusedError: a file or a sensor cannot be used; the lake is as it was.
    """
    if not files:
        raise ConfigurationError("no file was named", "darkstar import ha FILE...")
    data = read_home_assistant(files, site=site, mapping=mapping, now=now, known_prices=_known_prices(lake, site_name))
    kept = keep_rejects(quarantine_dir, data.rejects)
    if all(frame.is_empty() for frame in (data.readings, data.hourly, data.prices, data.statistics)):
        raise _nothing_found(files, data)
    source = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    done = _write_all(lake, site_name, site, data, source=source, now=now)
    return _summed(data, done, tuple(file.name for file in files), kept)


def _nothing_found(files: Sequence[Path], data: HomeAssistantData) -> DataRefusedError:
    """The error for exports without anything to store: sensors that are not used, or too short a span."""
    names = ", ".join(file.name for file in files)
    if unused := [note for note in data.notes if note.startswith(UNUSED_NOTE)]:
        return DataRefusedError(f"{names}: nothing to import; {unused[0]}", "map it if it is: --map sensor.x=load_kwh")
    return DataRefusedError(f"{names}: no slot is covered whole", "export a longer period")


def _write_all(
    lake: Lake, site_name: str, site: SiteSettings, data: HomeAssistantData, *, source: str, now: datetime
) -> list[tuple[Merged, pl.DataFrame]]:
    """Merge and write each kind of rows; coarser values never replace finer ones."""
    fine = reading_rows(site_name, site.timezone, data.readings, source=source, now=now)
    hourly = reading_rows(site_name, site.timezone, _on_slots(data.hourly), source=source, now=now)
    prices = price_rows(site_name, site, data.prices, source=source, now=now)
    statistics = _stored(METER_STATISTICS, site_name, site.timezone, data.statistics, source=source, now=now)
    done: list[tuple[Merged, pl.DataFrame]] = []
    for table, rows, only_finer in (
        (METER_READINGS, fine, False),
        (METER_READINGS, hourly, True),
        (RAW_SPOT_PRICES, prices, True),
        (METER_STATISTICS, statistics, False),
    ):
        merged = merge(lake, table, site_name, rows, only_finer=only_finer)
        merged.write(lake, site_name)
        done.append((merged, rows))
    return done


def _on_slots(hourly: pl.DataFrame) -> pl.DataFrame:
    """Hourly readings split evenly into slots."""
    energy = [name for name in hourly.columns if name not in ("slot_start", "native_minutes")]
    return split_energy(hourly, energy, soc=False)[0] if energy else hourly


def _summed(
    data: HomeAssistantData, done: Sequence[tuple[Merged, pl.DataFrame]], files: tuple[str, ...], kept: Path | None
) -> ImportReport:
    """One report of an import into several tables."""
    filled = [(merged, rows) for merged, rows in done if rows.height]
    main = [entry for entry in filled if entry[0].table is filled[0][0].table]
    notes = [
        f"{merged.table.name}: {merged.new} new, {merged.changed} changed, {merged.unchanged} unchanged"
        for merged, _ in filled
    ]
    instants = pl.concat([rows[merged.table.key[0]] for merged, rows in main])
    days = pl.concat([rows[merged.table.day_column] for merged, rows in main])
    return ImportReport(
        kind="home_assistant",
        files=files,
        rows_read=data.rows_read,
        rows_accepted=data.rows_read - data.rejects.height,
        rows_rejected=data.rejects.height,
        quarantine_file=kept,
        slots_new=sum(merged.new for merged, _ in main),
        slots_changed=sum(merged.changed for merged, _ in main),
        slots_unchanged=sum(merged.unchanged for merged, _ in main),
        first_slot=_utc(instants.min()),
        last_slot=_utc(instants.max()),
        days=days.n_unique(),
        notes=(*(note for note in data.notes if note), *notes),
    )


def store_statistics(
    lake: Lake, site_name: str, timezone: str, frame: pl.DataFrame, *, source: str, now: datetime
) -> ImportReport:
    """Store an independent hourly series in `meter_statistics`.

    Args:
        lake: the lake.
        site_name: the home.
        timezone: of the local days.
        frame: `hour_start`, `quantity`, `energy_kwh` [kWh]; null energies are left out.
        source: where the series came from.
        now: the present instant, with offset.
    """
    there = frame.filter(pl.col("energy_kwh").is_not_null())
    rows = _stored(METER_STATISTICS, site_name, timezone, there, source=source, now=now)
    merged = merge(lake, METER_STATISTICS, site_name, rows)
    merged.write(lake, site_name)
    parsed = Parsed(rows=rows, rejects=no_rejects(), rows_read=frame.height)
    return _report("statistics", [source], parsed, None, merged, rows)
