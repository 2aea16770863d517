"""Settings: defaults as the design states them, and errors that name the place."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from pydantic import ValidationError

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.settings import Settings, SiteSettings, load_settings
from darkstar_pipeline.errors import ConfigurationError
from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.time_grid import grid


def written(path: Path, text: str) -> Path:
    file = path / "darkstar.yaml"
    file.write_text(text)
    return file


def test_defaults_are_those_of_the_design() -> None:
    site = SiteSettings().site("home")
    assert (site.timezone, site.currency) == ("Europe/Stockholm", "SEK")
    assert site.battery.capacity_kwh == 34.2
    assert site.battery.min_soc_kwh == pytest.approx(4.104)
    assert site.battery.charge_efficiency**2 == pytest.approx(0.95)
    assert site.battery.wear_cost == 0.20
    slot = pl.DataFrame({"slot_start": [date(2026, 1, 1)], "price": [1.0]}).with_columns(
        pl.col("slot_start").cast(pl.Datetime("us", "UTC"))
    )
    priced = site.tariff.with_prices(slot, site.timezone)
    assert priced["import_price"].item() == pytest.approx((1.0 + 0.2456 + 0.439) * 1.25)
    assert priced["export_price"].item() == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
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
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        load_settings(written(tmp_path, text))
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_missing_file_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no configuration") as refused:
        load_settings(tmp_path / "darkstar.yaml")
    assert "darkstar init" in refused.value.hint


def test_the_site_is_the_named_the_only_or_the_default_one() -> None:
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


def documented_power_tariffs(root: Path) -> dict[str, SiteSettings]:
    """The examples of `docs/power_tariffs.md`, by their heading."""
    found: dict[str, SiteSettings] = {}
    for section in (root / "docs" / "power_tariffs.md").read_text(encoding="utf-8").split("\n### ")[1:]:
        block = section.split("```yaml\n")[1].split("```")[0]
        found[section.split()[0]] = SiteSettings.model_validate(yaml.safe_load(block))
    return found


@pytest.mark.parametrize(
    ("company", "month", "peaks", "cost"),
    [
        # as on the page: two peaks of one day, 9.0 at 23:00 counts half
        ("Ellevio", 5, {"04T18": 6.0, "04T19": 5.5, "05T23": 9.0, "10T12": 4.0}, 14.5 / 3 * 81.25),
        ("Göteborg", 5, {"04T18": 6.0, "05T23": 9.0, "09T12": 4.0}, 19 / 3 * 36.25),
        ("Sollentuna", 5, {"05T12": 5.7, "05T13": 5.7, "06T12": 5.7, "09T12": 12.0}, 317.775),
        ("Sollentuna", 1, {"07T12": 5.7, "08T12": 5.7, "09T12": 5.7, "06T12": 12.0}, 635.55),
        ("Mälarenergi", 1, {"07T12": 6.0, "07T19": 5.0, "08T07": 4.0, "07T20": 8.0, "10T12": 7.0, "08T06": 3.0}, 448.0),
        ("Steps", 5, {"04T18": 6.0, "05T07": 5.0, "10T12": 4.0}, 147.0),
    ],
    ids=["ellevio", "goteborg", "sollentuna summer", "sollentuna winter", "malarenergi", "steps"],
)
def test_documented_power_tariffs_bill_as_their_page_says(
    root: Path, company: str, month: int, peaks: dict[str, float], cost: float
) -> None:
    """VAT of 25 % comes on top of what the page's blocks name (none for the steps)."""
    site = documented_power_tariffs(root)[company].site("home")
    last = date(2026, month + 1, 1) - timedelta(days=1)
    slots = grid(date(2026, month, 1), last, site.timezone)
    hour = pl.col("slot_start").dt.convert_time_zone(site.timezone).dt.strftime("%dT%H")
    bought = slots.with_columns(import_kwh=hour.replace_strict(peaks, default=0.4, return_dtype=pl.Float64) / 4)
    assert site.tariff.power_costs(bought, site.timezone)["cost"].sum() == pytest.approx(cost)


@pytest.mark.parametrize(
    ("power", "says"),
    [
        ("{minutes: 30}", "minutes"),
        ("{top: 0}", "top"),
        ("{price_per_kw: 1, tiers: [{up_to_kw: 5, cost: 1}]}", "tiers or a price per kW"),
        ("{windows: [{not_on_holidays_of: Sverige}]}", "no public holidays are known"),
        ("{windows: [{weekdays: [8]}]}", "weekdays"),
    ],
)
def test_a_power_tariff_is_refused_with_its_place_when_no_bill_could_follow_it(
    tmp_path: Path, power: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_settings(written(tmp_path, f"sites: {{home: {{tariff: [{{power: [{power}]}}]}}}}"))


def test_site_has_its_devices_and_batteries_when_they_are_written() -> None:
    site = SiteSettings.model_validate(
        {
            "devices": {
                "water_heater": {"power_kw": 3, "energy_kwh_per_day": 8, "spacing_hours": 5},
                "vehicle": {"power_kw": 11},
                "appliances": [{"name": "washer", "power_kw": 2, "run_hours": 1.5}],
            },
            "extra_batteries": [{"capacity_kwh": 5, "min_soc_percent": 0}],
        }
    ).site("home")
    assert site.devices == Devices(
        water_heater=WaterHeater(power_kw=3, energy_kwh_per_day=8, vacation_kwh_per_day=0, spacing_hours=5),
        vehicle=ElectricVehicle(power_kw=11, from_battery=False),
        appliances=(Appliance(name="washer", power_kw=2, run_hours=1.5),),
    )
    assert [battery.capacity_kwh for battery in site.extra_batteries] == [5]
    assert site.commanded == SiteSettings().site("home")


def test_site_has_no_device_when_none_is_written() -> None:
    site = SiteSettings().site("home")
    assert (site.devices, site.extra_batteries) == (Devices(), ())


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param({"devices": {"vehicle": {"power_kw": 0}}}, "greater than 0", id="a charger of no power"),
        pytest.param({"devices": {"water_heater": {"power_kw": 3}}}, "energy_kwh_per_day", id="heater without a need"),
        pytest.param(
            {"devices": {"water_heater": {"power_kw": 0.1, "energy_kwh_per_day": 8}}}, "0.1 kW give 2.3", id="too weak"
        ),
        pytest.param({"devices": {"appliances": [{"name": "a b", "power_kw": 1, "run_hours": 1}]}}, "'a b'", id="name"),
        pytest.param({"extra_batteries": [{"min_soc_percent": 101}]}, "less than or equal to 100", id="second battery"),
        pytest.param(
            {"extra_batteries": [{"min_soc_percent": 50, "max_soc_percent": 40}]}, "minimum <= maximum", id="its range"
        ),
    ],
)
def test_devices_are_refused_when_they_cannot_exist(written: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SiteSettings.model_validate(written)


def test_stored_results_stay_valid_when_only_devices_change() -> None:
    """Commands leave them alone, so that no replay differs."""
    more = SiteSettings.model_validate({"devices": {"vehicle": {"power_kw": 11}}, "extra_batteries": [{}]})
    assert config_version(more, "policies") == config_version(SiteSettings(), "policies")
