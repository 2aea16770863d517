"""Tidy readings: every wrong file and every wrong row, each with its message; and what is accepted."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.ingest.imports import OBSERVATIONS, import_tidy_file
from darkstar_pipeline.sources import parquet
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.tidy_files import (
    LATER,
    MIDNIGHT,
    NOW,
    Place,
    Refusal,
    as_parquet,
    bytes_of,
    claiming,
    csv,
    import_readings,
    naive,
    readings,
    text_with,
    with_value,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with a day in its lake, for files that are refused and leave it as it is."""
    folder = tmp_path_factory.mktemp("filled")
    place = Place(Lake(folder / "lake"), folder / "quarantine", folder)
    import_readings(place, "good.csv", csv(readings(start=MIDNIGHT + timedelta(days=3))))
    return place


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
    Refusal(
        "book.xlsx",
        lambda _: b"PK\x03\x04rest",
        "a spreadsheet or an archive (xlsx, ods, zip), which is not read",
        "save it as CSV",
    ),
    Refusal("noname", lambda _: csv(readings()), "files ending in 'nothing' are not read", "use .parquet or .csv"),
    Refusal("broken.csv.gz", lambda _: gzip.compress(csv(readings()))[:-30], "broken gzip", "again"),
    Refusal(
        "ragged.csv", lambda _: csv(readings()) + b"2026-01-02T00:00Z,1,2,3\n", "row 97 has 4 fields", "fix that row"
    ),
    Refusal("naive.csv", lambda _: csv(naive(readings())), "no offset from UTC", "write UTC with Z"),
    Refusal("naive.parquet", lambda f: as_parquet(naive(readings()), f), "no offset from UTC", "write UTC with Z"),
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
def test_observations_are_refused_whole_and_the_lake_stays_when_the_file_is_wrong(case: Refusal, filled: Place):
    before = bytes_of(filled.lake.root)
    with pytest.raises(DataRefusedError) as raised:
        import_readings(filled, case.name, case.content(filled.folder), now=LATER - timedelta(hours=1))
    assert case.message in raised.value.message
    assert case.name in raised.value.message
    assert case.hint in raised.value.hint
    assert "\n" not in raised.value.message
    assert raised.value.code == "data_refused"
    assert bytes_of(filled.lake.root) == before


@pytest.mark.parametrize(("name", "message"), [("absent.csv", "no such file"), ("folder.csv", "is a folder")])
def test_import_is_a_usage_error_when_there_is_no_file(name: str, message: str, place: Place):
    (place.folder / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match=message) as raised:
        import_tidy_file(OBSERVATIONS, place.target(), place.folder / name, now=NOW)
    assert raised.value.code == "configuration"
    assert not place.lake.root.exists()


