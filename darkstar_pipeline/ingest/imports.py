"""Tidy files of readings, prices and weather, and hourly statistics, imported into the lake of one home.

One importer serves every kind of tidy file; a kind is a row of the table of kinds below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.ingest.merge import Progress
from darkstar_pipeline.ingest.provenance import store_provenance
from darkstar_pipeline.ingest.remarks import store_remarks
from darkstar_pipeline.ingest.report import ImportReport, import_report
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.observations import read_observations
from darkstar_pipeline.sources.parsed import Parsed, refuse_if_mostly_bad
from darkstar_pipeline.sources.prices import read_prices
from darkstar_pipeline.sources.quarantine import keep_rejects
from darkstar_pipeline.sources.remarks import WHOLE_ROW, all_remarks, remarks_on_rejects
from darkstar_pipeline.sources.weather import read_weather
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES, RAW_WEATHER, Table


@dataclass(frozen=True, kw_only=True)
class TidyKind:
    """A kind of tidy file.

    Attributes:
        name: name of the kind in the report.
        table: table that its rows go to.
        quantity: what a refused row of it is a reading of; empty where nobody asks.
        read: reader of a file, given the target, the present instant, a price area (None: the site's own) and the
            zone whose clock stamps without offset show (None refuses them).
    """

    name: str
    table: Table
    quantity: str
    read: Callable[[Path, ImportTarget, datetime, str | None, str | None], Parsed]


OBSERVATIONS = TidyKind(
    name="observations",
    table=METER_READINGS,
    quantity=WHOLE_ROW,
    read=lambda file, target, now, _, clock: read_observations(file, site=target.site, now=now, clock=clock),
)
PRICES = TidyKind(
    name="prices",
    table=RAW_SPOT_PRICES,
    quantity="price",
    read=lambda file, target, now, area, clock: read_prices(
        file, site=target.site, area=area, now=now, known=target.known_prices(), clock=clock
    ),
)
WEATHER = TidyKind(
    name="weather",
    table=RAW_WEATHER,
    quantity="",
    read=lambda file, target, now, _area, _clock: read_weather(file, now=now, panels_kw=target.site.forecast.rated_kw),
)


def import_tidy_file(
    kind: TidyKind,
    target: ImportTarget,
    file: Path,
    *,
    now: datetime,
    area: str | None = None,
    clock: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a tidy file.

    Args:
        kind: what the file holds: `OBSERVATIONS`, `PRICES` or `WEATHER`.
        target: the home and its lake.
        file: Parquet or CSV, either also gzipped.
        now: the present instant, with offset.
        area: price area that the person named; None is the site's own. Of prices only.
        clock: zone whose clock stamps without offset show; None refuses them. Of readings and prices.
        progress: called after every day that was written.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole was refused; the lake is as it was.
    """
    parsed = kind.read(file, target, now, area, clock)
    return import_parsed(kind, target, parsed, source=file.name, now=now, progress=progress)


def import_parsed(
    kind: TidyKind,
    target: ImportTarget,
    parsed: Parsed,
    *,
    source: str,
    now: datetime,
    keep_finer: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import what was read of a file or an answer: keep what was refused, store the rest with its provenance.

    Args:
        kind: what it holds.
        target: the home and its lake.
        parsed: what was read.
        source: file or service that it came from.
        now: the present instant, with offset.
        keep_finer: leave an hour as it is where the lake has a value of it at a finer resolution.
        progress: called after every day that was written.

    Raises:
        DataRefusedError: most rows were refused; the lake is as it was.
    """
    quarantine_file = keep_rejects(target.quarantine_dir, parsed.rejects)
    refuse_if_mostly_bad(parsed, source, kept_at=str(quarantine_file))
    merged = target.store(kind.table, parsed.rows, source=source, now=now, keep_finer=keep_finer, progress=progress)
    if merged.new or merged.changed:
        store_provenance(target, parsed.read_as, parsed.rows["slot_start"], source=source, now=now)
    if kind.quantity:
        remarks = all_remarks(
            [parsed.remarks, *remarks_on_rejects(parsed.rejects, target.site.timezone, kind.quantity)]
        )
        store_remarks(target, remarks, parsed.rows["slot_start"], source=source, now=now)
    return import_report(
        kind.name,
        [source],
        [merged],
        rows_read=parsed.rows_read,
        rows_rejected=parsed.rejects.height,
        quarantine_file=quarantine_file,
        notes=parsed.notes,
    )


def import_statistics(target: ImportTarget, hours: pl.DataFrame, *, source: str, now: datetime) -> ImportReport:
    """Import an independent hourly series into `meter_statistics`.

    Args:
        target: the home and its lake.
        hours: `hour_start`, `quantity`, `energy_kwh` [kWh]; rows without an energy are left out.
        source: file or service that the series came from.
        now: the present instant, with offset.
    """
    known = hours.filter(pl.col("energy_kwh").is_not_null())
    merged = target.store(METER_STATISTICS, known, source=source, now=now)
    return import_report("statistics", [source], [merged], rows_read=hours.height)
