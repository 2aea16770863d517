"""Files into the lake: what is refused and how, what is merged, and that the lake stays as it was otherwise."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from darkstar_pipeline.errors import ConfigurationError, DarkstarError, DataRefusedError, ExitCode
from darkstar_pipeline.importing import import_observations, import_prices, store_statistics
from darkstar_pipeline.settings import SiteSettings
from darkstar_pipeline.sources import parquet
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MIDNIGHT = datetime(2026, 1, 9, 23, tzinfo=UTC)  # local midnight of 10 January in Stockholm
SITE = SiteSettings.model_validate({"area": "SE3", "limits": {"import_kw": 11}})


class Place(NamedTuple):
    """A lake, its quarantine and a folder to make files in."""

    lake: Lake
    quarantine: Path
    folder: Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


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


def observe(place: Place, name: str, content: bytes | pl.DataFrame, now: datetime = NOW, site: SiteSettings = SITE):
    path = place.folder / name
    path.write_bytes(as_parquet(content, place.folder) if isinstance(content, pl.DataFrame) else content)
    return import_observations(place.lake, place.quarantine, "home", site, path, now=now)


def price(place: Place, name: str, content: bytes | pl.DataFrame, area: str | None = None, now: datetime = NOW):
    path = place.folder / name
    path.write_bytes(as_parquet(content, place.folder) if isinstance(content, pl.DataFrame) else content)
    return import_prices(place.lake, place.quarantine, "home", SITE, path, area=area, now=now)


class Refusal(NamedTuple):
    """A file that is refused as a whole."""

    name: str
    content: Callable[[Path], bytes]
    message: str
    hint: str


def _naive(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("slot_start").dt.replace_time_zone(None))


HEADER = "slot_start,load_kwh,pv_kwh\n"
OBSERVATION_REFUSALS = [
    Refusal("empty.csv", lambda _: b"", "empty.csv is empty", "export it again"),
    Refusal("blank.csv", lambda _: b" \n\n", "is empty", "export it again"),
    Refusal("empty.parquet", lambda _: b"", "is empty", "export it again"),
    Refusal("header.csv", lambda _: csv(HEADER), "column names but no rows", "export it again"),
    Refusal(
        "header.parquet", lambda f: as_parquet(readings().clear(), f), "column names but no rows", "export it again"
    ),
    Refusal(
        "names.csv",
        lambda _: b"time,kw\n2026-01-01T00:00Z,1\n",
        "no column slot_start or load_kwh; it has time, kw",
        "name the",
    ),
    Refusal(
        "names.parquet", lambda f: as_parquet(pl.DataFrame({"a": [1]}), f), "no column slot_start", "name the columns"
    ),
    Refusal("noload.csv", lambda _: csv(readings().drop("load_kwh")), "no column load_kwh", "name the columns"),
    Refusal("cut.parquet", lambda f: as_parquet(readings(), f)[:-20], "was cut off", "export it again"),
    Refusal(
        "half.parquet", lambda f: as_parquet(readings(), f)[:200] + b"PAR1", "broken Parquet", "export the file again"
    ),
    Refusal(
        "footer.parquet",
        lambda f: as_parquet(readings(), f)[:-8] + (3 * 2**30).to_bytes(4, "little") + b"PAR1",
        "broken Parquet",
        "export the file again",
    ),
    Refusal(
        "huge.parquet",
        lambda f: claiming(as_parquet(readings(), f), rows=3 * 2**30),
        "3221225472 rows",
        "split the file",
    ),
    Refusal("liar.parquet", lambda f: claiming(as_parquet(readings(), f), rows=97), "liar.parquet", "again"),
    Refusal("text.parquet", lambda _: csv(readings()), "is not Parquet", "export it again"),
    Refusal("parquet.csv", lambda f: as_parquet(readings(), f), "is a Parquet file by its content", "rename it"),
    Refusal("noise.csv", lambda _: bytes(range(256)) * 40, "is not text", "UTF-8"),
    Refusal("zeros.csv", lambda _: b"slot_start,load_kwh\n\x00\x00\x00", "binary, not text", "UTF-8"),
    Refusal("book.xlsx", lambda _: b"PK\x03\x04rest", "files ending in '.xlsx' are not read", "use .parquet or .csv"),
    Refusal("noname", lambda _: csv(readings()), "files ending in 'nothing' are not read", "use .parquet or .csv"),
    Refusal("broken.csv.gz", lambda _: gzip.compress(csv(readings()))[:-30], "broken gzip", "again"),
    Refusal(
        "ragged.csv", lambda _: csv(readings()) + b"2026-01-02T00:00Z,1,2,3\n", "row 97 has 4 fields", "mend that row"
    ),
    Refusal("naive.csv", lambda _: csv(_naive(readings())), "no offset from UTC", "write UTC with Z"),
    Refusal("naive.parquet", lambda f: as_parquet(_naive(readings()), f), "no offset from UTC", "write UTC with Z"),
    Refusal(
        "epoch.parquet",
        lambda f: as_parquet(readings().with_columns(pl.col("slot_start").dt.epoch("s")), f),
        "holds Int64, not dates and times",
        "2026-01-31T13:15:00Z",
    ),
    Refusal(
        "future.csv", lambda _: csv(readings(start=NOW - timedelta(hours=2))), "87 rows lie in the future", "clock"
    ),
    Refusal(
        "watts.csv",
        lambda _: csv(readings().with_columns(pl.col("load_kwh") * 4000)),
        "typical power of 4,000 kW",
        "divide by 4000",
    ),
    Refusal(
        "wh.csv",
        lambda _: csv(readings().with_columns(pl.col("load_kwh") * 1000)),
        "typical power of 1,000 kW",
        "if it holds Wh, divide by 1000",
    ),
    Refusal(
        "pv_wh.csv",
        lambda _: csv(readings().with_columns(pl.col("pv_kwh") * 1000)),
        "pv_kwh implies a typical",
        "pv_kwh must be kWh",
    ),
    Refusal(
        "mwh.csv",
        lambda _: csv(readings().with_columns(pl.col("load_kwh") / 1000)),
        "no home runs on",
        "multiply it by 1000",
    ),
    Refusal(
        "kw.csv",
        lambda _: csv(readings(batt_charge_kwh=[7.5] * 48 + [0.0] * 48)),
        "batt_charge_kwh implies 30.0 kW where battery.charge_kw is 8 kW",
        "divide by 4",
    ),
    Refusal("fuse.csv", lambda _: csv(readings(import_kwh=[7.0] * 96)), "limits.import_kw is 11 kW", "divide by 4"),
    Refusal("soc.csv", lambda _: csv(readings(soc_start_percent=[0.5, 0.6] * 48)), "looks like 0..1", "multiply"),
    Refusal("homes.csv", lambda _: csv(readings(home=["a", "b"] * 48)), "holds 2 homes (a, b)", "one file per home"),
    Refusal("minute.csv", lambda _: csv(readings(minutes=1)), "a row every 1 minutes", "resample it"),
    Refusal("daily.csv", lambda _: csv(readings(rows=20, minutes=1440)), "a row every 1440 minutes", "resample it"),
    Refusal("one.csv", lambda _: csv(readings(rows=1)), "one instant only", "at least a day"),
    Refusal(
        "bad.csv",
        lambda _: csv(readings().with_columns(pl.col("load_kwh") * -1)),
        "96 of 96 rows are bad; the first is row 1: load_kwh -0.1 kWh is negative",
        "quarantine",
    ),
    Refusal(
        "twice.csv",
        lambda _: csv(readings()) + csv(readings().with_columns(pl.col("load_kwh") + 1)).split(b"\n", 1)[1],
        "192 of 192 rows are bad; the first is row 1: slot_start 2026-01-09 23:00:00Z occurs 2 times",
        "quarantine",
    ),
]


@pytest.mark.parametrize("case", OBSERVATION_REFUSALS, ids=lambda case: case.name)
def test_observations_are_refused_whole_and_the_lake_stays_when_the_file_is_wrong(case: Refusal, place: Place):
    observe(place, "good.csv", csv(readings(start=MIDNIGHT + timedelta(days=3))))
    before = bytes_of(place.lake.root)
    with pytest.raises(DataRefusedError) as raised:
        observe(place, case.name, case.content(place.folder), now=LATER - timedelta(hours=1))
    assert case.message in raised.value.message
    assert case.name in raised.value.message
    assert case.hint in raised.value.hint
    assert "\n" not in raised.value.message
    assert raised.value.exit_code == ExitCode.DATA
    assert bytes_of(place.lake.root) == before


def _areas(*areas: str) -> pl.DataFrame:
    return pl.concat([prices().with_columns(pl.lit(area).alias("area")) for area in areas])


PRICE_REFUSALS = [
    Refusal("empty.csv", lambda _: b"", "is empty", "export it again"),
    Refusal("header.csv", lambda _: b"slot_start,price\n", "column names but no rows", "export it again"),
    Refusal(
        "names.csv",
        lambda _: b"slot_start,eur_per_mwh\n2026-01-01T00:00Z,50\n",
        "no column price or sek_per_kwh",
        "sek per kwh",
    ),
    Refusal("area.csv", lambda _: csv(_areas("SE1", "SE4")), "has no prices of SE3; it has SE1, SE4", "site's area"),
    Refusal("cut.parquet", lambda f: as_parquet(prices(), f)[:-9], "cut off", "again"),
    Refusal(
        "huge.parquet", lambda f: claiming(as_parquet(prices(), f), rows=3 * 2**30), "3221225472 rows", "split the file"
    ),
    Refusal(
        "ahead.csv",
        lambda _: csv(prices(start=NOW + timedelta(days=2))),
        "95 prices lie more than two days ahead",
        "clock",
    ),
    Refusal(
        "mwh.csv",
        lambda _: csv(prices().with_columns(pl.col("price") * 1000)),
        "too much for SEK/kWh",
        "divide SEK/MWh by 1000",
    ),
    Refusal(
        "ore.csv", lambda _: csv(prices().with_columns(pl.col("price") * 100)), "too much for SEK/kWh", "öre/kWh by 100"
    ),
    Refusal(
        "partial.csv",
        lambda _: csv(prices(rows=4)),
        "4 of 4 rows are bad; the first is row 1: day 2026-01-10 has 4 of 96 prices",
        "quarantine",
    ),
    Refusal("hours.csv", lambda _: csv(prices(rows=4, minutes=60)), "day 2026-01-10 has 4 of 24 prices", "quarantine"),
    Refusal("five.csv", lambda _: csv(prices(minutes=5)), "a row every", "resample"),
    Refusal("naive.csv", lambda _: csv(_naive(prices())), "no offset from UTC", "write UTC with Z"),
    Refusal(
        "euro.csv",
        lambda _: csv(prices().with_columns(pl.lit("EUR").alias("currency"))),
        "prices are in EUR",
        "convert",
    ),
    Refusal(
        "nan.csv", lambda _: csv(prices().with_columns(pl.lit("NaN").alias("price"))), "price is NaN", "quarantine"
    ),
]


@pytest.mark.parametrize("case", PRICE_REFUSALS, ids=lambda case: case.name)
def test_prices_are_refused_whole_and_the_lake_stays_when_the_file_is_wrong(case: Refusal, place: Place):
    price(place, "good.csv", csv(prices(start=MIDNIGHT + timedelta(days=3))))
    before = bytes_of(place.lake.root)
    with pytest.raises(DataRefusedError) as raised:
        price(place, case.name, case.content(place.folder))
    assert case.message in raised.value.message
    assert case.hint in raised.value.hint
    assert raised.value.exit_code == ExitCode.DATA
    assert bytes_of(place.lake.root) == before


def test_prices_are_refused_when_another_area_is_asked_for(place: Place):
    with pytest.raises(DataRefusedError, match="prices of SE4 offered, the site is in SE3"):
        price(place, "p.csv", csv(_areas("SE3", "SE4")), area="SE4")


@pytest.mark.parametrize(("name", "message"), [("absent.csv", "no such file"), ("folder.csv", "is a folder")])
def test_import_is_a_usage_error_when_there_is_no_file(name: str, message: str, place: Place):
    (place.folder / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match=message) as raised:
        import_observations(place.lake, place.quarantine, "home", SITE, place.folder / name, now=NOW)
    assert raised.value.exit_code == ExitCode.USAGE
    assert not place.lake.root.exists()


def test_gzip_is_refused_before_it_fills_the_memory(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("darkstar_pipeline.sources.files.MAX_BYTES", 2**20)
    with pytest.raises(DataRefusedError, match="larger than 1 MiB unpacked"):
        observe(place, "bomb.csv.gz", gzip.compress(b"0" * 3 * 2**20))


def test_parquet_is_refused_when_a_page_claims_more_than_its_chunk(place: Place):
    content = bytearray(as_parquet(readings(rows=40_000), place.folder))
    page = 5  # magic, then the page header: 0x15, type, 0x15, unpacked size
    assert content[page + 1] == 0x15
    content[page + 2 : page + 5] = bytes([0xFE, 0xFF, 0x7F])
    with pytest.raises(DataRefusedError, match="broken Parquet"):
        observe(place, "page.parquet", bytes(content))


def test_parquet_is_refused_when_it_is_larger_than_the_limit(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "MAX_BYTES", 100)
    with pytest.raises(DataRefusedError, match=r"at most .* are read"):
        observe(place, "big.parquet", readings())


class BadRow(NamedTuple):
    """A row that is refused while the rest is imported."""

    id: str
    content: bytes
    row: int
    reason: str


def _text(row: int, column: int, value: str, frame: pl.DataFrame | None = None) -> bytes:
    """A CSV with one cell's text replaced (row counted from 1)."""
    lines = csv(readings() if frame is None else frame).decode().splitlines()
    cells = lines[row].split(",")
    cells[column] = value
    lines[row] = ",".join(cells)
    return ("\n".join(lines) + "\n").encode()


