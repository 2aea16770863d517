"""Errors of the file name line, unit and the key meant, in plain words."""

from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.yaml_file.field_tree import field_at, suggestions
from darkstar_pipeline.errors import ConfigurationError

BATTERY = "sites:\n  home:\n    battery:\n      {}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BATTERY.format("capacity_kw: 10"), "no such setting (did you mean capacity_kwh?; line 4)"),
        (BATTERY.format("charge: 5"), "did you mean charge_kw"),
        (BATTERY.format("capacity_kwh: ten"), "'ten' is no number (nominal capacity [kWh]; line 4)"),
        (BATTERY.format("charge_kw: -1"), "-1 is below 0, the least that it may be (maximum charging power [kW]; line"),
        (BATTERY.format("capacity_kwh: [1]\n"), "[1] is no number"),
        ("sites:\n  home:\n    battery:\n", "nothing (null) is no section"),
        ("sites:\n  home:\n    latitude: 59\n", "did you mean forecast.latitude?; line 3"),
        ("sites:\n  home:\n    limits: {fuse: 16}\n", "did you mean limits.import_kw?"),
        ("sites:\n  home:\n    zone: Europe/Oslo\n", "did you mean timezone?"),
        ("sites:\n  home:\n    tariff:\n      - vat: 25\n", "25 is above 1, the most that it may be (value-added tax"),
        ("sites:\n  home:\n    tariff: {vat: 0.25}\n", "is no list"),
        ("sites:\n  home:\n    tariff:\n      - vat: 0.25\n        transfer_fee: 24.56\n", "(line 5)"),
        ("sites:\n  home:\n    tariff:\n    - power:\n      - top: 3\n", "costs nothing"),
        ("sites:\n  home:\n    first_day: 1.1.2025\n", "'1.1.2025' is no day: write it as 2026-01-31"),
        ("default: home\nsites: {home: {}}\n", "did you mean default_site?; line 1"),
        ("sites:\n  home: {area: SE3}\n  home: {area: SE4}\n", "home stands twice, in line 2 and in line 3"),
    ],
)
def test_error_names_place_line_unit_and_the_key_meant(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file)
    assert said in refused.value.message
    assert "Input should" not in refused.value.message
    assert "\n" not in refused.value.message


def test_short_list_is_not_named_when_its_items_are_wrong(tmp_path: Path) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text("sites: {home: {tariff: [{vat: 25}]}}")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file)
    assert "at least 1" not in refused.value.message


def test_field_is_found_through_lists_mappings_and_options() -> None:
    window = ("sites", "home", "tariff", 0, "power", 0, "windows", 0, "weight")
    found = field_at(Settings, window)
    assert found is not None
    assert found.description is not None
    assert "weight" in found.description
    assert field_at(Settings, ("sites", "home", "nothing")) is None
    assert suggestions(Settings, ("sites", "home", "devices", "vehicle", "power")) == ["power_kw"]
    assert suggestions(Settings, ("qqqqqq",)) == []


@pytest.mark.parametrize("start", ["22:00", '"22:00"', "22:00:00"])
def test_clock_time_without_quotes_is_the_hour_it_says(tmp_path: Path, start: str) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text(f"sites: {{home: {{tariff: [{{time_of_use: [{{start: {start}, end: 6:00, transfer_fee: 1}}]}}]}}}}")
    window = load_settings(file).sites["home"].tariff[0].time_of_use[0]
    assert (window.start_minute, window.end_minute) == (22 * 60, 6 * 60)


@pytest.mark.parametrize("start", ["22", "1320", "22.00", "24:00", "22:00:30", "22h"])
def test_clock_time_that_is_none_is_refused(tmp_path: Path, start: str) -> None:
    file = tmp_path / "darkstar.yaml"
    file.write_text(f"sites: {{home: {{tariff: [{{time_of_use: [{{start: {start}, transfer_fee: 1}}]}}]}}}}")
    with pytest.raises(ConfigurationError, match="is no time of day"):
        load_settings(file)