def test_gzip_is_refused_before_it_fills_the_memory(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("darkstar_pipeline.sources.files.MAX_BYTES", 2**20)
    with pytest.raises(DataRefusedError, match="larger than 1 MiB unpacked"):
        import_readings(place, "bomb.csv.gz", gzip.compress(b"0" * 3 * 2**20))


def test_parquet_is_refused_when_a_page_claims_more_than_its_chunk(place: Place):
    content = bytearray(as_parquet(readings(rows=40_000), place.folder))
    page = 5  # magic, then the page header: 0x15, type, 0x15, unpacked size
    assert content[page + 1] == 0x15
    content[page + 2 : page + 5] = bytes([0xFE, 0xFF, 0x7F])
    with pytest.raises(DataRefusedError, match="broken Parquet"):
        import_readings(place, "page.parquet", bytes(content))


def test_parquet_is_refused_when_it_is_larger_than_the_limit(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "MAX_BYTES", 100)
    with pytest.raises(DataRefusedError, match=r"at most .* are read"):
        import_readings(place, "big.parquet", readings())


class BadRow(NamedTuple):
    """A row that is refused while the rest is imported."""

    id: str
    content: bytes
    row: int
    reason: str


SOC = readings(soc_start_percent=[50.0] * 96)
BAD_ROWS = [
    BadRow("nan", text_with(5, 1, "NaN"), 5, "load_kwh is NaN"),
    BadRow("inf", text_with(5, 1, "inf"), 5, "load_kwh is infinite"),
    BadRow("minus-inf", text_with(5, 1, "-inf"), 5, "load_kwh is infinite"),
    BadRow("negative", text_with(7, 1, "-0.5"), 7, "load_kwh -0.5 kWh is negative"),
    BadRow("negative-pv", text_with(7, 2, "-0.5"), 7, "pv_kwh -0.5 kWh is negative"),
    BadRow("word", text_with(9, 1, "n/a"), 9, "load_kwh n/a is not a number"),
    BadRow("spike", text_with(9, 1, "400"), 9, "load_kwh 400.0 kWh implies 1600.0 kW"),
    BadRow("stamp", text_with(11, 0, "yesterday"), 11, "slot_start yesterday is not a date and time"),
    BadRow(
        "no-day", text_with(11, 0, "2026-02-30T00:00:00Z"), 11, "slot_start 2026-02-30T00:00:00Z is not a date and time"
    ),
    BadRow("no-stamp", text_with(11, 0, ""), 11, "slot_start is empty"),
    BadRow(
        "naive", text_with(11, 0, "2026-01-10T01:30:00"), 11, "slot_start 2026-01-10T01:30:00 has no offset from UTC"
    ),
    BadRow("old", text_with(11, 0, "1970-01-01T00:00:00Z"), 11, "is before 2000"),
    BadRow("seconds", text_with(11, 0, "2026-01-10T01:30:07Z"), 11, "is not on a 5-minute grid"),
    BadRow("off-grid", text_with(11, 0, "2026-01-10T01:35:00Z"), 11, "is off the 15-minute grid of the file"),
    BadRow("soc", text_with(13, 3, "6553.5", SOC), 13, "soc_start_percent 6553.5 % is no state of charge"),
]


@pytest.mark.parametrize("case", BAD_ROWS, ids=lambda case: case.id)
def test_row_is_refused_with_its_number_and_the_rest_is_imported(case: BadRow, place: Place):
    report = import_readings(place, "rows.csv", case.content)
    assert (report.rows_read, report.rows_accepted, report.rows_rejected) == (96, 95, 1)
    assert report.slots_new == 95
    assert report.quarantine_file is not None
    kept = pl.read_csv(report.quarantine_file)
    assert kept.columns == ["file", "row", "reason", "raw", "slot_start", "quantity"]
    assert kept.select("file", "row").row(0) == ("rows.csv", case.row)
    assert case.reason in kept["reason"][0]
    assert '"load_kwh":' in kept["raw"][0]


def test_soc_that_is_far_off_in_one_row_is_left_out_and_told(place: Place):
    report = import_readings(place, "soc.csv", text_with(13, 3, "0", SOC))
    assert report.rows_rejected == 0
    assert place.lake.read(METER_READINGS, "home")["soc_start_percent"].drop_nulls().min() == 50
    assert any("1 states of charge are far off for one row only" in note for note in report.notes)


def test_reading_that_the_home_cannot_have_had_is_refused_with_its_slot(place: Place):
    report = import_readings(place, "spike.csv", text_with(40, 1, "9.5"))
    assert report.rows_rejected == 1
    assert report.quarantine_file is not None
    assert "load_kwh 9.5 kWh is 38.0 kW" in report.quarantine_file.read_text()


def test_soc_outside_the_scale_is_accepted_for_the_gate_to_judge(place: Place):
    report = import_readings(place, "soc.csv", text_with(13, 3, "104.5", SOC))
    assert report.rows_rejected == 0
    assert place.lake.read(METER_READINGS, "home")["soc_start_percent"].max() == 104.5


def test_duplicates_count_once_when_equal_and_are_refused_when_not(place: Place):
    lines = csv(readings()).decode().splitlines()
    content = "\n".join([*lines, lines[3], lines[5].replace(lines[5].split(",")[1], "0.77")]).encode()
    report = import_readings(place, "twice.csv", content)
    assert (report.rows_read, report.rows_rejected, report.slots_new) == (98, 2, 95)
    assert any("1 repeated rows" in note for note in report.notes)
    assert report.quarantine_file is not None
    kept = pl.read_csv(report.quarantine_file)
    assert kept["row"].to_list() == [5, 98]
    assert "occurs 2 times with different values" in kept["reason"][0]


def test_rows_are_sorted_and_noted_when_out_of_order(place: Place):
    report = import_readings(place, "mixed.csv", csv(readings().reverse()))
    assert report.slots_new == 96
    assert any("were not in order" in note for note in report.notes)
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["load_kwh"].to_list() == readings()["load_kwh"].to_list()


def test_null_load_is_missing_and_not_bad(place: Place):
    report = import_readings(place, "gap.csv", csv(with_value(4, None)))
    assert report.rows_rejected == 0
    stored = place.lake.read(METER_READINGS, "home")
    assert stored.height == 96
    assert stored["load_kwh"].null_count() == 1


def test_absent_columns_stay_null_and_unknown_ones_are_noted(place: Place):
    report = import_readings(place, "few.csv", csv(readings(colour=["red"] * 96).drop("pv_kwh")))
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["pv_kwh"].null_count() == 96
    assert stored["ev_kwh"].null_count() == 96
    assert any("not used: colour" in note for note in report.notes)
    assert any("no column pv_kwh" in note for note in report.notes)


def test_small_pv_draw_at_night_is_nothing(place: Place):
    report = import_readings(place, "night.csv", csv(with_value(2, -0.00075, "pv_kwh")))
    assert "night.csv: 1 readings of pv_kwh below zero are an inverter's standby and count as 0" in report.notes
    assert report.rows_rejected == 0
    assert place.lake.read(METER_READINGS, "home")["pv_kwh"].min() == 0


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.parquet.gz", "A.CSV"])
def test_readings_arrive_unchanged_in_every_kind_of_file(name: str, place: Place):
    content = as_parquet(readings(), place.folder) if "parquet" in name else csv(readings())
    import_readings(place, name, gzip.compress(content) if name.endswith(".gz") else content)
    stored = place.lake.read(METER_READINGS, "home")
    assert stored["slot_start"].to_list() == readings()["slot_start"].to_list()
    assert stored["load_kwh"].to_list() == readings()["load_kwh"].to_list()
    assert stored["source"].unique().to_list() == [name]


def test_semicolons_and_decimal_commas_are_read(place: Place):
    text = readings().write_csv(separator=";").replace(".", ",").replace(",000000", ".000000")
    import_readings(place, "excel.csv", text.encode())
    assert place.lake.read(METER_READINGS, "home")["load_kwh"].to_list() == readings()["load_kwh"].to_list()


def test_offsets_are_read_across_the_autumn_clock_change(place: Place):
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)
    local = readings(rows=100, start=start).with_columns(
        pl.col("slot_start").dt.convert_time_zone("Europe/Stockholm").dt.strftime("%Y-%m-%d %H:%M:%S%:z")
    )
    report = import_readings(place, "autumn.csv", csv(local))
    assert (report.slots_new, report.days, report.rows_rejected) == (100, 1, 0)
    assert report.first_slot == start


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_energy_is_conserved_from_every_resolution(minutes: int, place: Place):
    frame = readings(rows=24 * 60 // minutes, minutes=minutes).with_columns(pv_kwh=pl.lit(0.0))  # a night has no sun
    report = import_readings(place, "day.csv", csv(frame))
    stored = place.lake.read(METER_READINGS, "home")
    assert report.slots_new == 96
    assert stored["load_kwh"].sum() == pytest.approx(frame["load_kwh"].sum(), abs=1e-12)
    assert stored["native_minutes"].unique().to_list() == [minutes]
    assert any(f"one row every {minutes} minutes" in note for note in report.notes)


@pytest.mark.parametrize(("bad", "accepted"), [(48, True), (49, False)])
def test_file_is_refused_when_more_than_half_of_its_rows_are_bad(bad: int, *, accepted: bool, place: Place):
    frame = readings().with_columns(
        pl.when(pl.int_range(pl.len()) < bad).then(-1.0).otherwise(pl.col("load_kwh")).alias("load_kwh")
    )
    if accepted:
        assert import_readings(place, "half.csv", csv(frame)).rows_rejected == bad
    else:
        with pytest.raises(DataRefusedError, match="49 of 96 rows are bad"):
            import_readings(place, "half.csv", csv(frame))