SOC = readings(soc_start_percent=[50.0] * 96)
BAD_ROWS = [
    BadRow("nan", _text(5, 1, "NaN"), 5, "load_kwh is NaN"),
    BadRow("inf", _text(5, 1, "inf"), 5, "load_kwh is infinite"),
    BadRow("minus-inf", _text(5, 1, "-inf"), 5, "load_kwh is infinite"),
    BadRow("negative", _text(7, 1, "-0.5"), 7, "load_kwh -0.5 kWh is negative"),
    BadRow("negative-pv", _text(7, 2, "-0.5"), 7, "pv_kwh -0.5 kWh is negative"),
    BadRow("word", _text(9, 1, "n/a"), 9, "load_kwh n/a is not a number"),
    BadRow("spike", _text(9, 1, "400"), 9, "load_kwh 400.0 kWh implies 1600.0 kW"),
    BadRow("stamp", _text(11, 0, "yesterday"), 11, "slot_start yesterday is not a date and time"),
    BadRow(
        "no-day", _text(11, 0, "2026-02-30T00:00:00Z"), 11, "slot_start 2026-02-30T00:00:00Z is not a date and time"
    ),
    BadRow("no-stamp", _text(11, 0, ""), 11, "slot_start is empty"),
    BadRow("naive", _text(11, 0, "2026-01-10T01:30:00"), 11, "slot_start 2026-01-10T01:30:00 has no offset from UTC"),
    BadRow("old", _text(11, 0, "1970-01-01T00:00:00Z"), 11, "is before 2000"),
    BadRow("seconds", _text(11, 0, "2026-01-10T01:30:07Z"), 11, "is not on a 5-minute grid"),
    BadRow("off-grid", _text(11, 0, "2026-01-10T01:35:00Z"), 11, "is off the 15-minute grid of the file"),
    BadRow("soc", _text(13, 3, "6553.5", SOC), 13, "soc_start_percent 6553.5 % is no state of charge"),
]


