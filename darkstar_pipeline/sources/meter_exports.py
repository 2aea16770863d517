"""Tables of readings that inverter makers, grid companies and suppliers export, turned into the columns of tidy files.

Their heads name quantity and unit; their stamps are the clock of the home, which the report says. What is ambiguous
(a grid company counts what comes from the grid, which is the load only without panels) is refused with the way to go.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.files import csv_frame, decode, read_bytes
from darkstar_pipeline.sources.numbers import original, with_numbers
from darkstar_pipeline.sources.parquet import PARQUET_MAGIC
from darkstar_pipeline.sources.stamps import NAIVE, with_instants, with_naive_read_as

_WORDS = {
    "load_kwh": ("energy consumed", "consumption", "verbrauch", "total consumption", "load"),
    "pv_kwh": (
        "energy produced",
        "pv yield",
        "pv production",
        "production",
        "system production",
        "solar production",
        "pv produktion",
    ),
    "import_kwh": (
        "imported from grid",
        "energy from grid",
        "import",
        "from grid",
        "grid import",
        "energie aus netz bezogen",
        "purchased",
    ),
    "export_kwh": (
        "exported to grid",
        "energy to grid",
        "feed in to grid",
        "export",
        "feed in",
        "energie ins netz eingespeist",
        "to grid",
    ),
    "batt_charge_kwh": (
        "stored in batteries",
        "energy to battery",
        "charge",
        "charging energy",
        "energie in batterie gespeichert",
    ),
    "batt_discharge_kwh": (
        "discharged from batteries",
        "energy from battery",
        "discharge",
        "discharging energy",
        "energie aus batterie bezogen",
    ),
}
_METERED = ("förbrukning", "forbruk", "forbrug", "consumption", "kulutus", "verbruik", "verbrauch", "import", "energi")
"""Words of grid companies and suppliers for what the meter counted from the grid."""
_COLUMN = {word: column for column, words in _WORDS.items() for word in words}
_STAMPS = {
    "statistical period": "an export of FusionSolar",
    "date and time": "an export of Fronius Solar.web",
    "datum und uhrzeit": "an export of Fronius Solar.web",
    "time": "an export of SolarEdge",
    "date/time": "an export of Enphase Enlighten",
    "period": "a grid company's table of a meter",
    "datum": "a grid company's table of a meter",
    "from": "an export of Tibber",
}
_GRID_ONLY = ("period", "datum", "from")
_KWH = {"kwh": 1.0, "wh": 1e-3, "mwh": 1e3}
_KW = {"kw": 1.0, "w": 1e-3}
_DATE = r"^\s*(\d{1,2})([./])(\d{1,2})[./](\d{4})(?:[ T]+(\d{1,2}:\d{2}(?::\d{2})?))?\s*$"
_UNTIL = r"\s+[-–]\s.*$"
_UTC = ("utc", "gmt")
_END_OF_DAY = r"[ T]24:00"
_MONTHS = 12
_FOR_A_DAY = 20 * 60
_HEAD = 4096


@dataclass(frozen=True, kw_only=True)
class MeterTable:
    """A recognised export.

    Attributes:
        format: what it is, as a noun.
        rows: `slot_start` and the columns of a tidy file [kWh].
        notes: what was understood, in words.
    """

    format: str
    rows: pl.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Quantity:
    name: str
    column: str
    unit: str


def format_of(text: str) -> str:
    """Return what export a table is, as a noun; empty where it is none that is known."""
    names = _head(text)
    stamp = next((name for name in names[:1] if _plain(name)[0] in _STAMPS), None)
    return _STAMPS[_plain(stamp)[0]] if stamp is not None and _quantities(text, names) else ""


def read_meter_table(path: Path, site: SiteSettings) -> MeterTable | None:
    """Return the readings of an export; None where it is none that is known.

    Args:
        path: the file.
        site: its clock is that of the stamps; without panels, what comes from the grid is its load.

    Raises:
        ConfigurationError: the file is not there or cannot be read.
        DataRefusedError: what the table holds is not enough, or in an unknown unit.
    """
    content, file = read_bytes(path), path.name
    if content.startswith(PARQUET_MAGIC):
        return None
    text = decode(content, file)
    noun = format_of(text)
    if not noun:
        return None
    names = _head(text)
    quantities = _quantities(text, names)
    table = csv_frame(text, file)
    data = table.slice(1) if _unit_row(text) else table
    timezone = "UTC" if _plain(names[0])[1] in _UTC else site.timezone
    timed = _timed(data, names[0], file, timezone)
    numbers = with_numbers(timed, [quantity.name for quantity in quantities])
    hours = _step_hours(numbers["slot_start"], file)
    rows = numbers.select(
        "slot_start",
        *(_as_kwh(quantity, numbers, hours, file) for quantity in quantities),
    )
    understood = ", ".join(f"{quantity.name} as {quantity.column}" for quantity in quantities)
    notes = (f"{file} was read as {noun}: {understood}",)
    if timed[NAIVE].count():
        notes += (f"{file}: its stamps were read as the clock of {timezone}",)
    if "load_kwh" not in rows.columns:
        rows = _with_load(rows, noun, file, site)
        notes += (f"{file}: the home has no panels, so what comes from the grid is its load",)
    return MeterTable(format=noun, rows=rows, notes=notes)


def _head(text: str) -> list[str]:
    first = text[:_HEAD].lstrip("\ufeff").lstrip().split("\n", 1)[0].strip()
    separator = max(",;\t", key=first.count)
    return [name.strip().strip('"') for name in first.split(separator)]


def _unit_row(text: str) -> list[str]:
    """The units of a second row such as `[dd.MM.yyyy HH:mm];[Wh]`; empty where there is none."""
    lines = text[:_HEAD].lstrip("\ufeff").lstrip().split("\n", 2)
    second = lines[1].strip() if len(lines) > 1 else ""
    fields = [field.strip() for field in second.split(max(",;\t", key=lines[0].count))]
    return [field.strip("[]") for field in fields] if all(f.startswith("[") for f in fields if f) and second else []


def _plain(name: str) -> tuple[str, str]:
    """A column's name in small letters without its unit, and the unit."""
    found = re.match(r"^(.*?)\s*[(\[]\s*([A-Za-z]+)\s*[)\]]\s*$", name)
    words, unit = (found[1], found[2]) if found else (name, "")
    return re.sub(r"[\s_-]+", " ", words).strip().lower(), unit.lower()


