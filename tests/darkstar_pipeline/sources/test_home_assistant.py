"""Home Assistant exports read together: every layout, what is chosen, what is refused, and the measured fixtures."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.importing import ImportReport, import_home_assistant
from darkstar_pipeline.settings import SiteSettings
from darkstar_pipeline.sources.energy_curve import as_seconds
from darkstar_pipeline.sources.home_assistant import HomeAssistantData, read_home_assistant
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES

NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = datetime(2026, 1, 9, 23, tzinfo=UTC)
SITE = SiteSettings.model_validate({"area": "SE4"})
HEADER = "entity_id,state,last_changed\n"


def stamp(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def history(entity: str, states: Sequence[tuple[float, object]], *, header: bool = True) -> str:
    """History CSV of states given as (minutes, state)."""
    return (HEADER if header else "") + "".join(f"{entity},{state},{stamp(minutes)}\n" for minutes, state in states)


def counting(entity: str, per_slot: float = 0.25, slots: int = 8, start: float = 100.0, unit: float = 1.0) -> str:
    """A counter read every five minutes."""
    return history(entity, [(5 * n, round((start + per_slot * n / 3) * unit, 6)) for n in range(3 * slots + 1)])


def read(
    folder: Path, files: Mapping[str, str | bytes], mapping: Mapping[str, str] | None = None, site: SiteSettings = SITE
) -> HomeAssistantData:
    paths: list[Path] = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return read_home_assistant(paths, site=site, mapping={} if mapping is None else mapping, now=NOW)


def column(data: HomeAssistantData, name: str) -> list[float]:
    return [round(value, 9) for value in data.readings[name].to_list()]


LAYOUTS: dict[str, tuple[str, str | bytes]] = {
    "header": ("h.csv", counting("sensor.house_load_energy")),
    "headerless": ("h.csv", counting("sensor.house_load_energy").removeprefix(HEADER)),
    "gzip": ("h.csv.gz", gzip.compress(counting("sensor.house_load_energy").encode())),
    "gzip-without-suffix": ("h.csv", gzip.compress(counting("sensor.house_load_energy").encode())),
    "watt-hours": ("h.csv", counting("sensor.house_load_energy_wh", unit=1000)),
    "watt-hours-by-size": ("h.csv", counting("sensor.house_load_energy", unit=1000)),
    "json": (
        "h.json",
        json.dumps(
            [
                [
                    {
                        "entity_id": "sensor.house_load",
                        "state": str(100_000 + 250 * n / 3),
                        "last_changed": stamp(5 * n),
                        "attributes": {"unit_of_measurement": "Wh", "friendly_name": "House"},
                    }
                    for n in range(25)
                ]
            ]
        ),
    ),
    "minimal-json": (
        "h.json",
        json.dumps(
            [
                [
                    {
                        "entity_id": "sensor.house_load",
                        "state": "100.0",
                        "last_changed": stamp(0),
                        "attributes": {"unit_of_measurement": "kWh"},
                    }
                ]
                + [{"state": str(100 + 0.25 * n / 3), "last_changed": stamp(5 * n)} for n in range(1, 25)]
            ]
        ),
    ),
    "watts": ("h.csv", history("sensor.house_load_power", [(5 * n, 1000) for n in range(25)])),
    "kilowatts": ("h.csv", history("sensor.house_load_power", [(5 * n, 1.0) for n in range(25)])),
}


@pytest.mark.parametrize(("name", "content"), LAYOUTS.values(), ids=LAYOUTS)
def test_history_gives_the_same_slots_in_every_layout(name: str, content: str | bytes, tmp_path: Path):
    data = read(tmp_path, {name: content})
    assert column(data, "load_kwh") == pytest.approx([0.25] * 8, abs=1e-6)
    assert data.readings["slot_start"][0] == START
    assert data.readings["native_minutes"].unique().to_list() == [15]
    assert data.rejects.is_empty()


def test_lifetime_counter_is_preferred_to_a_resetting_one_and_that_to_power(tmp_path: Path):
    life = counting("sensor.grid_import_total", per_slot=0.3)
    today = counting("sensor.grid_import_today", per_slot=0.2, start=0)
    power = history("sensor.grid_import_power", [(5 * n, 400) for n in range(25)])
    everything = read(tmp_path, {"a.csv": life, "b.csv": today, "c.csv": power})
    assert column(everything, "import_kwh") == [0.3] * 8
    assert "sensor.grid_import_today is left out: sensor.grid_import_total is the better import_kwh" in everything.notes
    assert column(read(tmp_path, {"b.csv": today, "c.csv": power}), "import_kwh") == [0.2] * 8
    assert column(read(tmp_path, {"c.csv": power}), "import_kwh") == [0.1] * 8


def test_signed_battery_power_is_split_as_its_name_says(tmp_path: Path):
    states = [(5 * n, 2000 if n < 12 else -1000) for n in range(25)]
    data = read(tmp_path, {"a.csv": history("sensor.battery_charge_discharge_power", states)})
    assert column(data, "batt_charge_kwh") == [0.5] * 4 + [0.0] * 4
    assert column(data, "batt_discharge_kwh") == [0.0] * 4 + [0.25] * 4
    other = read(tmp_path, {"a.csv": history("sensor.battery_discharge_charge_power", states)})
    assert column(other, "batt_discharge_kwh") == [0.5] * 4 + [0.0] * 4


def test_sign_of_battery_power_is_told_by_the_state_of_charge(tmp_path: Path):
    power = history("sensor.battery_power", [(5 * n, 2000 if n < 12 else -1000) for n in range(25)])
    soc = history("sensor.battery_soc", [(5 * n, 50 - n if n < 12 else 38 + 0.5 * (n - 12)) for n in range(25)])
    data = read(tmp_path, {"p.csv": power, "s.csv": soc})
    assert column(data, "batt_discharge_kwh") == [0.5] * 4 + [0.0] * 4
    with pytest.raises(DataRefusedError, match="does not tell whether positive charges"):
        read(tmp_path, {"p.csv": power})
    told = read(tmp_path, {"p.csv": power}, {"sensor.battery_power": "battery_power"})
    assert column(told, "batt_charge_kwh") == [0.5] * 4 + [0.0] * 4


def test_unavailable_states_are_no_readings_and_bad_ones_are_refused_by_row(tmp_path: Path):
    lines = counting("sensor.house_load_energy").splitlines()
    lines[3:3] = [f"sensor.house_load_energy,{state},{stamp(9)}" for state in ("unavailable", "unknown", "")]
    lines += [
        f"sensor.house_load_energy,lots,{stamp(120)}",
        "sensor.house_load_energy,1.0,soon",
        f"sensor.house_load_energy,inf,{stamp(121)}",
        "sensor.house_load_energy,1.0,0001-01-01T00:00:00Z",
    ]
    data = read(tmp_path, {"h.csv": "\n".join(lines)})
    assert column(data, "load_kwh") == [0.25] * 8
    assert data.rejects.select("file", "row", "reason").rows() == [
        ("h.csv", 29, "state lots is not a number"),
        ("h.csv", 30, "last_changed soon is not a date and time"),
        ("h.csv", 31, "state inf is not a finite number"),
        ("h.csv", 32, "instant 0001-01-01T00:00:00Z is before 2000"),
    ]
    assert any("3 of 28 states were unavailable or unknown" in note for note in data.notes)


def test_chunks_of_one_sensor_are_one_series(tmp_path: Path):
    whole = counting("sensor.house_load_energy").splitlines()
    data = read(tmp_path, {"b.csv": "\n".join([whole[0], *whole[10:]]), "a.csv": "\n".join(whole[:12])})
    assert column(data, "load_kwh") == [0.25] * 8


def test_mapping_overrides_names_and_ignores_sensors(tmp_path: Path):
    files = {"a.csv": counting("sensor.x"), "b.csv": counting("sensor.y")}
    data = read(tmp_path, files, {"sensor.x": "ev_kwh", "sensor.y": "ignore"})
    assert column(data, "ev_kwh") == [0.25] * 8
    assert "not used: sensor.y" in data.notes


class Refused(NamedTuple):
    """An import that is refused."""

    id: str
    files: Mapping[str, str | bytes]
    mapping: Mapping[str, str]
    error: type[Exception]
    message: str


FORECAST_SOLAR = json.dumps({"2025-10-15 07:41:06": 0, "2025-10-15 07:45:00": 5})
WEATHER = "weather.met_no:\n  forecast:\n    - condition: cloudy\n"
NORD_POOL = {
    "region": "SE4",
    "currency": "SEK",
    "unit": "kWh",
    "raw_today": [
        {"start": (START + timedelta(minutes=15 * n)).isoformat(), "end": "", "value": round(0.01 * (n % 50), 3)}
        for n in range(96)
    ],
}


def nord_pool(**changes: object) -> str:
    return json.dumps({**NORD_POOL, **changes})


REFUSALS = [
    Refused(
        "unknown-sensor",
        {"a.csv": counting("sensor.x")},
        {},
        DataRefusedError,
        "sensor.x: the name does not tell what it measures",
    ),
    Refused(
        "map-to-nothing",
        {"a.csv": counting("sensor.x")},
        {"sensor.x": "watts"},
        ConfigurationError,
        "there is no watts",
    ),
    Refused(
        "map-of-nothing",
        {"a.csv": counting("sensor.x")},
        {"sensor.z": "load"},
        ConfigurationError,
        "no file holds sensor.z",
    ),
    Refused(
        "map-clock", {"a.csv": counting("sensor.x")}, {"clock": "cet"}, ConfigurationError, "neither utc nor local"
    ),
    Refused(
        "forecast-solar", {"forecast.solar.csv": FORECAST_SOLAR}, {}, DataRefusedError, "a forecast, not a measurement"
    ),
    Refused(
        "forecast-reply",
        {"f.reply": "Result\nwatts\t\n2025-10-16 07:43:13\t0\n"},
        {},
        DataRefusedError,
        "a forecast, not",
    ),
    Refused("weather", {"met.yaml": WEATHER}, {}, DataRefusedError, "a forecast, not a measurement"),
    Refused(
        "tidy",
        {"t.csv": "slot_start,load_kwh\n2026-01-01T00:00Z,1\n"},
        {},
        DataRefusedError,
        "no Home Assistant export",
    ),
    Refused("binary", {"t.csv": b"\x00\xff\xfe"}, {}, DataRefusedError, "is not text"),
    Refused("parquet", {"t.parquet": b"PAR1....PAR1"}, {}, DataRefusedError, "is a Parquet file"),
    Refused("empty", {"t.csv": ""}, {}, DataRefusedError, "is empty"),
    Refused("header-only", {"t.csv": HEADER}, {}, DataRefusedError, "column names but no rows"),
    Refused("broken-json", {"t.json": "[[{"}, {}, DataRefusedError, "broken JSON"),
    Refused("other-json", {"t.json": '{"a": 1}'}, {}, DataRefusedError, "no Home Assistant export that is known"),
    Refused("other-lists", {"t.json": "[[1, 2]]"}, {}, DataRefusedError, "something other than states"),
    Refused("broken-yaml", {"t.yaml": "a: [1"}, {}, DataRefusedError, "broken YAML"),
    Refused("missing", {}, {}, ConfigurationError, "no such file"),
    Refused(
        "two-loads",
        {"a.csv": counting("sensor.house_energy") + counting("sensor.house_energy_2")[len(HEADER) :]},
        {},
        DataRefusedError,
        "are both a counter of load_kwh",
    ),
    Refused(
        "two-socs",
        {"a.csv": history("sensor.soc", [(0, 5)]) + history("sensor.soc_2", [(0, 5)], header=False)},
        {},
        DataRefusedError,
        "are both a level of soc_percent",
    ),
    Refused(
        "no-number",
        {"a.csv": history("sensor.load_energy", [(0, "unknown")])},
        {},
        DataRefusedError,
        "no number in 1 states",
    ),
    Refused(
        "mostly-bad",
        {"a.csv": history("sensor.load_energy", [(0, "a"), (1, "b"), (2, 3)])},
        {},
        DataRefusedError,
        "2 of 3 rows are bad; the first is row 1 of a.csv",
    ),
    Refused(
        "no-counter",
        {"a.csv": history("sensor.load_energy", [(n, 5 + n % 2) for n in range(60)])},
        {},
        DataRefusedError,
        "of its changes are falls",
    ),
    Refused(
        "future",
        {"a.csv": counting("sensor.load_energy").replace("2026-", "2036-")},
        {},
        DataRefusedError,
        "lie in the future",
    ),
    Refused(
        "other-area",
        {"a.csv": history("sensor.nordpool_kwh_se3_sek", [(0, 1), (60, 2)])},
        {},
        DataRefusedError,
        "prices of SE3 offered, the site is in SE4",
    ),
    Refused(
        "other-currency",
        {"a.csv": history("sensor.nordpool_kwh_se4_eur", [(0, 1), (60, 2)])},
        {},
        DataRefusedError,
        "prices in EUR",
    ),
    Refused(
        "price-scale",
        {"a.csv": history("sensor.nordpool_se4", [(0, 100), (60, 120), (120, 80)])},
        {},
        DataRefusedError,
        "too much for SEK/kWh",
    ),
    Refused(
        "unit",
        {
            "h.json": json.dumps(
                [
                    [
                        {
                            "entity_id": "sensor.load",
                            "state": "1",
                            "last_changed": stamp(0),
                            "attributes": {"unit_of_measurement": "gal"},
                        }
                    ]
                ]
            )
        },
        {},
        DataRefusedError,
        "is in gal",
    ),
    Refused(
        "energy-of-battery",
        {"a.csv": counting("sensor.battery_energy")},
        {},
        DataRefusedError,
        "which way this energy flows",
    ),
    Refused(
        "too-short",
        {"a.csv": history("sensor.load_energy", [(1, 5), (2, 6)])},
        {},
        DataRefusedError,
        "no slot is covered whole",
    ),
    Refused(
        "huge-power",
        {"a.csv": history("sensor.load_energy_kwh", [(n, 500 * n) for n in range(60)])},
        {},
        DataRefusedError,
        "more than a home can",
    ),
    Refused("nord-pool-area", {"n.json": nord_pool(region="SE1")}, {}, DataRefusedError, "prices of SE1 offered"),
    Refused("nord-pool-currency", {"n.json": nord_pool(currency="EUR")}, {}, DataRefusedError, "prices are in EUR"),
    Refused(
        "nord-pool-fees",
        {"n.json": nord_pool(additional_costs_current_hour=0.3)},
        {},
        DataRefusedError,
        "adds costs to the spot price",
    ),
    Refused(
        "nord-pool-dates",
        {"n.json": nord_pool(raw_today=[], today=[0.1] * 96)},
        {},
        DataRefusedError,
        "no raw_today with start times",
    ),
    Refused(
        "daily-statistics",
        {"s.csv": "start,statistic_id,sum\n2026-01-01T00:30:00Z,sensor.load,5\n"},
        {},
        DataRefusedError,
        "is not the start of an hour",
    ),
    Refused(
        "rival-statistics",
        {
            "s.csv": "start,statistic_id,sum\n"
            + "".join(f"2026-01-01T0{h}:00:00Z,sensor.{n}_load,{h}\n" for h in range(9) for n in "ab")
        },
        {},
        DataRefusedError,
        "are both statistics of load_kwh",
    ),
    Refused(
        "huge-hour",
        {
            "s.csv": "start,statistic_id,change\n"
            + "".join(f"2026-01-01T0{h}:00:00Z,sensor.load,{200 if h == 3 else 1}\n" for h in range(9))
        },
        {},
        DataRefusedError,
        "200 kWh in the hour of",
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.id)
def test_export_is_refused_and_the_lake_stays_when_it_cannot_be_used(case: Refused, tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    paths = [tmp_path / name for name in case.files] or [tmp_path / "absent.csv"]
    for path, content in zip(paths, case.files.values(), strict=False):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(case.error) as raised:
        import_home_assistant(lake, tmp_path / "quarantine", "home", SITE, paths, mapping=case.mapping, now=NOW)
    assert case.message in str(raised.value)
    assert getattr(raised.value, "hint", "")
    assert not lake.root.exists()


def test_forecast_beside_measurements_is_left_out_with_a_note(tmp_path: Path):
    data = read(tmp_path, {"met.yaml": WEATHER, "h.csv": counting("sensor.load_energy")})
    assert data.notes[0] == "met.yaml: a forecast, not a measurement: only what was measured is imported; left out"
    assert data.readings.height == 8


def test_nord_pool_sensor_gives_its_lists_and_not_todays_twice(tmp_path: Path):
    tomorrow = [
        {**entry, "start": (START + timedelta(days=1, minutes=15 * n)).isoformat()}
        for n, entry in enumerate(NORD_POOL["raw_today"])
    ]
    data = read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow)})
    assert data.prices.height == 96
    assert data.rejects["reason"].unique().to_list() == ["tomorrow's prices are today's again"]
    tomorrow[0]["value"] = 0.9
    assert read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow)}).prices.height == 192
    partial = read(tmp_path, {"n.json": nord_pool(raw_tomorrow=tomorrow[:4])})
    assert (partial.prices.height, partial.rejects["reason"][0]) == (96, "day 2026-01-11 has 4 of 96 prices")
    cents = read(tmp_path, {"n.json": nord_pool(price_in_cents=True)})
    assert cents.prices["price"].max() == pytest.approx(0.0049)


# Long-term statistics


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
        return import_home_assistant(
            lake, quarantine, "home", SITE, files, mapping={}, now=NOW + timedelta(hours=hours)
        )

    run("h.csv", "s.csv")
    first = lake.read(METER_READINGS, "home")
    assert first["import_kwh"].to_list() == pytest.approx([0.25] * 8 + [0.125] * 4 + [0.5] * 4)
    assert first["pv_kwh"].to_list() == [None] * 4 + [0.0] * 12
    assert lake.read(METER_STATISTICS, "home").height == 6
    again = run("s.csv", "h.csv", hours=1)
    assert (again.slots_new, again.slots_changed) == (0, 0)
    assert lake.read(METER_READINGS, "home").equals(first)


def test_recorded_hourly_prices_do_not_replace_published_quarters(tmp_path: Path):
    lake = Lake(tmp_path / "lake")
    (tmp_path / "n.json").write_text(nord_pool())
    (tmp_path / "h.csv").write_text(history("sensor.nordpool_se4", [(60 * n, 0.1 * n) for n in range(48)]))
    for name in ("n.json", "h.csv"):
        import_home_assistant(lake, tmp_path / "q", "home", SITE, [tmp_path / name], mapping={}, now=NOW)
    stored = lake.read(RAW_SPOT_PRICES, "home")
    assert stored.height == 4 * 47
    assert stored["price"].to_list()[:96] == [entry["value"] for entry in NORD_POOL["raw_today"]]


# What was measured


@pytest.fixture(scope="module")
def week(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, ImportReport, list[Path]]:
    """The week of the home in SE4 in a lake, from every file of its folder."""
    folder = tmp_path_factory.mktemp("week")
    lake = Lake(folder / "lake")
    files = sorted((shared_data / "fixtures" / "ha_history_se4").iterdir())
    return lake, import_home_assistant(lake, folder / "q", "home", SITE, files, mapping={}, now=NOW), files


def test_measured_week_equals_the_published_slots(week: tuple[Lake, ImportReport, list[Path]], shared_data: Path):
    lake, report, _ = week
    published = pl.read_parquet(shared_data / "homes" / "se4_home_battery_15min_2025w41.parquet")
    ours = published.join(lake.read(METER_READINGS, "home"), left_on="utc_start", right_on="slot_start", suffix="_ours")
    assert (ours.height, report.rows_rejected) == (671, 0)
    pairs = {
        "load_kwh": "load_kwh_ours",
        "pv_kwh": "pv_kwh_ours",
        "grid_import_kwh": "import_kwh",
        "grid_export_kwh": "export_kwh",
        "batt_charge_kwh": "batt_charge_kwh_ours",
        "batt_discharge_kwh": "batt_discharge_kwh_ours",
        "soc_pct_start": "soc_start_percent",
    }
    for theirs, mine in pairs.items():
        difference = (ours[theirs] - ours[mine]).abs()
        assert (difference <= 5.1e-5).all(), theirs  # they are rounded to four decimals
        assert difference.null_count() <= 1, theirs
    assert any("sensor.emma_supply_from_grid_today is left out" in note for note in report.notes)


COUNTERS = {
    "historic_EV_total_charged_energy.csv.gz": "ev_kwh",
    "historic_feed_in_to_grid_today.csv.gz": "export_kwh",
    "historic_today_energy_supply_from_grid.csv.gz": "import_kwh",
    "historic_total_charged_energy_to_batteries.csv.gz": "batt_charge_kwh",
    "historic_total_discharge_from_batteries.csv.gz": "batt_discharge_kwh",
    "historic_total_energy_from_pv.csv.gz": "pv_kwh",
    "historic_total_energy_supply_from_grid.csv.gz": "import_kwh",
    "historic_total_feed_in_to_grid.csv.gz": "export_kwh",
    "historic_total_house_energy_consumption.csv.gz": "load_kwh",
}


@pytest.mark.parametrize("name", COUNTERS)
def test_energy_is_conserved_between_every_measured_counter_and_its_slots(name: str, shared_data: Path):
    file = shared_data / "fixtures" / "ha_history_se4" / name
    data = read_home_assistant([file], site=SITE, mapping={}, now=NOW)
    raw = pl.read_csv(file, has_header=False, new_columns=["entity", "state", "at"], infer_schema=False)
    states = raw.with_columns(
        pl.col("state").cast(pl.Float64, strict=False), pl.col("at").str.to_datetime(time_zone="UTC", strict=False)
    )
    known = states.drop_nulls()
    values, seconds = known["state"].to_numpy(), as_seconds(known["at"])
    steps = np.diff(values)
    counted = np.concatenate(([0.0], np.cumsum(np.where(steps < 0, values[1:], steps))))
    slots = data.readings["slot_start"]
    edges = as_seconds(slots)
    covered = np.interp(edges[-1] + 900, seconds, counted) - np.interp(edges[0], seconds, counted)
    assert data.readings[COUNTERS[name]].sum() == pytest.approx(covered, rel=1e-3)
    # And nothing but the last, unfinished slot is missing of the whole.
    assert counted[-1] - covered <= 3.0
    assert slots.len() >= (seconds[-1] - seconds[0]) // 900 - 1


def test_battery_power_and_its_counters_agree(shared_data: Path):
    folder = shared_data / "fixtures" / "ha_history_se4"
    power = read_home_assistant(
        [folder / "historic_batteries_power_in_out.csv.gz"], site=SITE, mapping={}, now=NOW
    ).readings
    counters = [folder / name for name in COUNTERS if "batteries" in name]
    counted = read_home_assistant(counters, site=SITE, mapping={}, now=NOW).readings
    both = power.join(counted, on="slot_start", suffix="_counted")
    # The power is measured on the battery's side of the inverter, so the sums differ by its losses; the signs agree.
    for name in ("batt_charge_kwh", "batt_discharge_kwh"):
        assert both.select(pl.corr(name, f"{name}_counted")).item() > 0.99


def test_measured_prices_are_the_markets(week: tuple[Lake, ImportReport, list[Path]], shared_data: Path):
    lake, _, _ = week
    prices = lake.read(RAW_SPOT_PRICES, "home").filter(pl.col("slot_start") >= datetime(2025, 10, 11, 22, tzinfo=UTC))
    market = pl.read_parquet(shared_data / "spot_prices_se.parquet").filter(pl.col("area") == "SE4")
    both = prices.join(market, on="slot_start")
    assert (both.height, prices["native_minutes"].unique().to_list()) == (288, [15])
    assert (
        (both["price"] - both["sek_per_kwh"]).abs() < 0.01
    ).all()  # the sensor rounds, and has its own exchange rate


def test_measured_statistics_conserve_energy_in_both_layouts(shared_data: Path):
    folder = shared_data / "fixtures" / "ha_lts"
    long = read_home_assistant([folder / "ha_hourly_cumulative_5days.csv"], site=SITE, mapping={}, now=NOW)
    wide = read_home_assistant([folder / "ha_hourly_deltas_5days.csv"], site=SITE, mapping={}, now=NOW)
    raw = pl.read_csv(folder / "ha_hourly_cumulative_5days.csv")
    for quantity, sensor, scale in (("import", "import_kwh", 1), ("export", "export_kwh", 1), ("pv", "solar_wh", 1000)):
        values = raw.filter(pl.col("sensor") == sensor)["cumulative"]
        counted = (values[-1] - values[0]) / scale
        for data in (long, wide):
            hours = data.statistics.filter(pl.col("quantity") == quantity)
            assert hours["energy_kwh"].sum() == pytest.approx(counted, rel=1e-3)
            assert hours.height == 118
    deltas = pl.read_csv(folder / "ha_hourly_deltas_5days.csv", try_parse_dates=True).drop_nulls("import_kwh_delta")
    ours = wide.statistics.filter(pl.col("quantity") == "import")["energy_kwh"]
    assert ours.to_list() == pytest.approx(deltas["import_kwh_delta"].to_list(), abs=6e-3)
    assert any("but then the PV centres +2.6 h from noon" in note for note in wide.notes)


def test_measured_period_of_the_api_is_integrated(shared_data: Path):
    data = read_home_assistant(
        [shared_data / "fixtures" / "api" / "ha_history_period_emhass.json.gz"], site=SITE, mapping={}, now=NOW
    )
    assert data.readings.height == 96
    assert data.readings["slot_start"][0].date() == date(2022, 10, 19)
    assert data.readings["load_kwh"].sum() == pytest.approx(16.26, abs=0.01)


def test_measured_folder_changes_nothing_when_imported_again(
    week: tuple[Lake, ImportReport, list[Path]], tmp_path: Path
):
    lake, first, files = week
    before = {path: path.read_bytes() for path in lake.root.rglob("*.parquet")}
    again = import_home_assistant(lake, tmp_path, "home", SITE, files, mapping={}, now=NOW + timedelta(days=1))
    assert (first.slots_new, again.slots_new, again.slots_changed, again.slots_unchanged) == (767, 0, 0, 767)
    assert {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} == before