@pytest.mark.parametrize("case", BAD_ROWS, ids=lambda case: case.id)
def test_row_is_refused_with_its_number_and_the_rest_is_imported(case: BadRow, place: Place):
    report = observe(place, "rows.csv", case.content)
    assert (report.rows_read, report.rows_accepted, report.rows_rejected) == (96, 95, 1)
    assert report.slots_new == 95
    assert report.quarantine_file is not None
    kept = pl.read_csv(report.quarantine_file)
    assert kept.columns == ["file", "row", "reason", "raw"]
    assert kept.select("file", "row").row(0) == ("rows.csv", case.row)
    assert case.reason in kept["reason"][0]
    assert '"load_kwh":' in kept["raw"][0]


def test_quarantine_gets_no_second_file_when_the_same_rows_are_refused_again(place: Place):
    first = observe(place, "rows.csv", BAD_ROWS[0].content)
    second = observe(place, "rows.csv", BAD_ROWS[0].content, now=LATER)
    assert first.quarantine_file == second.quarantine_file
    assert len(list(place.quarantine.iterdir())) == 1


def test_quarantine_keeps_the_rows_when_the_file_is_refused_as_a_whole(place: Place):
    with pytest.raises(DataRefusedError) as raised:
        price(place, "partial.csv", csv(prices(rows=4)))
    (kept,) = place.quarantine.iterdir()
    assert str(kept) in raised.value.hint
    assert pl.read_csv(kept).height == 4


