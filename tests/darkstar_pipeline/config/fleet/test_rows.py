"""A row of a fleet gives the settings that a section of `darkstar.yaml` with the same values gives."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.base import SettingError
from darkstar_pipeline.config.fingerprints import config_version, tariff_version
from darkstar_pipeline.config.fleet.columns import HOME_COLUMNS
from darkstar_pipeline.config.fleet.rows import row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError

TARIFF = [
    {"valid_from": "2020-01-01", "transfer_fee": 0.3, "time_of_use": [{"weekdays": [6, 7], "transfer_fee": 0.1}]},
    {"valid_from": "2025-01-01", "power": [{"price_per_kw": 40}]},
]
HEATER = {"water_heater": {"power_kw": 3.0, "energy_kwh_per_day": 6.0}}
FLEET = FleetSettings.model_validate(
    {
        "defaults": {"battery": {"min_soc_percent": 10, "charge_kw": 4}, "policies": ["idle", "value"]},
        "tariffs": {"villa": TARIFF},
        "devices": {"heater": HEATER},
        "sources": {"own": {"ca_file": "/etc/ca.pem"}},
    }
)


@pytest.mark.parametrize(
    ("row", "section"),
    [
        ({}, {}),
        ({"capacity_kwh": 10.0, "import_kw": 17.0}, {"battery": {"capacity_kwh": 10}, "limits": {"import_kw": 17}}),
        ({"charge_kw": 7.0}, {"battery": {"charge_kw": 7}}),
        ({"area": "FI"}, {"area": "FI"}),
        ({"area": "FI", "tariff": "villa"}, {"area": "FI", "tariff": TARIFF}),
        ({"area": "NO1", "timezone": "Europe/Oslo"}, {"area": "NO1", "timezone": "Europe/Oslo"}),
        ({"sources": "own"}, {"sources": {"ca_file": "/etc/ca.pem"}}),
        ({"devices": "heater", "has_pv": False}, {"devices": HEATER, "has_pv": False}),
        ({"latitude": 59.0, "longitude": 18.0}, {"forecast": {"latitude": 59, "longitude": 18}}),
    ],
)
def test_row_gives_what_a_section_gives(row: dict[str, Any], section: dict[str, Any]) -> None:
    battery = {"min_soc_percent": 10, "charge_kw": 4, **section.get("battery", {})}
    written = SiteSettings.model_validate({**section, "battery": battery, "policies": ["idle", "value"]})

    made = row_settings(FLEET, row)

    assert made == written
    assert made.model_dump_json() == written.model_dump_json()
    assert config_version(made, "policies") == config_version(written, "policies")
    assert tariff_version(made) == tariff_version(written)


def test_row_refuses_a_class_that_is_not_there() -> None:
    with pytest.raises(SettingError, match=r"'vila' is not under fleet.tariffs of darkstar.yaml: there are villa"):
        row_settings(FLEET, {"tariff": "vila"})


def test_row_refuses_what_a_section_refuses() -> None:
    with pytest.raises(ValidationError, match="capacity_kwh"):
        row_settings(FLEET, {"capacity_kwh": 1e6})


def test_every_column_says_its_meaning() -> None:
    assert all(column.description for column in HOME_COLUMNS.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fleet:\n  defaults:\n    battery: {capacity_kwh: 0}\n", "fleet.defaults.battery.capacity_kwh: 0 is below"),
        ("fleet:\n  defaults:\n    latitude: 59\n", "did you mean fleet.defaults.forecast.latitude?"),
        ("fleet:\n  tariffs:\n    villa: []\n", "fleet.tariffs.villa: needs at least 1"),
        ("fleet: {buckets: 0}\n", "fleet.buckets: 0 is below 1"),
        ("engine: {kind: spark}\n", "engine.kind: 'spark' is not one of 'local' or 'ray'"),
        ("engine: {address: auto}\n", "set kind: ray, or remove it"),
    ],
)
def test_wrong_settings_of_a_fleet_name_their_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text(dedent(text))
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file)
    assert said in refused.value.message


def test_configuration_has_no_fleet_and_works_locally_by_default() -> None:
    assert Settings().fleet is None
    assert Settings().engine.kind == "local"