def _quantities(text: str, names: Sequence[str]) -> list[_Quantity]:
    """The columns whose names tell what they measure, with their units."""
    below = _unit_row(text)
    stamp = _plain(names[0])[0]
    found: list[_Quantity] = []
    for position, name in enumerate(names[1:], start=1):
        words, unit = _plain(name)
        unit = unit or (below[position].lower() if position < len(below) else "")
        column = "import_kwh" if stamp in _GRID_ONLY and words in _METERED else _COLUMN.get(words)
        if stamp == "from" and words == "consumption":
            unit = unit or "kwh"  # Tibber's exports are in kWh throughout
        if column is not None and unit in {**_KWH, **_KW} and column not in {each.column for each in found}:
            found.append(_Quantity(name, column, unit))
    return found


def _timed(data: pl.DataFrame, stamp: str, file: str, timezone: str) -> pl.DataFrame:
    """Add `slot_start`: stamps without offset are the clock of the home, unless their head says UTC."""
    text = pl.col(stamp).str.replace(_UNTIL, "").str.strip_chars()
    if data[stamp].str.contains(_END_OF_DAY).any():
        message = f"{file}: its stamps show the ends of its rows, as 24:00 tells"
        raise DataRefusedError(message, "export it with the starts, or take a row's length off every stamp")
    one, other, year, clock = (text.str.extract(_DATE, group) for group in (1, 3, 4, 5))
    day, month = (other, one) if _month_first(data[stamp], file) else (one, other)
    written = pl.concat_str([pl.concat_str([year, month, day], separator="-"), clock.fill_null("00:00")], separator=" ")
    midnight = pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2}$")).then(text + " 00:00")
    shaped = data.with_columns(pl.coalesce(written, midnight, text).alias("_stamp"), pl.lit(file).alias("_file"))
    return with_naive_read_as(with_instants(shaped, "_stamp", "slot_start", file), "slot_start", timezone, "_file")