def test_soc_outside_the_scale_is_accepted_for_the_gate_to_judge(place: Place):
    report = observe(place, "soc.csv", _text(13, 3, "104.5", SOC))
    assert report.rows_rejected == 0
    assert place.lake.read(METER_READINGS, "home")["soc_start_percent"].max() == 104.5


def test_duplicates_count_once_when_equal_and_are_refused_when_not(place: Place):
    lines = csv(readings()).decode().splitlines()
    content = "\n".join([*lines, lines[3], lines[5].replace(lines[5].split(",")[1], "0.77")]).encode()
    report = observe(place, "twice.csv", content)
    assert (report.rows_read, report.rows_rejected, report.slots_new) == (98, 2, 95)
    assert any("1 repeated rows" in note for note in report.notes)
    assert report.quarantine_file is not None
    kept = pl.read_csv(report.quarantine_file)
    assert kept["row"].to_list() == [5, 98]
    assert "occurs 2 times with different values" in kept["reason"][0]


def test_rows_are_sorted_and_noted_when_out_of_order(place: Place):
    report = observe(place, "mixed.csv", csv(readings().reverse()))
    assert report.slots_new == 96
    assert any("were not in order" in note for note in report.notes)
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["load_kwh"].to_list() == readings()["load_kwh"].to_list()


