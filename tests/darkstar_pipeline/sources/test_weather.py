"""Tidy weather: what is accepted, on which slots it lands, and every refusal with its message."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.imports import WEATHER, import_tidy_file
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sources.weather import read_weather
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 28, 23, tzinfo=UTC)  # of the spring day of 92 slots in Stockholm
SAID = MIDNIGHT - timedelta(hours=6)


def weather(hours: int = 23, *, known_at: datetime = SAID, minutes: int = 60, **columns: float) -> pl.DataFrame:
    """Hourly weather of the short day, said the evening before."""
    values = {"temp_c": 3.5, "cloud_percent": 40.0, **columns}
    rows = pl.DataFrame({"row": range(hours)})
    return rows.select(
        slot_start=(pl.lit(MIDNIGHT) + pl.duration(minutes=minutes * pl.col("row"))).dt.cast_time_unit("us"),
        known_at=pl.lit(known_at),
        **{name: pl.lit(value) for name, value in values.items()},
    )


def file_of(folder: Path, frame: pl.DataFrame, name: str = "weather.parquet") -> Path:
    frame.write_parquet(folder / name)
    return folder / name


def imported(folder: Path, frame: pl.DataFrame) -> tuple[ImportReport, Lake]:
    lake = Lake(folder / "lake")
    target = ImportTarget(lake=lake, quarantine_dir=folder / "quarantine", site_name="home", site=SiteSettings())
    report = import_tidy_file(WEATHER, target, file_of(folder, frame), now=NOW)
    return report, lake


def test_weather_is_four_slots_when_it_is_hourly_and_only_energy_is_split(tmp_path: Path) -> None:
    report, lake = imported(tmp_path, weather(pv_expected_kwh=0.8))
    rows = lake.read(RAW_WEATHER, "home")
    assert (report.kind, report.rows_accepted, report.slots_new, report.days) == ("weather", 23, 92, 1)
    assert rows.height == 92
    assert rows["temp_c"].unique().to_list() == [3.5]
    assert rows["pv_expected_kwh"].unique().to_list() == [0.2]
    assert rows["irradiance_w_m2"].null_count() == 92
    assert rows["known_at"].unique().to_list() == [SAID]


def test_weather_keeps_both_words_when_it_was_said_anew(tmp_path: Path) -> None:
    anew = weather(known_at=SAID + timedelta(hours=3), temp_c=5.0)
    report, lake = imported(tmp_path, pl.concat([weather(), anew]))
    assert report.slots_new == 2 * 92
    rows = lake.read(RAW_WEATHER, "home").head(2)
    assert rows["temp_c"].to_list() == [3.5, 5.0]
    again, _ = imported(tmp_path, pl.concat([weather(), anew]))
    assert (again.slots_new, again.slots_changed) == (0, 0)


def test_weather_takes_the_column_time_when_slots_are_called_so(tmp_path: Path) -> None:
    text = weather(minutes=15).rename({"slot_start": "time"}).with_columns(vacation=pl.lit(value=True))
    parsed = read_weather(file_of(tmp_path, text), now=NOW)
    assert parsed.rows["vacation"].unique().to_list() == [1.0]
    assert parsed.rows.height == 23


def test_weather_says_so_when_rows_come_too_late_for_any_forecast(tmp_path: Path) -> None:
    parsed = read_weather(file_of(tmp_path, weather(13, known_at=MIDNIGHT + timedelta(hours=4))), now=NOW)
    assert "4 rows were known only after their time" in " ".join(parsed.notes)


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        pytest.param({"temp_c": 99.0}, "temp_c 99.0 is not possible", id="hot"),
        pytest.param({"cloud_percent": 140.0}, "cloud_percent 140.0", id="clouds"),
        pytest.param({"irradiance_w_m2": -1.0}, "irradiance_w_m2 -1.0", id="dark"),
        pytest.param({"pv_expected_kwh": 200.0}, "pv_expected_kwh 200.0", id="too much sun"),
        pytest.param({"alarm": 0.5}, "alarm is neither 0 nor 1", id="half an alarm"),
        pytest.param({"temp_c": float("nan")}, "temp_c is NaN", id="nan"),
        pytest.param({"known_at": NOW + timedelta(hours=1)}, "known_at lies in the future", id="from the future"),
    ],
)
def test_weather_row_is_refused_with_its_reason_when_it_cannot_be(
    tmp_path: Path, spoiled: dict[str, float], reason: str
) -> None:
    frame = weather(irradiance_w_m2=0.0, pv_expected_kwh=0.0, alarm=0.0)
    cells = {
        name: pl.when(pl.int_range(pl.len()) == 2).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in spoiled.items()
    }
    parsed = read_weather(file_of(tmp_path, frame.with_columns(**cells)), now=NOW)
    assert parsed.rejects["row"].to_list() == [3]
    assert reason in parsed.rejects["reason"][0]
    assert parsed.rows.height == 22 * 4


def test_weather_rows_are_all_refused_when_they_contradict_each_other(tmp_path: Path) -> None:
    twice = pl.concat([weather(), weather(1), weather(2, temp_c=9.0).tail(1)])
    parsed = read_weather(file_of(tmp_path, twice), now=NOW)
    assert parsed.rejects["row"].to_list() == [2, 25]
    assert "1 repeated rows" in " ".join(parsed.notes)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        pytest.param(weather().drop("known_at"), "no column known_at", id="never known"),
        pytest.param(
            weather().drop("temp_c", "cloud_percent"), "needs slot_start and one of temp_c", id="nothing said"
        ),
        pytest.param(weather().drop("slot_start"), "needs slot_start", id="no slots"),
        pytest.param(weather(30, cloud_percent=0.4), "cloud_percent is never above 1 %", id="shares"),
        pytest.param(weather(10, minutes=180), "a row every 180 minutes", id="three-hourly"),
    ],
)
def test_weather_file_is_refused_when_it_cannot_be_used(tmp_path: Path, frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataRefusedError, match=message):
        read_weather(file_of(tmp_path, frame), now=NOW)


@pytest.mark.parametrize(
    ("energy", "refused"), [(100.0, 0), (100.1, 23), (0.0, 0), (-0.1, 23)], ids=["most", "more", "none", "less"]
)
def test_expected_sun_is_a_hundred_kilowatts_at_most(energy: float, refused: int, tmp_path: Path) -> None:
    parsed = read_weather(file_of(tmp_path, weather(pv_expected_kwh=energy)), now=NOW)
    assert parsed.rejects.height == refused


@pytest.mark.parametrize(
    ("minutes", "energy", "kept", "refused", "told"),
    [
        (60, 6.0, 1.5, 0, False),
        (60, 6.5, 1.5, 0, True),
        (15, 1.6, 1.5, 0, True),
        (15, 4.5, 1.5, 0, True),
        (15, 4.6, None, 23, False),
    ],
    ids=["most", "hour", "quarter", "far above", "another unit"],
)
def test_forecast_is_capped_and_told_when_the_panels_cannot_make_it(
    minutes: int, energy: float, kept: float | None, refused: int, *, told: bool, tmp_path: Path
) -> None:
    frame = weather(pv_expected_kwh=energy, minutes=minutes)
    parsed = read_weather(file_of(tmp_path, frame), now=NOW, panels_kw=6.0)
    assert parsed.rejects.height == refused
    assert parsed.rows["pv_expected_kwh"].unique().to_list() == ([] if kept is None else [kept])
    assert any("panels of 6 kW can make" in note for note in parsed.notes) is told


@pytest.mark.parametrize(
    ("column", "value", "refused"),
    [
        ("temp_c", -80.0, 0),
        ("temp_c", -80.1, 23),
        ("temp_c", 60.0, 0),
        ("temp_c", 60.1, 23),
        ("cloud_percent", 0.0, 0),
        ("cloud_percent", -0.1, 23),
        ("cloud_percent", 100.0, 0),
        ("cloud_percent", 100.1, 23),
        ("irradiance_w_m2", 0.0, 0),
        ("irradiance_w_m2", 1500.0, 0),
        ("irradiance_w_m2", 1500.1, 23),
    ],
)
def test_weather_is_within_what_the_earth_has(column: str, value: float, refused: int, tmp_path: Path) -> None:
    frame = weather().with_columns(pl.lit(value).alias(column))
    parsed = read_weather(file_of(tmp_path, frame), now=NOW)
    assert parsed.rejects.height == refused
