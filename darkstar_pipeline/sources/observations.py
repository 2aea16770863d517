"""Tidy files of meter readings: `slot_start` and kWh per row, on any of five resolutions.

The table of columns and every rule is in `docs/importing.md`. This module opens the file of a home; what becomes of its
rows is in `readings`.
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.meter_exports import read_meter_table
from darkstar_pipeline.sources.parsed import Parsed, raise_refusal
from darkstar_pipeline.sources.readings.homes import MEASURED, ORIGIN, RawReadings, parse_homes
from env.home_rows import ALONE, HOME

_REQUIRED = ("slot_start", "load_kwh")
_HOMES = ("home", "site")
READINGS_COLUMNS = ("slot_start", *MEASURED, *_HOMES, *ORIGIN)
"""Columns of a tidy file that are read where they are there."""


def read_observations(
    file: Path, *, site: SiteSettings, now: datetime, clock: str | None = None, minutes: int | None = None
) -> Parsed:
    """Read a file of meter readings.

    Args:
        file: a tidy Parquet or CSV, either also gzipped, or an export of a maker (`meter_exports`).
        site: its limits distinguish kW from kWh.
        now: the present instant; a later slot is refused.
        clock: zone whose clock stamps without offset show; None refuses them.
        minutes: length of a reading, where the source states it [min]; None tells it by the stamps.

    Returns:
        Rows `[slot_start, <columns of MEASURED that the file has>, native_minutes]`, sorted, one a slot.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: the file as a whole cannot be used; the error says why and what to do.
    """
    meter = None if file.suffix.lower() not in (".csv", ".txt") else read_meter_table(file, site)
    rows, others = read_table(file, READINGS_COLUMNS) if meter is None else (meter.rows, ())
    require_columns(rows, others, file.name)
    _refuse_many_homes(rows, file.name)
    raw = RawReadings(file=file.name, rows=rows, others=others, meter=meter)
    return parse_observations(raw, site=site, now=now, clock=clock, minutes=minutes)


def parse_observations(
    readings: RawReadings, *, site: SiteSettings, now: datetime, clock: str | None = None, minutes: int | None = None
) -> Parsed:
    """Parse the readings of one home; see `read_observations`.

    Raises:
        DataRefusedError: they as a whole cannot be used; the error says why and what to do.
    """
    parsed = parse_homes(readings, {ALONE: site}, site.timezone, now=now, clock=clock, minutes=minutes)
    raise_refusal(parsed.refused)
    return Parsed(
        rows=parsed.rows.drop(HOME),
        rejects=parsed.rejects.drop(HOME),
        rows_read=readings.rows.height,
        notes=tuple(parsed.notes["note"]),
        read_as=parsed.read_as,
        remarks=parsed.remarks.drop(HOME),
    )


def require_columns(raw: pl.DataFrame, others: tuple[str, ...], file: str) -> None:
    """Refuse a file without the columns that every import needs."""
    missing = [name for name in _REQUIRED if name not in raw.columns]
    if missing:
        present = ", ".join([*raw.columns, *others][:12])
        hint = "name the columns slot_start, load_kwh, pv_kwh, ...; for Home Assistant use `darkstar import ha`"
        raise DataRefusedError(f"{file} has no column {' or '.join(missing)}; it has {present}", hint)


def _refuse_many_homes(raw: pl.DataFrame, file: str) -> None:
    """Refuse a file of several homes: their readings would be mixed."""
    for name in _HOMES:
        if name in raw.columns and raw[name].n_unique() > 1:
            homes = [str(home) for home in raw[name].unique().sort().to_list()]
            shown = ", ".join(homes[:6])
            fleet = "; homes of a fleet: `darkstar fleet readings`" if name == "site" else ""
            hint = f"write one file per home, e.g. the rows where {name} = {homes[0]}{fleet}"
            raise DataRefusedError(f"{file} holds {len(homes)} homes ({shown}); an import is of one", hint)
