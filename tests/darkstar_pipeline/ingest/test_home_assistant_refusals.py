"""Exports that are refused, each with its message, and that the lake stays as it was."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.warehouse.lake import Lake
from tests.builders.home_assistant_exports import (
    FORECAST_SOLAR,
    HEADER,
    WEATHER,
    counting,
    history,
    import_files,
    nord_pool,
    stamp,
)


class Refused(NamedTuple):
    """An import that is refused."""

    id: str
    files: Mapping[str, str | bytes]
    mapping: Mapping[str, str]
    error: type[Exception]
    message: str


REFUSALS = [
    Refused(
        "unknown-sensor",
        {"a.csv": counting("sensor.x")},
        {},
        DataRefusedError,
        "sensor.x: the name does not say what it measures",
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
        "forecast-solar",
        {"forecast.solar.csv": FORECAST_SOLAR},
        {},
        DataRefusedError,
        "a forecast of forecast.solar, not",
    ),
    Refused(
        "forecast-reply",
        {"f.reply": "Result\nwatts\t\n2025-10-16 07:43:13\t0\n"},
        {},
        DataRefusedError,
        "a forecast of forecast.solar, not",
    ),
    Refused("weather", {"met.yaml": WEATHER}, {}, DataRefusedError, "a forecast, not a measurement"),
    Refused(
        "tidy",
        {"t.csv": "slot_start,load_kwh\n2026-01-01T00:00Z,1\n"},
        {},
        DataRefusedError,
        "not a known Home Assistant export",
    ),
    Refused("binary", {"t.csv": b"\x00\xff\xfe"}, {}, DataRefusedError, "is not text"),
    Refused("parquet", {"t.parquet": b"PAR1....PAR1"}, {}, DataRefusedError, "is a Parquet file"),
    Refused("empty", {"t.csv": ""}, {}, DataRefusedError, "is empty"),
    Refused("header-only", {"t.csv": HEADER}, {}, DataRefusedError, "column names but no rows"),
    Refused("broken-json", {"t.json": "[[{"}, {}, DataRefusedError, "broken JSON"),
    Refused("other-json", {"t.json": '{"a": 1}'}, {}, DataRefusedError, "not a known Home Assistant export"),
    Refused("other-lists", {"t.json": "[[1, 2]]"}, {}, DataRefusedError, "something other than states"),
    Refused("broken-yaml", {"t.yaml": "a: [1"}, {}, DataRefusedError, "broken YAML"),
    Refused("missing", {}, {}, ConfigurationError, "no such file"),
    Refused(
        "two-loads",
        {"a.csv": counting("sensor.house_energy") + counting("sensor.house_energy_2", 0.3)[len(HEADER) :]},
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
        "turned-counter",
        {"a.csv": counting("sensor.x_energy")},
        {"-sensor.x_energy": "load_kwh"},
        DataRefusedError,
        "is a counter that rises, and --map -sensor.x_energy=load_kwh would turn it into one that falls",
    ),
    Refused(
        "turned-counter-without-a-word-of-energy",
        {"a.csv": counting("sensor.x")},
        {"-sensor.x": "import_kwh"},
        DataRefusedError,
        "sensor.x is a counter that rises",
    ),
    Refused(
        "counts-down",
        {"a.csv": history("sensor.load_energy", [(5 * n, 500 - 0.1 * n) for n in range(60)])},
        {},
        DataRefusedError,
        "sensor.load_energy is taken for an energy counter, but it counts down",
    ),
    Refused(
        "turned-level",
        {"a.csv": history("sensor.battery", [(0, 5), (5, 6)])},
        {"-sensor.battery": "soc_percent"},
        ConfigurationError,
        "neither turned round nor summed",
    ),
    Refused(
        "summed-prices",
        {"a.csv": history("sensor.a", [(0, 5)]) + history("sensor.b", [(0, 5)], header=False)},
        {"sensor.a+sensor.b": "spot_price"},
        ConfigurationError,
        "neither turned round nor summed",
    ),
    Refused(
        "no-counter",
        {"a.csv": history("sensor.load_energy", [(n, 5 + n % 2) for n in range(60)])},
        {},
        DataRefusedError,
        "it falls about as much as it rises",
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
        import_files(lake, tmp_path / "quarantine", paths, mapping=case.mapping)
    assert case.message in str(raised.value)
    assert getattr(raised.value, "hint", "")
    assert not lake.root.exists()


def test_a_sensor_that_is_not_used_is_named_when_it_comes_alone(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    stamps = [f"2025-10-05T{hour:02d}:00:00.000Z" for hour in range(6)]
    rows = [f"sensor.charger_session_energy,{hour}.0,{stamp}" for hour, stamp in enumerate(stamps)]
    file.write_text("\n".join(["entity_id,state,last_changed", *rows]) + "\n")
    with pytest.raises(DataRefusedError, match=r"not used: sensor\.charger_session_energy") as refused:
        import_files(Lake(tmp_path / "lake"), tmp_path / "quarantine", [file])
    assert "--map" in refused.value.hint
    assert not (tmp_path / "lake").exists()