def test_null_load_is_missing_and_not_bad(place: Place):
    report = observe(place, "gap.csv", csv(with_value(4, None)))
    assert report.rows_rejected == 0
    stored = place.lake.read(METER_READINGS, "home")
    assert stored.height == 96
    assert stored["load_kwh"].null_count() == 1


def test_absent_columns_stay_null_and_unknown_ones_are_noted(place: Place):
    report = observe(place, "few.csv", csv(readings(colour=["red"] * 96).drop("pv_kwh")))
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["pv_kwh"].null_count() == 96
    assert stored["ev_kwh"].null_count() == 96
    assert any("not used: colour" in note for note in report.notes)
    assert any("no column pv_kwh" in note for note in report.notes)


def test_small_pv_draw_at_night_is_nothing(place: Place):
    report = observe(place, "night.csv", csv(with_value(2, -0.00075, "pv_kwh")))
    assert report.rows_rejected == 0
    assert place.lake.read(METER_READINGS, "home")["pv_kwh"].min() == 0


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.parquet.gz", "A.CSV"])
def test_readings_arrive_unchanged_in_every_kind_of_file(name: str, place: Place):
    content = as_parquet(readings(), place.folder) if "parquet" in name else csv(readings())
    observe(place, name, gzip.compress(content) if name.endswith(".gz") else content)
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["slot_start"].to_list() == readings()["slot_start"].to_list()
    assert stored["load_kwh"].to_list() == readings()["load_kwh"].to_list()
    assert stored["source"].unique().to_list() == [name]


def test_semicolons_and_decimal_commas_are_read(place: Place):
    text = readings().write_csv(separator=";").replace(".", ",").replace(",000000", ".000000")
    observe(place, "excel.csv", text.encode())
    assert place.lake.read(METER_READINGS, "home")["load_kwh"].to_list() == readings()["load_kwh"].to_list()


