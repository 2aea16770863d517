"""How each quantity was read stays known, once a way and source."""

from datetime import timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_tidy_file
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE
from tests.builders.home_assistant_exports import NOW, SITE, START, counting, history, import_files


@pytest.fixture
def target(tmp_path: Path) -> ImportTarget:
    return ImportTarget(
        lake=Lake(tmp_path / "lake"), quarantine_dir=tmp_path / "quarantine", site_name="home", site=SITE
    )


def stored(target: ImportTarget) -> list[tuple[str, ...]]:
    told = ("quantity", "format", "sensor", "unit", "treatment")
    return target.lake.read(IMPORT_PROVENANCE, "home").select(told).sort("quantity", "sensor").rows()


def load(tmp_path: Path, target: ImportTarget, content: str):
    (tmp_path / "ha.csv").write_text(content)
    import_files(target.lake, target.quarantine_dir, [tmp_path / "ha.csv"])


def test_a_sensor_is_stored_with_unit_kind_and_treatment(tmp_path: Path, target: ImportTarget):
    power = history("sensor.goodwe_active_power", [(5 * n, -2000 + n % 2) for n in range(25)])
    load(tmp_path, target, counting("sensor.house_energy_kwh", 0.5) + power.split("\n", 1)[1])
    found = {row[0]: row[1:] for row in stored(target)}
    assert found["load_kwh"] == ("Home Assistant history, counter", "sensor.house_energy_kwh", "kWh", "")
    form, sensor, unit, treatment = found["export_kwh"]
    assert (form, sensor, unit) == ("Home Assistant history, power sensor", "sensor.goodwe_active_power", "W (by size)")
    assert treatment.startswith("positive is export, by the home's balance: ")
    assert treatment.endswith("no unit is stated; by the size of its values it is W")


def test_the_same_way_is_stored_once_when_a_source_is_read_again_and_later(tmp_path: Path, target: ImportTarget):
    content = counting("sensor.house_energy_kwh", 0.5)
    load(tmp_path, target, content)
    path = next((tmp_path / "lake").glob("import_provenance/site=home/day=*/part.parquet"))
    before = path.read_bytes()
    load(tmp_path, target, content)
    later = counting("sensor.house_energy_kwh", 0.5, slots=120)
    load(tmp_path, target, later)
    assert path.read_bytes() == before
    assert len(stored(target)) == 1
    load(tmp_path, target, counting("sensor.house_energy", 0.6))
    assert [row[2:4] for row in stored(target)] == [
        ("sensor.house_energy", "kWh (by size)"),
        ("sensor.house_energy_kwh", "kWh"),
    ]


def test_tidy_files_are_stored_with_their_format_and_stated_unit(tmp_path: Path, target: ImportTarget):
    slots = [(START + n * timedelta(minutes=15)).isoformat() for n in range(96)]
    readings, prices = tmp_path / "home.csv", tmp_path / "prices.csv"
    readings.write_text("slot_start,load_kwh,pv_kwh\n" + "".join(f"{at},0.3,0\n" for at in slots))
    prices.write_text(
        "slot_start,price,unit\n" + "".join(f"{at},{40 + n % 7},öre/kWh\n" for n, at in enumerate(slots)),
        encoding="utf-8",
    )
    import_tidy_file(OBSERVATIONS, target, readings, now=NOW)
    import_tidy_file(PRICES, target, prices, now=NOW)
    load_row, price_row, pv_row = stored(target)
    assert load_row == ("load_kwh", "tidy file", "", "kWh", "")
    assert pv_row[0] == "pv_kwh"
    assert price_row[:4] == ("price", "tidy file", "", "öre/kWh")
    assert "öre" in price_row[4], "the conversion is told"
