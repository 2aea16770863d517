"""Tables as spreadsheets of several countries write them: the same readings, or a refusal that says what to do."""

from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.dialects import with_decimal_points
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from tests.builders.tidy_files import Place, import_prices, import_readings, readings


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


def day() -> pl.DataFrame:
    tiny = pl.when(pl.int_range(pl.len()) == 5).then(7.4e-08).otherwise("pv_kwh")
    return readings().with_columns(pv_kwh=tiny).select("slot_start", "load_kwh", "pv_kwh")


def text(separator: str = ",", *, comma: bool = False, quote: str = "") -> str:
    lines = [separator.join(("slot_start", "load_kwh", "pv_kwh"))]
    for at, *values in day().iter_rows():
        numbers = [repr(value).replace(".", "," if comma else ".") for value in values]
        lines.append(separator.join([at.isoformat(), *(f"{quote}{number}{quote}" for number in numbers)]))
    return "\n".join(lines) + "\n"


def with_stamps(stamp: pl.Expr) -> bytes:
    return day().with_columns(stamp.alias("slot_start")).write_csv().encode()


READ: dict[str, bytes] = {
    "semicolons and commas": text(";", comma=True).encode(),
    "tabs and commas": text("\t", comma=True).encode(),
    "quoted commas between commas": text(",", comma=True, quote='"').encode(),
    "named separator": ("\ufeffsep=;\r\n" + text(";", comma=True).replace("\n", "\r\n")).encode(),
    "capitals": text().replace("slot_start,load_kwh", "Slot_Start,Load_kWh").encode(),
    "UTF-16": text("\t").encode("utf-16"),
    "Windows-1252": text().replace("\n", ",Öst\n").replace("pv_kwh,Öst", "pv_kwh,nätägare").encode("cp1252"),
    "seconds since 1970": with_stamps(pl.col("slot_start").dt.epoch("s")),
    "milliseconds since 1970": with_stamps(pl.col("slot_start").dt.epoch("ms")),
    "a total below": text().encode() + b"Summe,29.031,53.3878\n",
}


@pytest.mark.parametrize("name", READ)
def test_dialect_gives_the_readings_that_were_written(name: str, place: Place):
    report = import_readings(place, "day.csv", READ[name])
    assert (report.slots_new, report.rows_rejected) == (96, int(name == "a total below"))
    stored = place.lake.read(METER_READINGS, "home").sort("slot_start")
    assert stored["load_kwh"].to_list() == pytest.approx(day()["load_kwh"].to_list())
    assert stored["pv_kwh"].to_list() == pytest.approx(day()["pv_kwh"].to_list(), rel=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(with_stamps(46031.9 + pl.int_range(pl.len()) / 96), "day numbers of a spreadsheet", id="serial"),
        pytest.param(
            with_stamps(pl.col("slot_start").dt.strftime("%d/%m/%Y %H:%M:%S")), "in an order that differs", id="slashes"
        ),
        pytest.param(
            with_stamps(pl.col("slot_start").dt.strftime("%d.%m.%Y %H:%M")), "in an order that differs", id="points"
        ),
        pytest.param(with_stamps(pl.col("slot_start").dt.strftime("%Y-%m-%d %H:%M")), "no offset from UTC", id="clock"),
        pytest.param(
            b"slot_start,load_kwh\n\x01\x02\x03", "is binary, not text: it holds control characters", id="binary"
        ),
    ],
)
def test_dialect_that_could_mean_two_things_is_refused(content: bytes, message: str, place: Place):
    with pytest.raises(DataRefusedError) as raised:
        import_readings(place, "day.csv", content)
    assert message in raised.value.message


@pytest.mark.parametrize(
    ("separator", "texts", "expected"),
    [
        (";", ["-0,02", "0,0", "7,4e-08"], ["-0.02", "0.0", "7.4e-08"]),
        (";", ["1.234,5", "-12.345.678,25"], ["1234.5", "-12345678.25"]),
        (";", ["\u22120,5", "1\u202f234,5"], ["-0.5", "1234.5"]),
        (";", ["1.234", "12"], ["1.234", "12"]),
        (",", ["0,123", "1,5"], ["0.123", "1.5"]),
        (",", ["1,234", "2,500"], ["1,234", "2,500"]),
        (",", ["1,234,567", "2,500"], ["1,234,567", "2,500"]),
        (",", ["a,b", "2026-01-01, 12"], ["a,b", "2026-01-01, 12"]),
        ("\t", ["3,75", None], ["3.75", None]),
        (";", ["1 234,56", "-0,5", "1 234 567,8"], ["1234.56", "-0.5", "1234567.8"]),
        (";", ["1\u00a0234,56", "1\u2009234", "12"], ["1234.56", "1234", "12"]),
        (",", ["1'234.56", "1\u20192\u2019345.5", "0.5"], ["1234.56", "1\u20192\u2019345.5", "0.5"]),
        (";", ["1'234'567,5", "1 234.5"], ["1234567.5", "1234.5"]),
        (",", ["1,234.56", "0.25", "-12,345,678.5"], ["1234.56", "0.25", "-12345678.5"]),
        (",", ["1,234.56", "2,500"], ["1234.56", "2,500"]),
        (";", ["1.234", "0,5"], ["1.234 (thousands or decimals?)", "0.5"]),
        (";", ["356", "1.234", "402", "981"], ["356", "1.234 (thousands or decimals?)", "402", "981"]),
        (";", ["356", "1.234", "402", "0"], ["356", "1.234", "402", "0"]),
        (";", ["100", "99.125", "100", "100"], ["100", "99.125", "100", "100"]),
        (";", ["356", "1.234", "402", "981.5"], ["356", "1.234", "402", "981.5"]),
        (";", ["0,234", "0.5", "1,234"], ["0.234", "0.5", "1,234 (thousands or decimals?)"]),
        (";", ["0.250", "0,5"], ["0.250", "0.5"]),
        (";", ["2026-06-01 00:15", "12 345 W", "1 23"], ["2026-06-01 00:15", "12 345 W", "1 23"]),
    ],
)
def test_decimal_commas_become_points_and_thousands_stay(separator: str, texts: list[str], expected: list[str]):
    frame = pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)})
    assert with_decimal_points(frame, separator)["a"].to_list() == expected


def test_number_that_its_column_leaves_open_is_refused_with_its_place(place: Place):
    lines = text(";", comma=True).splitlines()
    at, _, pv = lines[7].split(";")
    report = import_readings(place, "day.csv", "\n".join([*lines[:7], f"{at};1.234;{pv}", *lines[8:]]).encode())
    assert report.rows_rejected == 1
    assert any("load_kwh 1.234 (thousands or decimals?) is not a number" in note for note in report.notes)


@pytest.mark.parametrize("number", ["1 234,5", "1\u00a0234,5", "1\u202f234,5", "1.234,5", "1'234,5"])
def test_price_with_thousands_is_read_in_a_market_table_too(number: str, place: Place):
    rows = "".join(f"27-05-2026;{hour:02} - {hour + 1:02};{number}\n" for hour in range(24))
    import_prices(place, "np.csv", f"Elspot Prices in SEK/MWh;;\n;Hours;SE3\n{rows}".encode())
    assert set(place.lake.read(RAW_SPOT_PRICES, "home")["price"].to_list()) == {1.2345}