def _month_first(stamps: pl.Series, file: str) -> bool:
    """Return whether dates such as 05/02/2026 are American: by what cannot be a month, else by what holds together.

    Raises:
        DataRefusedError: both orders fit equally well.
    """
    parts = stamps.drop_nulls().str.extract_groups(_DATE).struct.unnest()
    dates = parts.filter(pl.col("2") == "/").select(pl.col("1", "3", "4").cast(pl.Int32)).unique()
    if dates.is_empty() or (dates["1"] > _MONTHS).any() or dates["1"].equals(dates["3"]):
        return False
    if (dates["3"] > _MONTHS).any():
        return True
    spans = [
        dates.select(pl.date("4", month, day)).to_series().to_physical().sort()
        for month, day in (("3", "1"), ("1", "3"))
    ]
    day_first, month_first = (int(days[-1]) - int(days[0]) for days in spans)
    if day_first == month_first:
        message = f"{file}: {stamps.drop_nulls()[0]} may be either order of day and month"
        raise DataRefusedError(message, "export some days more, or write the dates as 2026-01-31")
    return month_first < day_first


def _step_hours(instants: pl.Series, file: str) -> float:
    """The usual step [h].

    Raises:
        DataRefusedError: there is none, or it is a day: such a table has no slots.
    """
    steps = instants.drop_nulls().unique().sort().diff().drop_nulls()
    minutes = steps.mode().sort().dt.total_seconds()[0] / 60 if len(steps) else 0.0
    if minutes == 0:
        message = f"{file} has fewer than two stamps that can be read"
        raise DataRefusedError(message, "write them as 2026-01-31 13:15; export hours, quarter-hours or five minutes")
    if minutes >= _FOR_A_DAY:
        raise DataRefusedError(f"{file} has one row for a day", "export hours, quarter-hours or five minutes")
    return minutes / 60


def _as_kwh(quantity: _Quantity, numbers: pl.DataFrame, hours: float, file: str) -> pl.Expr:
    """A column in kWh; a power is the mean over its row."""
    value = pl.col(quantity.name)
    if numbers[quantity.name].null_count() == numbers.height:
        raise DataRefusedError(f"{file}: {quantity.name} has no number", "export it again")
    factor = _KWH[quantity.unit] if quantity.unit in _KWH else _KW[quantity.unit] * hours
    text = pl.col(original(quantity.name))  # what is no number stays as it is and is refused by its row
    return pl.when(value.is_not_null()).then((value * factor).cast(pl.String)).otherwise(text).alias(quantity.column)


def _with_load(rows: pl.DataFrame, noun: str, file: str, site: SiteSettings) -> pl.DataFrame:
    """Take what comes from the grid as the load of a home without panels.

    Raises:
        DataRefusedError: nothing tells the load, or the home may have panels, whose own consumption is not shown.
    """
    if "import_kwh" not in rows.columns:
        message = f"{file} is {noun}: it shows {_shown(rows)} and no consumption, which is needed"
        raise DataRefusedError(message, "export it with the consumption of the house, or add that as a column load_kwh")
    if site.has_pv is not False:
        message = f"{file} is {noun}: it shows what came from the grid, which is not the load of a home with panels"
        hint = "set has_pv: false in darkstar.yaml if the home has no panels; else export load and PV from the inverter"
        raise DataRefusedError(message, hint)
    return rows.with_columns(pl.col("import_kwh").alias("load_kwh"))


def _shown(rows: pl.DataFrame) -> str:
    """The columns of a table besides its stamps."""
    return ", ".join(name for name in rows.columns if name != "slot_start")
