"""Long-term statistics in every layout: hours as an independent series, and hourly readings."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS
from tests.builders.home_assistant_exports import NOW, START, counting, import_files, read


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
