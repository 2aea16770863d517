"""Wrong input, file by file through the command: a clear error, the right exit code, and an unchanged lake.

The home holds good days already. Each wrong file is then imported. It must be refused with its exit code, one error
document with message and hint, and an unchanged lake; where only some rows are wrong, with their count and quarantine
file.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes
from benchmarks.homes.fresh_home import FreshHome, fresh_home, import_everything
from darkstar_pipeline.errors import ExitCode
from env.time_grid import SLOT, grid

AREA = "SE4"
DAY = date(2026, 9, 1)  # after the good days, so that a wrongly accepted row would change the lake
REFUSED = int(ExitCode.DATA)
Write = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """One wrong file.

    Attributes:
        name: what is wrong, in words.
        write: function that writes the file into a folder.
        kind: kind of data that it is imported as.
        rows: number of wrong rows to be refused while the others are imported; 0 where the whole file is refused.
    """

    name: str
    write: Write
    kind: str = "observations"
    rows: int = 0


def run(scope: Scope) -> list[Row]:
    """Import every wrong file."""
    failed: list[str] = []
    cases = (*CASES, *_price_cases(scope.homes))
    with fresh_home(scope.homes, (scope.homes.villa, AREA)) as home:
        import_everything(home, AREA)
        for case in cases:
            before = _lake_hash(home)
            file = case.write(home.folder)
            area = ["--area", AREA] if case.kind == "prices" else []
            code, answer = home.attempt("import", case.kind, str(file), *area)
            if case.rows:
                good = _rows_refused(case, code, answer)
            else:
                good = _refused(code, answer) and before == _lake_hash(home)
            failed += [] if good else [case.name]
    return [
        Row("wrong_files", len(cases), ""),
        Row("not_refused_clearly", len(failed), "", target="0", met=not failed),
        Row("which", ", ".join(failed) or "none"),
    ]


def _refused(code: int, answer: dict[str, Any]) -> bool:
    error = answer.get("error", {})
    return code == REFUSED and bool(error.get("message")) and bool(error.get("hint")) and error.get("code") != "bug"


def _rows_refused(case: Case, code: int, answer: dict[str, Any]) -> bool:
    kept = answer.get("quarantine_file")
    return code == 0 and answer.get("rows_rejected") == case.rows and kept is not None and Path(kept).exists()


def _lake_hash(home: FreshHome) -> str:
    digest = hashlib.sha256()
    for path in sorted((home.state / "lake").rglob("*.parquet")):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def _day(**columns: pl.Expr) -> pl.DataFrame:
    """Return a plausible day of readings with some columns replaced."""
    slots = grid(DAY, DAY, "Europe/Stockholm").select("slot_start", load_kwh=pl.lit(0.2), pv_kwh=pl.lit(0.1))
    return slots.with_columns(**columns)


def _first(value: float) -> pl.Expr:
    """Return loads whose first three slots hold a wrong value."""
    return pl.when(pl.int_range(pl.len()) < 3).then(value).otherwise(pl.col("load_kwh"))  # noqa: PLR2004 - any few rows


def _frame(name: str, make: Callable[[], pl.DataFrame]) -> Write:
    def write(folder: Path) -> Path:
        path = folder / name
        frame = make()
        frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
        return path

    return write


def _text(name: str, content: bytes) -> Write:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return write


def _truncated(folder: Path) -> Path:
    path = folder / "truncated.parquet"
    _day().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def _misleading(folder: Path) -> Path:
    """Write a small file of one value repeated 200 million times: 3 GB once read."""
    path = folder / "misleading.parquet"
    schema = pa.schema([("slot_start", pa.timestamp("us", tz="UTC")), ("load_kwh", pa.float64())])
    chunk = pa.table(
        {"slot_start": pa.array([0] * 4_000_000, pa.timestamp("us", tz="UTC")), "load_kwh": [0.1] * 4_000_000}
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(50):
            writer.write_table(chunk)
    return path


def _later() -> pl.DataFrame:
    return _day().with_columns(pl.col("slot_start") + timedelta(days=(datetime.now(UTC).date() - DAY).days + 30))


def _prices(name: str, make: Callable[[], pl.DataFrame]) -> Case:
    return Case(name, _frame(f"{name.replace(' ', '_')}.parquet", make), kind="prices")


def _unsorted_duplicates() -> pl.DataFrame:
    """Return a day backwards, two of its slots twice with another load."""
    again = _day().head(2).with_columns(load_kwh=pl.lit(0.7))
    return pl.concat([_day(), again]).reverse()


CASES = (
    Case("empty file", _text("empty.csv", b"")),
    Case("header only", _text("header.csv", b"slot_start,load_kwh,pv_kwh\n")),
    Case("wrong columns", _text("columns.csv", b"when,watts\n2026-09-01T00:00:00Z,12\n")),
    Case(
        "stamps without offset",
        _text("naive.csv", b"slot_start,load_kwh\n2026-09-01 00:00,0.1\n2026-09-01 00:15,0.1\n"),
    ),
    Case("binary garbage", _text("garbage.csv", bytes(range(256)) * 40)),
    Case("truncated Parquet", _truncated),
    Case("Parquet that claims gigabytes", _misleading),
    Case("future readings", _frame("future.parquet", _later)),
    Case("W for kW", _frame("watts.parquet", lambda: _day(load_kwh=pl.lit(800.0), pv_kwh=pl.lit(400.0)))),
    Case("Wh for kWh", _frame("watt_hours.parquet", lambda: _day(load_kwh=pl.lit(200.0), pv_kwh=pl.lit(100.0)))),
    Case("all NaN", _frame("all_nan.parquet", lambda: _day(load_kwh=pl.lit(float("nan"))))),
    Case("some NaN", _frame("nan.parquet", lambda: _day(load_kwh=_first(float("nan")))), rows=3),
    Case("some infinite", _frame("inf.parquet", lambda: _day(load_kwh=_first(float("inf")))), rows=3),
    Case("some negative", _frame("negative.parquet", lambda: _day(load_kwh=_first(-0.4))), rows=3),
    Case("duplicate slots that disagree, unsorted", _frame("twice.parquet", _unsorted_duplicates), rows=4),
)


def _price_cases(homes: BenchHomes) -> tuple[Case, ...]:
    """Return the wrong files that are made of a home's own data."""
    prices = homes.prices(AREA)
    late = prices.tail(4).with_columns(pl.col("slot_start") + 20 * 96 * SLOT)
    per_mwh = prices.head(96).with_columns(pl.col("price").abs() * 1000 + 300)
    wrong_area = homes.prices("SE3").head(96).with_columns(area=pl.lit("SE3"))
    return (
        _prices("prices of the wrong area", lambda: wrong_area),
        _prices("4 of 96 prices", lambda: late),
        _prices("prices per MWh", lambda: per_mwh),
        _prices("readings offered as prices", lambda: homes.readings(homes.villa).head(96)),
    )
