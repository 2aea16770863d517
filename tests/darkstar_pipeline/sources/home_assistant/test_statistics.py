"""Long-term statistics in every layout: hours as an independent series, and hourly readings."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS
from tests.builders.home_assistant_exports import NOW, SITE, START, counting, import_files, read


def hour(n: int) -> str:
    return f"{START + timedelta(hours=n):%Y-%m-%d %H:%M:%S}"


CUMULATIVE = {"import_kwh": [100.0, 101.5, 102.0, 104.0], "solar_wh": [5000.0, None, None, 5000.0]}
LONG = "hour,sensor,cumulative\n" + "".join(
    f'"{hour(n)}",{name},{values[n]}\n'
    for n in range(4)
    for name, values in CUMULATIVE.items()
    if values[n] is not None
)
WIDE = "hour,solar_wh_cum,import_kwh_cum,solar_kwh_delta,import_kwh_delta\n" + "".join(
    f'"{hour(n)}",{"" if solar is None else solar},{CUMULATIVE["import_kwh"][n]},,\n'
    for n, solar in enumerate(CUMULATIVE["solar_wh"])
)
MILLIS = int(START.timestamp() * 1000)
SOCKET = json.dumps(
    {
        "id": 5,
        "type": "result",
        "success": True,
        "result": {
            f"sensor.{name}": [
                {"start": MILLIS + 3_600_000 * n, "end": MILLIS + 3_600_000 * (n + 1), "sum": value}
                for n, value in enumerate(values)
                if value is not None
            ]
            for name, values in CUMULATIVE.items()
        },
    }
)
CHANGES = json.dumps(
    {
        "sensor.import_kwh": [
            {"start": f"{START + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}", "change": v}
            for n, v in ((1, 1.5), (2, 0.5), (3, 2.0))
        ],
        "sensor.solar_wh": [
            {"start": f"{START + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}", "change": 0.0} for n in (1, 2, 3)
        ],
    }
)
EPOCH = "start_ts,statistic_id,sum\n" + "".join(
    f"{MILLIS // 1000 + 3600 * n}.0,sensor.{name},{values[n]}\n"
    for n in range(4)
    for name, values in CUMULATIVE.items()
    if values[n] is not None
)


@pytest.mark.parametrize(
    "content", [LONG, WIDE, SOCKET, CHANGES, EPOCH], ids=["long", "wide", "socket", "changes", "epoch"]
)
def test_statistics_give_the_same_hours_in_every_layout(content: str, tmp_path: Path):
    data = read(tmp_path, {"s.json" if content.startswith("{") else "s.csv": content})
    hours = {name: data.statistics.filter(pl.col("quantity") == name) for name in ("import", "pv")}
    assert hours["import"]["hour_start"].to_list() == [START + timedelta(hours=n) for n in (1, 2, 3)]
    assert hours["import"]["energy_kwh"].to_list() == pytest.approx([1.5, 0.5, 2.0])
    assert hours["pv"]["energy_kwh"].to_list() == [0, 0, 0]
    assert data.hourly.select("import_kwh", "pv_kwh").rows() == [
        (pytest.approx(1.5), 0),
        (pytest.approx(0.5), 0),
        (pytest.approx(2.0), 0),
    ]


def hours_of(**values: float) -> list[dict[str, object]]:
    """Eight hours of statistics, each value rising by one."""
    return [
        {"start": f"2026-01-10T{n:02d}:00:00+00:00", **{name: value + n for name, value in values.items()}}
        for n in range(8)
    ]


def test_statistics_with_means_only_are_named_and_rival_no_counter(tmp_path: Path):
    document = {
        "sensor.house_energy_kwh": hours_of(sum=100.0),
        "sensor.house_power": hours_of(mean=500.0),
        "sensor.grid_power": hours_of(mean=5.0),
        "sensor.battery_power": hours_of(sum=5.0),
    }
    data = read(tmp_path, {"a.json": json.dumps(document)})
    assert data.hourly["load_kwh"].to_list() == [1.0] * 7
    assert [note for note in data.notes if "not used" in note] == [
        "statistics with means only (no sum, state or change) are not used: sensor.house_power, sensor.grid_power",
        "statistics of no energy of one direction are not used: sensor.battery_power",
    ]


def test_a_file_of_means_only_is_refused_with_what_to_export(tmp_path: Path):
    table = "statistic_id,unit,start,min,max,mean\n" + "".join(
        f"sensor.pv_power,W,2026-01-10T{n:02d}:00:00+00:00,1,9,5\n" for n in range(8)
    )
    (tmp_path / "a.csv").write_text(table)
    with pytest.raises(DataRefusedError, match=r"means only .* are not used: sensor.pv_power") as refused:
        import_files(Lake(tmp_path / "lake"), tmp_path / "quarantine", [tmp_path / "a.csv"])
    assert "energy counter" in refused.value.hint


def test_statistics_leave_hours_missing_when_the_counter_rose_over_a_gap(tmp_path: Path):
    rows = "".join(f'"{hour(n)}",solar_wh,{value}\n' for n, value in ((0, 1000), (1, 2000), (4, 9000), (5, 9500)))
    data = read(tmp_path, {"s.csv": "hour,sensor,cumulative\n" + rows})
    assert data.statistics.select("hour_start", "energy_kwh").rows() == [
        (START + timedelta(hours=1), pytest.approx(1.0)),
        (START + timedelta(hours=5), pytest.approx(0.5)),
    ]
    assert any("7 kWh flowed while statistics were missing" in note for note in data.notes)


def test_statistics_without_offset_are_utc_unless_the_mapping_says_local(tmp_path: Path):
    assert read(tmp_path, {"s.csv": LONG}).statistics["hour_start"].min() == START + timedelta(hours=1)
    local = read(tmp_path, {"s.csv": LONG}, {"clock": "local"})
    assert local.statistics["hour_start"].min() == START  # an hour earlier: Stockholm's winter clock


def test_statistics_on_the_local_clock_keep_both_halves_of_the_repeated_hour(tmp_path: Path):
    clock = [
        "2025-10-26 00:00:00",
        "2025-10-26 01:00:00",
        "2025-10-26 02:00:00",
        "2025-10-26 02:00:00",
        "2025-10-26 03:00:00",
    ]
    rows = "".join(f"{stamp},import_kwh,{100 + n}\n" for n, stamp in enumerate(clock))
    data = read(tmp_path, {"s.csv": "hour,sensor,cumulative\n" + rows}, {"clock": "local"})
    assert data.statistics.height == 4
    assert data.statistics["energy_kwh"].to_list() == pytest.approx([1.0] * 4)


def test_statistics_fill_only_what_nothing_finer_tells(tmp_path: Path):
    lake, quarantine = Lake(tmp_path / "lake"), tmp_path / "quarantine"
    (tmp_path / "h.csv").write_text(counting("sensor.grid_import_energy", per_slot=0.25, slots=8))
    (tmp_path / "s.csv").write_text(LONG)

    def run(*names: str, hours: int = 0) -> ImportReport:
        files = [tmp_path / name for name in names]
        return import_files(lake, quarantine, files, now=NOW + timedelta(hours=hours))

    run("h.csv", "s.csv")
    first = lake.read(METER_READINGS, "home")
    assert first["import_kwh"].to_list() == pytest.approx([0.25] * 8 + [0.125] * 4 + [0.5] * 4)
    assert first["pv_kwh"].to_list() == [None] * 4 + [0.0] * 12
    assert lake.read(METER_STATISTICS, "home").height == 6
    again = run("s.csv", "h.csv", hours=1)
    assert (again.slots_new, again.slots_changed) == (0, 0)
    assert lake.read(METER_READINGS, "home").equals(first)


def exported(separator: str = ",", *, day_first: bool = False, unit: str = "kWh", comma: bool = False) -> str:
    """The export of an integration: local clock, unit column, from midnight of the day of 25 hours."""
    lines = [separator.join(("statistic_id", "unit", "start", "min", "max", "mean", "sum", "state", "delta"))]
    for n, clock in enumerate(["00", "01", "02", "02", "03", "04"]):
        stamp = f"25.10.2026 {clock}:00" if day_first else f"2026-10-25 {clock}:00"
        values = (0.4 * (n + 1), 5000 + 0.4 * (n + 1), 0.4)
        shown = [f"{value * (1000 if unit == 'Wh' else 1):.4f}".replace(".", "," if comma else ".") for value in values]
        lines.append(separator.join(("sensor.house_load", unit, stamp, "", "", "", *shown)))
        lines.append(separator.join(("sensor.outdoor_temperature", "°C", stamp, "3", "4", "3", "", "", "")))
    return "\n".join(lines) + "\n"


FIVE = json.dumps(
    {
        "statistics": {
            "sensor.house_load_kwh": [
                {"start": 1792879200000 + 300_000 * n, "end": 1792879200000 + 300_000 * (n + 1), "change": 0.4 / 12}
                for n in range(72)
            ]
        }
    }
)
ACROSS = (
    "entity_id,type,unit,"
    + ",".join(f"2026-10-{24 if n < 2 else 25}T{(22 + n) % 24:02}:00:00.000Z" for n in range(6))
    + "\nsensor.house_load,device_consumption,Wh,"
    + ",".join(["400"] * 6)
    + "\n"
)


@pytest.mark.parametrize(
    "content",
    [
        exported(),
        exported("\t", day_first=True),
        exported(";", comma=True),
        exported(unit="Wh"),
        FIVE,
        ACROSS,
    ],
    ids=["local", "tabs-day-first", "semicolon", "watt-hours", "five-minutes", "dashboard"],
)
def test_exports_that_state_clock_unit_and_period_are_read_by_them(content: str, tmp_path: Path):
    site = SITE.model_copy(update={"timezone": "Europe/Vienna"})
    data = read(tmp_path, {"s.json" if content.startswith("{") else "s.csv": content}, site=site)
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert data.statistics["hour_start"].to_list() == [first + timedelta(hours=n) for n in range(6)]
    assert data.statistics["energy_kwh"].to_list() == pytest.approx([0.4] * 6)


def test_statistics_of_five_minutes_give_quarter_hours_too(tmp_path: Path):
    data = read(tmp_path, {"s.json": FIVE})
    assert data.readings["load_kwh"].to_list() == pytest.approx([0.1] * 24)
    assert data.readings["native_minutes"].unique().to_list() == [15]


def test_statistics_of_days_are_refused(tmp_path: Path):
    rows = [{"start": MILLIS + 86_400_000 * n, "end": MILLIS + 86_400_000 * (n + 1), "change": 9.6} for n in range(5)]
    with pytest.raises(DataRefusedError, match="a row covers 1440 minutes; an hour or five minutes are read"):
        read(tmp_path, {"s.json": json.dumps({"sensor.house_load_kwh": rows})})


def test_statistics_without_unit_that_no_home_runs_on_are_refused(tmp_path: Path):
    rows = [{"start": MILLIS + 3_600_000 * n, "sum": 1.1 + 0.0004 * n} for n in range(48)]
    with pytest.raises(DataRefusedError, match="which no home runs on; it may be in MWh"):
        read(tmp_path, {"s.json": json.dumps({"sensor.house_load": rows})})
