"""Tidy files to import in tests: plausible days, and ways to spoil them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, TidyKind, import_tidy_file
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.lake import Lake

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MIDNIGHT = datetime(2026, 1, 9, 23, tzinfo=UTC)  # local midnight of 10 January in Stockholm
SITE = SiteSettings.model_validate({"area": "SE3", "limits": {"import_kw": 11}})


class Place(NamedTuple):
    """A lake, its quarantine and a folder to make files in."""

    lake: Lake
    quarantine: Path
    folder: Path

    def target(self, site: SiteSettings = SITE) -> ImportTarget:
        return ImportTarget(lake=self.lake, quarantine_dir=self.quarantine, site_name="home", site=site)


def readings(rows: int = 96, minutes: int = 15, start: datetime = MIDNIGHT, **columns: object) -> pl.DataFrame:
    """A day of plausible readings; `columns` replace or add columns."""
    frame = pl.DataFrame({"row": range(rows)}).select(
        (pl.lit(start) + pl.duration(minutes=pl.col("row") * minutes)).dt.cast_time_unit("us").alias("slot_start"),
        (0.1 + (pl.col("row") % 7) * 0.05).alias("load_kwh"),
        (pl.when(pl.col("row").is_between(30, 60)).then(0.4).otherwise(0.0)).alias("pv_kwh"),
    )
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})  # pyright: ignore[reportArgumentType]


def prices(rows: int = 96, minutes: int = 15, start: datetime = MIDNIGHT) -> pl.DataFrame:
    """A day of plausible prices, a zero and a negative one among them."""
    return readings(rows, minutes, start).select(
        "slot_start", ((pl.int_range(pl.len()) % 9) * 0.11 - 0.11).round(3).alias("price")
    )


def with_value(row: int, value: object, column: str = "load_kwh", frame: pl.DataFrame | None = None) -> pl.DataFrame:
    """The readings with one cell replaced (row counted from 1)."""
    base = readings() if frame is None else frame
    cells = base[column].to_list()
    cells[row - 1] = value
    return base.with_columns(pl.Series(column, cells, dtype=base.schema[column]))


def csv(text: str | pl.DataFrame) -> bytes:
    return text.encode() if isinstance(text, str) else text.write_csv().encode()


def as_parquet(frame: pl.DataFrame, folder: Path) -> bytes:
    path = folder / "scratch.parquet"
    frame.write_parquet(path)
    return path.read_bytes()


def claiming(content: bytes, *, rows: int) -> bytes:
    """A Parquet file whose footer claims another number of rows (a Thrift varint of the same length)."""

    def varint(number: int) -> bytes:
        digits, zigzag = [], number << 1
        while zigzag > 0x7F:
            digits.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        return bytes([*digits, zigzag])

    footer_length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - footer_length], content[-8 - footer_length : -8]
    lying = footer.replace(b"\x16" + varint(96), b"\x16" + varint(rows))
    assert lying != footer
    return body + lying + len(lying).to_bytes(4, "little") + b"PAR1"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def import_content(
    kind: TidyKind,
    place: Place,
    name: str,
    content: bytes | pl.DataFrame,
    *,
    now: datetime = NOW,
    site: SiteSettings = SITE,
    area: str | None = None,
) -> ImportReport:
    """Write a file of this name and import it; a frame is written as Parquet."""
    path = place.folder / name
    path.write_bytes(as_parquet(content, place.folder) if isinstance(content, pl.DataFrame) else content)
    return import_tidy_file(kind, place.target(site), path, now=now, area=area)


def import_readings(
    place: Place, name: str, content: bytes | pl.DataFrame, *, now: datetime = NOW, site: SiteSettings = SITE
) -> ImportReport:
    return import_content(OBSERVATIONS, place, name, content, now=now, site=site)


def import_prices(
    place: Place,
    name: str,
    content: bytes | pl.DataFrame,
    *,
    area: str | None = None,
    now: datetime = NOW,
    site: SiteSettings = SITE,
) -> ImportReport:
    return import_content(PRICES, place, name, content, now=now, site=site, area=area)


class Refusal(NamedTuple):
    """A file that is refused as a whole."""

    name: str
    content: Callable[[Path], bytes]
    message: str
    hint: str


def naive(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("slot_start").dt.replace_time_zone(None))


def areas(*areas: str) -> pl.DataFrame:
    return pl.concat([prices().with_columns(pl.lit(area).alias("area")) for area in areas])


def text_with(row: int, column: int, value: str, frame: pl.DataFrame | None = None) -> bytes:
    """A CSV with one cell's text replaced (row counted from 1)."""
    lines = csv(readings() if frame is None else frame).decode().splitlines()
    cells = lines[row].split(",")
    cells[column] = value
    lines[row] = ",".join(cells)
    return ("\n".join(lines) + "\n").encode()
