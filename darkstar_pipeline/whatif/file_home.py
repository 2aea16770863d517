"""A home of a file of readings and a price area alone, in a state folder that lasts as long as the question.

Files go the road of every import, days are repaired and graded as a backfill does; nobody's own state is touched.
"""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from darkstar_pipeline.config.settings import Settings, config_path
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.fetching.prices.fetch import fetch_prices
from darkstar_pipeline.fetching.prices.session import price_sources
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.quality.day_quality import grade_days
from darkstar_pipeline.quality.price_repair import near_zero, repair_prices
from darkstar_pipeline.sources.files import read_table
from darkstar_pipeline.sources.meter_exports import read_meter_table
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    IMPORT_REMARKS,
    METER_READINGS,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    SLOT_OBSERVATIONS,
    SPOT_PRICES,
)
from darkstar_pipeline.whatif.changed_context import stored_prices
from env.time_grid import days_between, grid
from planner.wording.messages import joined, phrase

SITE = "home"
_GRID = ("import_kwh", "export_kwh")
_WANTED = ("slot_start", "load_kwh", "pv_kwh", *_GRID)


@dataclass(frozen=True, kw_only=True)
class FileHome:
    """A home of a file.

    Attributes:
        context: its settings, and the folder that its state is in.
        first: first local day of the file.
        last: last local day of it.
        notes: what was understood of the files, and what was refused.
    """

    context: Context
    first: date
    last: date
    notes: tuple[str, ...]


@contextmanager
def file_home(
    readings: Path, area: str, *, prices: Path | None = None, clock: str = "none", lender: Context | None = None
) -> Generator[FileHome]:
    """Open a home of a file of readings, everything else as a new site of that price area has it.

    Args:
        readings: load and PV, or import and export, as `darkstar import observations` reads them.
        area: price area.
        prices: file of spot prices; None takes those of a configured site of the area, else fetches them.
        clock: whose clock stamps without offset show: `none` refuses them, `local` or `utc`.
        lender: context of a configured site of that area, whose prices may be read; None for none.

    Raises:
        ConfigurationError: the area is unknown, or a file is not there.
        DataRefusedError: a file cannot be used.
        DataMissingError: there are no prices of these days.
    """
    with tempfile.TemporaryDirectory(prefix="darkstar-whatif-") as folder:
        context = open_context(settings=_settings(area), home=Path(folder))
        zone = {"local": context.timezone, "utc": "UTC"}.get(clock)
        now, target = datetime.now(UTC), ImportTarget.of(context)
        file, notes = _with_load(readings, context, Path(folder))
        report = import_tidy_file(OBSERVATIONS, target, file, now=now, clock=zone)
        days = context.lake.days(METER_READINGS, SITE)
        if not days:
            raise DataMissingError(
                f"{readings.name} holds no reading that is accepted", "docs/importing.md has the forms"
            )
        first, last = days[0], days[-1]
        notes += list(report.notes)
        if prices is not None:
            notes += import_tidy_file(PRICES, target, prices, now=now, area=area, clock=zone).notes
        elif lender is not None:
            _lend_prices(context, lender, first, last)
        else:
            notes += _fetch_prices(context, first, last)
        _grade(context, first, last)
        yield FileHome(context=context, first=first, last=last, notes=tuple(note for note in notes if note))


def lender_of(area: str, site: str | None) -> Context | None:
    """Return the context of a configured site whose prices a home of that area may take; None for none.

    Args:
        area: price area.
        site: the site that was named; None takes any of that area.

    Raises:
        ConfigurationError: the configuration is wrong, or the named site is of another area.
    """
    if not config_path().exists():
        return None
    known = open_context(site) if site is not None else None
    if known is not None and known.site_settings.area != area:
        raise ConfigurationError(
            f"site {site} has prices of {known.site_settings.area}, not of {area}", "leave --site out, or give --prices"
        )
    if known is not None:
        return known
    from darkstar_pipeline.config.settings import load_settings

    settings = load_settings()
    names = [name for name, each in settings.sites.items() if each.area == area]
    return open_context(names[0], settings=settings) if names else None


def _settings(area: str) -> Settings:
    """Return the configuration of a new site of an area.

    Raises:
        ConfigurationError: the area is unknown.
    """
    try:
        return Settings.model_validate({"sites": {SITE: {"area": area, "first_day": "2000-01-01"}}})
    except ValidationError as error:
        wrong = describe_validation(error, whole="the home").replace(f"sites.{SITE}.", "")
        raise ConfigurationError(wrong, "name the price area, such as --area SE3") from error