def test_offsets_are_read_across_the_autumn_clock_change(place: Place):
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)
    local = readings(rows=100, start=start).with_columns(
        pl.col("slot_start").dt.convert_time_zone("Europe/Stockholm").dt.strftime("%Y-%m-%d %H:%M:%S%:z")
    )
    report = observe(place, "autumn.csv", csv(local))
    assert (report.slots_new, report.days, report.rows_rejected) == (100, 1, 0)
    assert report.first_slot == start


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_energy_is_conserved_from_every_resolution(minutes: int, place: Place):
    frame = readings(rows=24 * 60 // minutes, minutes=minutes)
    report = observe(place, "day.csv", csv(frame))
    stored = place.lake.read(METER_READINGS, "home")
    assert report.slots_new == 96
    assert stored["load_kwh"].sum() == pytest.approx(frame["load_kwh"].sum(), abs=1e-12)
    assert stored["native_minutes"].unique().to_list() == [minutes]
    assert any(f"one row every {minutes} minutes" in note for note in report.notes)


def test_float32_values_keep_their_decimals(place: Place):
    price(place, "f.parquet", prices().cast({"price": pl.Float32}))
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == prices()["price"].to_list()


def test_prices_of_the_area_are_taken_and_hours_are_repeated(place: Place):
    hourly = pl.concat([prices(rows=24, minutes=60).with_columns(pl.lit(a).alias("area")) for a in ("SE4", "SE3")])
    report = price(place, "h.csv", csv(hourly.rename({"price": "sek_per_kwh"})), area="se3")
    stored = place.lake.read(RAW_SPOT_PRICES, "home")
    assert (report.rows_read, report.slots_new) == (24, 96)
    assert stored["price"].to_list() == [value for value in prices(rows=24)["price"].to_list() for _ in range(4)]
    assert stored["native_minutes"].unique().to_list() == [60]
    assert stored["area"].unique().to_list() == ["SE3"]


def test_prices_change_resolution_in_the_middle_of_a_file(place: Place):
    hours, quarters = prices(rows=24, minutes=60), prices(start=MIDNIGHT + timedelta(days=1))
    report = price(place, "both.csv", csv(pl.concat([hours, quarters])))
    assert (report.slots_new, report.rows_rejected) == (192, 0)
    stored = place.lake.read(RAW_SPOT_PRICES, "home")
    assert stored.group_by("native_minutes").len().sort("native_minutes").rows() == [(15, 96), (60, 96)]
    assert any("60 minutes from" in note and "15 minutes from" in note for note in report.notes)


def test_partial_day_is_refused_and_the_days_beside_it_are_imported(place: Place):
    report = price(place, "two.csv", csv(prices(rows=100)))
    assert (report.rows_rejected, report.slots_new, report.days) == (4, 96, 1)
    assert report.quarantine_file is not None
    assert pl.read_csv(report.quarantine_file)["reason"].unique().to_list() == ["day 2026-01-11 has 4 of 96 prices"]


def test_part_of_a_day_is_accepted_when_the_lake_has_the_rest(place: Place):
    price(place, "day.csv", csv(prices()))
    report = price(place, "part.csv", csv(prices(rows=4).with_columns(pl.col("price") + 1)), now=LATER)
    assert (report.rows_rejected, report.slots_changed, report.slots_unchanged) == (0, 4, 0)


def test_zero_and_negative_prices_are_prices(place: Place):
    price(place, "p.csv", csv(prices()))
    stored = place.lake.read(RAW_SPOT_PRICES, "home")["price"]
    assert stored.min() == -0.11
    assert (stored == 0).any()


def test_import_changes_no_byte_when_repeated(place: Place):
    observe(place, "a.csv", csv(readings(rows=300)))
    price(place, "p.csv", csv(prices(rows=288)))
    before = bytes_of(place.lake.root)
    files = {path: path.stat().st_mtime_ns for path in place.lake.root.rglob("*.parquet")}
    again = observe(place, "a.csv", csv(readings(rows=300)), now=LATER)
    prices_again = price(place, "p.csv", csv(prices(rows=288)), now=LATER)
    assert (again.slots_new, again.slots_changed, again.slots_unchanged) == (0, 0, 300)
    assert (prices_again.slots_new, prices_again.slots_changed, prices_again.slots_unchanged) == (0, 0, 288)
    assert bytes_of(place.lake.root) == before
    assert {path: path.stat().st_mtime_ns for path in place.lake.root.rglob("*.parquet")} == files


def test_later_import_wins_also_when_it_is_coarser(place: Place):
    observe(place, "quarters.csv", csv(readings()))
    report = observe(
        place, "hours.csv", csv(readings(rows=24, minutes=60).with_columns(load_kwh=pl.lit(8.0))), now=LATER
    )
    stored = place.lake.read(METER_READINGS, "home")
    assert report.slots_changed == 96
    assert stored["load_kwh"].to_list() == [2.0] * 96
    assert stored["native_minutes"].unique().to_list() == [60]


@pytest.mark.parametrize(("bad", "accepted"), [(48, True), (49, False)])
def test_file_is_refused_when_more_than_half_of_its_rows_are_bad(bad: int, *, accepted: bool, place: Place):
    frame = readings().with_columns(
        pl.when(pl.int_range(pl.len()) < bad).then(-1.0).otherwise(pl.col("load_kwh")).alias("load_kwh")
    )
    if accepted:
        assert observe(place, "half.csv", csv(frame)).rows_rejected == bad
    else:
        with pytest.raises(DataRefusedError, match="49 of 96 rows are bad"):
            observe(place, "half.csv", csv(frame))


def test_later_import_wins_per_slot_and_column_and_only_changed_days_are_written(place: Place):
    observe(place, "a.csv", csv(readings(rows=288)))
    before = bytes_of(place.lake.root)
    update = with_value(97, 2.5, frame=with_value(98, None, frame=readings(rows=288))).drop("pv_kwh")
    report = observe(place, "b.csv", csv(update), now=LATER)
    assert (report.slots_new, report.slots_changed, report.slots_unchanged) == (0, 1, 286)
    stored = place.lake.read(METER_READINGS, "home")
    changed = stored.filter(pl.col("source") == "b.csv")
    assert changed.select("load_kwh", "pv_kwh", "imported_at").rows() == [(2.5, 0.0, LATER)]
    assert stored["load_kwh"].null_count() == 0
    after = bytes_of(place.lake.root)
    assert [name for name in after if after[name] != before[name]] == [
        "meter_readings/site=home/day=2026-01-11/part.parquet"
    ]


def test_statistics_are_stored_once_per_hour_and_quantity(place: Place):
    frame = pl.DataFrame(
        {
            "hour_start": [MIDNIGHT, MIDNIGHT, MIDNIGHT + timedelta(hours=1)],
            "quantity": ["load", "pv", "load"],
            "energy_kwh": [1.0, 0.0, None],
        },
        schema_overrides={"hour_start": pl.Datetime("us", "UTC")},
    )
    first = store_statistics(place.lake, "home", "Europe/Stockholm", frame, source="lts.csv", now=NOW)
    again = store_statistics(place.lake, "home", "Europe/Stockholm", frame, source="lts.csv", now=LATER)
    assert (first.slots_new, again.slots_new, again.slots_unchanged) == (2, 0, 2)
    stored = place.lake.read(METER_STATISTICS, "home")
    assert stored.select("quantity", "energy_kwh").rows() == [("load", 1.0), ("pv", 0.0)]
    assert stored["local_day"].cast(pl.String).unique().to_list() == ["2026-01-10"]


def test_progress_is_told_after_every_day(place: Place):
    path = place.folder / "a.csv"
    path.write_bytes(csv(readings(rows=288)))
    told: list[tuple[int, int]] = []
    import_observations(
        place.lake,
        place.quarantine,
        "home",
        SITE,
        path,
        now=NOW,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_measured_home_is_imported_whole_and_refused_while_it_holds_several(place: Place, shared_data: Path):
    homes = shared_data / "bench" / "homes_2025_10_to_2026_08.parquet"
    now = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(DataRefusedError, match="holds 6 homes"):
        import_observations(place.lake, place.quarantine, "home", SITE, homes, now=now)
    one = pl.read_parquet(homes).filter(pl.col("home") == "emhass_fr")
    report = observe(place, "one.parquet", one, now=now)
    stored = place.lake.read(METER_READINGS, "home")
    assert (report.rows_rejected, report.days, report.slots_new) == (0, 325, 30996)
    assert stored["load_kwh"].sum() == pytest.approx(one["load_kwh"].sum(), abs=1e-9)
    assert stored["native_minutes"].unique().to_list() == [30]


def test_measured_prices_of_four_areas_are_imported_for_the_sites_own(place: Place, shared_data: Path):
    source = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(
        pl.col("slot_start") >= datetime(2026, 7, 31, 22, tzinfo=UTC)
    )
    report = price(place, "p.parquet", source, now=datetime(2026, 8, 21, tzinfo=UTC))
    mine = source.filter(pl.col("area") == "SE3").sort("slot_start")
    assert report.rows_read == mine.height
    assert place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list() == pytest.approx(mine["sek_per_kwh"].to_list())


def test_every_refusal_is_an_error_of_the_shell():
    assert issubclass(DataRefusedError, DarkstarError)
