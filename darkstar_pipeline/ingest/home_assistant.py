"""A Home Assistant export imported into the lake: histories, long-term statistics and price sensors together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.ingest.merge import MergeResult, Progress
from darkstar_pipeline.ingest.provenance import store_provenance
from darkstar_pipeline.ingest.remarks import store_remarks
from darkstar_pipeline.ingest.report import ImportReport, import_report
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.home_assistant.export_reader import UNUSED_NOTE, HomeAssistantData, read_exports
from darkstar_pipeline.sources.home_assistant.formats.exports import Export, read_export
from darkstar_pipeline.sources.home_assistant.statistics import MEANS_ONLY
from darkstar_pipeline.sources.quarantine import keep_rejects, with_refused_readings
from darkstar_pipeline.sources.resampling import split_energy
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES
from env.time_grid import SLOT_MINUTES


def import_home_assistant(
    target: ImportTarget, files: Sequence[Path], *, mapping: Mapping[str, str], now: datetime
) -> ImportReport:
    """Import the files of a Home Assistant export, all at once; see `import_exports`."""
    if not files:
        raise ConfigurationError("no file was named", "darkstar import ha FILE...")
    return import_exports(target, [read_export(file) for file in files], mapping=mapping, now=now)


def import_exports(
    target: ImportTarget,
    exports: Sequence[Export],
    *,
    mapping: Mapping[str, str],
    now: datetime,
    source: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Import what the files of a Home Assistant export hold, or what was fetched from it, all at once.

    Histories become `meter_readings`. Statistics become `meter_statistics` and, where nothing finer is known, hourly
    readings. Prices become `raw_spot_prices`. The report counts readings, or what there is instead.

    Args:
        target: the home and its lake.
        exports: what they hold.
        mapping: what sensors measure where their name does not say, see `read_exports`.
        now: the present instant, with offset.
        source: what the rows came from; by default the names of the exports.
        progress: called after every day of readings that was written.

    Raises:
        ConfigurationError: a file is not there, or the mapping is wrong.
        DataRefusedError: a file or a sensor cannot be used; the lake is as it was.
    """
    files = [export.file for export in exports]
    data = read_exports(exports, site=target.site, mapping=mapping, now=now, known_prices=target.known_prices())
    quarantine_file = keep_rejects(target.quarantine_dir, with_refused_readings(data.rejects, data.remarks, files[0]))
    if all(frame.is_empty() for frame in (data.readings, data.hourly, data.prices, data.statistics)):
        raise _nothing_to_import(files, data)
    source = source or (files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more")
    filled = [result for result in _merge_and_write(target, data, source, now, progress) if result.offered.height]
    slots = pl.concat([frame["slot_start"] for frame in (data.readings, data.hourly, data.prices)])
    if any(result.new or result.changed for result in filled):
        store_provenance(target, data.read_as, slots, source=source, now=now)
    store_remarks(target, data.remarks, slots, source=source, now=now)
    counts = [
        f"{result.table.name}: {result.new} new, {result.changed} changed, {result.unchanged} unchanged"
        for result in filled
    ]
    report = import_report(
        "home_assistant",
        files,
        [result for result in filled if result.table is filled[0].table],
        rows_read=data.rows_read,
        rows_rejected=data.rejects.height,
        quarantine_file=quarantine_file,
        notes=[*(note for note in data.notes if note), *counts],
    )
    return replace(report, understood=data.understood, balance=data.balance)


def _nothing_to_import(files: Sequence[str], data: HomeAssistantData) -> DataRefusedError:
    """Return the error for exports without anything to store: sensors that are not used, or too short a span."""
    names = ", ".join(files)
    if means := [note for note in data.notes if note.startswith(MEANS_ONLY)]:
        hint = "export the history of these sensors, or the statistics of an energy counter"
        return DataRefusedError(f"{names}: nothing to import; {means[0]}", hint)
    if unused := [note for note in data.notes if note.startswith(UNUSED_NOTE)]:
        return DataRefusedError(f"{names}: nothing to import; {unused[0]}", "map it if it is: --map sensor.x=load_kwh")
    return DataRefusedError(f"{names}: no slot is covered whole", "export a longer period")


def _merge_and_write(
    target: ImportTarget, data: HomeAssistantData, source: str, now: datetime, progress: Progress | None
) -> list[MergeResult]:
    """Merge and write each kind of rows; coarser values never replace finer ones."""
    hourly = _on_slots(data.hourly)
    by_hours = pl.col("native_minutes") > SLOT_MINUTES  # the older part of a history download
    return [
        target.store(METER_READINGS, data.readings.filter(~by_hours), source=source, now=now),
        target.store(METER_READINGS, data.readings.filter(by_hours), source=source, now=now, keep_finer=True),
        target.store(METER_READINGS, hourly, source=source, now=now, keep_finer=True, progress=progress),
        target.store(RAW_SPOT_PRICES, data.prices, source=source, now=now, keep_finer=True),
        target.store(METER_STATISTICS, data.statistics, source=source, now=now),
    ]


def _on_slots(hourly: pl.DataFrame) -> pl.DataFrame:
    """Hourly readings split evenly into slots."""
    energy = [name for name in hourly.columns if name not in ("slot_start", "native_minutes")]
    return split_energy(hourly, energy, soc=False)[0] if energy else hourly