def _with_load(readings: Path, context: Context, folder: Path) -> tuple[Path, list[str]]:
    """Return a file with load and PV: as it is, or with the meter's import and export in their place.

    A battery behind the meter sees load less PV alone, which is import less export.
    """
    settings = context.site_settings.model_copy(update={"has_pv": False})
    table = read_meter_table(readings, settings) if readings.suffix.lower() in (".csv", ".txt") else None
    rows = read_table(readings, _WANTED)[0] if table is None else table.rows
    load_is_import = table is not None and "pv_kwh" not in rows.columns and "import_kwh" in rows.columns
    if "import_kwh" not in rows.columns or ("load_kwh" in rows.columns and not load_is_import):
        return readings, []
    pv = [pl.col("export_kwh").alias("pv_kwh")] if "export_kwh" in rows.columns else []
    made = folder / f"{readings.name.partition('.')[0]}.csv"
    made.write_text(
        rows.select(pl.col("slot_start"), pl.col("import_kwh").alias("load_kwh"), *pv).write_csv(
            datetime_format="%Y-%m-%dT%H:%M:%S%:z"
        ),
        encoding="utf-8",
    )
    note = phrase("import is taken as load")
    if pv:
        note = phrase("import is taken as load and export as PV: a battery sees their difference alone")
    return made, [joined(": ", [readings.name, note]), *(() if table is None else table.notes)]


def _fetch_prices(context: Context, first: date, last: date) -> Sequence[str]:
    """Fetch the prices of a span; notes on them.

    Raises:
        DataMissingError: no source gave any.
    """
    with price_sources(context) as sources:
        report = fetch_prices(context, first, last, sources=sources, now=datetime.now(UTC))
    if not context.lake.days(RAW_SPOT_PRICES, SITE):
        reasons = "; ".join(f"{source}: {reason}" for source, reason in report.failures.items()) or "no source has them"
        raise DataMissingError(
            f"no prices of {context.site_settings.area} from {first} to {last} came ({reasons})",
            "give them with --prices FILE, or ask again when the network is there",
            subject="prices",
        )
    return report.notes


def _lend_prices(context: Context, lender: Context, first: date, last: date) -> None:
    """Copy the prices of a configured site."""
    known = stored_prices(lender, lender.site_name, first, last)
    if known.is_empty():
        raise DataMissingError(
            f"site {lender.site_name} has no prices from {first} to {last}",
            f"give --prices FILE, or run `darkstar fetch prices --from {first} --to {last}`",
            subject="prices",
        )
    rows = known.with_columns(native_minutes=pl.lit(15, pl.Int32))
    ImportTarget.of(context).store(RAW_SPOT_PRICES, rows, source=f"site {lender.site_name}", now=datetime.now(UTC))


def _grade(context: Context, first: date, last: date) -> None:
    """Repair prices and grade days, as a backfill does."""
    lake, settings = context.lake, context.site_settings
    days, site = list(days_between(first, last)), pl.lit(SITE).alias("site")
    raw = lake.read(RAW_SPOT_PRICES, SITE, first, last)
    repaired = repair_prices(raw, first, last, context.timezone, None, near=near_zero(settings.currency))
    prices = repaired.prices.with_columns(site, pl.lit(settings.area).alias("area"))
    readings = lake.read(METER_READINGS, SITE, first, last)
    slots = grid(first, last, context.timezone).with_columns(site)
    measured = [name for name in SLOT_OBSERVATIONS.schema.names() if name not in slots.columns]
    observations = slots.join(readings.select("slot_start", *measured), on="slot_start", how="left")
    grades = grade_days(
        observations.drop("site"),
        prices.drop("site", "area"),
        pl.DataFrame(schema={"hour_start": pl.Datetime("us", "UTC"), "quantity": pl.String, "energy_kwh": pl.Float64}),
        first,
        last,
        context.timezone,
        battery=context.site.battery,
        has_pv=readings["pv_kwh"].count() > 0,
        repairs=repaired.repairs,
        remarks=lake.read(IMPORT_REMARKS, SITE, first, last),
    )
    for table, frame in (
        (SPOT_PRICES, prices),
        (PRICE_REPAIRS, repaired.repairs.with_columns(site)),
        (SLOT_OBSERVATIONS, observations),
        (DATA_QUALITY_DAILY, grades.with_columns(site)),
    ):
        lake.write_days(table, SITE, days, frame.select(table.schema.names()))
