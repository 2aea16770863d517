"""The configuration file: how a site is chosen, and errors that name every wrong place."""

from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError


def written(path: Path, text: str) -> Path:
    file = path / "darkstar.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sites: {home: {battery: {capacity_kwh: -3}}}", "capacity_kwh"),
        ("sites: {home: {battery: {capacity: 3}}}", "battery.capacity"),
        ("sites: {home: {battery: {min_soc_percent: 90, max_soc_percent: 20}}}", "stored energy must be"),
        ("sites: {home: {timezone: Europe/Atlantis}}", "Europe/Atlantis"),
        ("sites: {home: {timezone: ../etc}}", "IANA"),
        ("sites: {home: {policies: [magic]}}", "magic"),
        ("sites: {home: {tariff: [{}, {}]}}", "same day"),
        ("sites: {'../home': {}}", "sites"),
        ("default_site: cabin\nsites: {home: {}}", "cabin"),
        ("sites: [1, 2]", "sites"),
        ("sites: {home: {limits: {import_kw: .nan}}}", "import_kw"),
        ("a: b: c", "YAML"),
        ("- 1", "whole file"),
    ],
)
def test_load_settings_names_the_place_when_a_value_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        load_settings(written(tmp_path, text))
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_load_settings_names_every_wrong_place_when_there_are_several(tmp_path: Path) -> None:
    file = written(
        tmp_path, "sites: {home: {battery: {charge_kw: -1, capacity: 3}, limits: {import_kw: 0}}, b: {area: ''}}"
    )
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file)
    places = ("home.battery.charge_kw: ", "home.battery.capacity: ", "home.limits.import_kw: ", "b.area: ")
    assert refused.value.message.startswith(f"{file}: sites.home.battery.charge_kw: -1 is below 0")
    assert refused.value.message.count("; sites.") == 3
    assert all(f"sites.{place}" in refused.value.message for place in places)
    assert refused.value.hint == "correct these values"


def test_load_settings_names_the_command_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no configuration") as refused:
        load_settings(tmp_path / "darkstar.yaml")
    assert "darkstar init" in refused.value.hint


def test_site_name_is_the_named_the_only_or_the_default_one() -> None:
    two = {"a": SiteSettings(), "b": SiteSettings()}
    assert Settings(sites={"a": SiteSettings()}).site_name() == "a"
    assert Settings(sites=two, default_site="b").site_name() == "b"
    assert Settings(sites=two, default_site="b").site_name("a") == "a"
    with pytest.raises(ConfigurationError, match="more than one site"):
        Settings(sites=two).site_name()
    with pytest.raises(ConfigurationError, match="not in the configuration"):
        Settings(sites=two).site_name("c")
    with pytest.raises(ConfigurationError, match="no site"):
        Settings().site_name()


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ("{minutes: 30}", "minutes"),
        ("{top: 0}", "top"),
        ("{price_per_kw: 1, tiers: [{up_to_kw: 5, cost: 1}]}", "tiers or a price per kW"),
        ("{windows: [{not_on_holidays_of: Sverige}]}", "no public holidays are known"),
        ("{windows: [{weekdays: [8]}]}", "weekdays"),
    ],
)
def test_load_settings_names_the_place_when_no_bill_could_follow_a_demand_charge(
    tmp_path: Path, power: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(written(tmp_path, f"sites: {{home: {{tariff: [{{power: [{power}]}}]}}}}"))
