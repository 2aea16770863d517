"""A site: defaults as the design states them, devices, and what cannot exist is refused."""

from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.site import SiteSettings
from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater


def test_site_has_the_values_of_the_design_when_nothing_is_written() -> None:
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


@pytest.mark.parametrize("url", ["http://me:pass@home:8123", "https://token@home", "http://home?api_password=x"])
def test_address_with_credentials_is_refused_with_the_place_for_them(url: str) -> None:
    with pytest.raises(ValidationError, match="token_file"):
        SiteSettings.model_validate({"home_assistant": {"url": url}})


@pytest.mark.parametrize("url", ["http://home:8123", "http://[::1]:8123/", "https://x.y/path/to", "http://a.local"])
def test_address_without_credentials_is_taken(url: str) -> None:
    assert SiteSettings.model_validate({"home_assistant": {"url": url}}).home_assistant.url == url


LIMITED = {"import_limit": "number.grid_peak_shaving_power", "default_import_limit_kw": 17.25}


def limited_site(*, takes: bool, mapping: dict[str, object], enabled: bool = False) -> SiteSettings:
    powers = {"charge": "number.charge", "discharge": "number.discharge"}
    control = {"enabled": enabled, "mapping": {**powers, **mapping}}
    return SiteSettings.model_validate(
        {"limits": {"takes_import_limit": takes}, "home_assistant": {"control": control}}
    )


def test_import_limit_is_taken_when_setting_and_entity_agree() -> None:
    settings = limited_site(takes=True, mapping=LIMITED, enabled=True)
    assert settings.site("home").limits.takes_import_limit
    assert not SiteSettings().site("home").limits.takes_import_limit
    assert limited_site(takes=True, mapping={}).site("home").limits.takes_import_limit, "planned, not controlled"


@pytest.mark.parametrize(
    ("takes", "mapping", "message"),
    [
        pytest.param(True, {}, "name the entity in home_assistant.control.mapping.import_limit", id="no entity"),
        pytest.param(False, LIMITED, "set limits.takes_import_limit: true too", id="not said"),
        pytest.param(
            True, {"import_limit": "number.limit"}, "needs mapping.default_import_limit_kw", id="would never end"
        ),
        pytest.param(True, {**LIMITED, "import_limit": "sensor.limit"}, "only number and input_number", id="sensor"),
        pytest.param(True, {**LIMITED, "import_limit": "number.charge"}, "name one entity twice", id="twice"),
    ],
)
def test_import_limit_is_refused_with_what_is_missing(
    takes: bool,  # noqa: FBT001 - a case
    mapping: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(ValidationError, match=message):
        limited_site(takes=takes, mapping=mapping, enabled=True)
