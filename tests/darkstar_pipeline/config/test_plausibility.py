"""Settings that make no physical sense are refused at load, with place and remedy; those of real homes are taken."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError

ENTITIES = {"charge": "number.charge", "discharge": "number.discharge"}


def control(**changes: Any) -> dict[str, Any]:
    """A site whose control differs."""
    return {"home_assistant": {"control": {"mapping": ENTITIES, **changes}}}


def tariff(**changes: Any) -> dict[str, Any]:
    """A site whose tariff differs."""
    return {"tariff": [changes]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a fuse in MW": ({"limits": {"import_kw": 0.011}}, "limits.import_kw"),
    "a fuse in W": ({"limits": {"import_kw": 11_000}}, "limits.import_kw"),
    "an export limit in W": ({"limits": {"export_kw": 10_001}}, "limits.export_kw"),
    "an inverter in MW": ({"limits": {"inverter_kw": 0.008}}, "limits.inverter_kw"),
    "an appliance above fuse and battery": (
        {"limits": {"import_kw": 1}, "devices": {"appliances": [{"name": "sauna", "power_kw": 10, "run_hours": 1}]}},
        "could never run",
    ),
    "a heater that is on or off above both": (
        {
            "limits": {"import_kw": 1},
            "devices": {"water_heater": {"power_kw": 12, "energy_kwh_per_day": 8, "spacing_hours": 4}},
        },
        "could never run",
    ),
    "a car in W": ({"devices": {"vehicle": {"power_kw": 11_000}}}, "devices.vehicle.power_kw"),
    "a heater whose day is too short": (
        {"devices": {"water_heater": {"power_kw": 0.2, "energy_kwh_per_day": 8}}},
        "give 4.6 kWh a day",
    ),
    "a fee in öre that looks like kronor": (tariff(transfer_fee=24.56), "divide it by 100"),
    "an area that Sweden has not": ({"area": "SE5"}, "are not known: give one of SE1, SE2, SE3, SE4"),
    "a share for percent": ({"battery": {"min_soc_percent": 0.1}}, "in percent it is 10"),
    "a whole as 1": ({"battery": {"max_soc_percent": 1, "min_soc_percent": 0}}, "in percent it is 100"),
    "a start as a share": ({"protocol": {"start_soc_percent": 0.5}}, "in percent it is 50"),
    "a capacity in Wh": ({"battery": {"capacity_kwh": 10_000, "charge_kw": 5, "discharge_kw": 5}}, "not Wh"),
    "a broker with its port": ({"home_assistant": {"mqtt": {"host": "192.168.1.1:1883"}}}, "home_assistant.mqtt.host"),
    "a mail server with its port": (
        {"notifications": {"email": {"host": "mail:587", "sender": "a@b.org", "to": ["c@b.org"]}}},
        "notifications.email.host",
    ),
    "an address for the file that holds it": (
        {"notifications": {"webhook_file": "https://hooks.example.org/secret"}},
        "write it into a file",
    ),
    "fees in öre": (tariff(transfer_fee=45.6), "divide it by 100"),
    "a tax per MWh": (tariff(energy_tax=439), "divide it by 100"),
    "hours in öre": (tariff(time_of_use=[{"transfer_fee": 76.5}]), "divide it by 100"),
    "fees of no currency": ({"currency": "HUF", **tariff(transfer_fee=1e6)}, "transfer_fee"),
    "VAT below zero": (tariff(vat=-0.25), "vat"),
    "VAT in percent": (tariff(vat=25), "vat"),
    "a negative share of the price": (tariff(export_share=-1), "export_share"),
    "a share in percent": (tariff(export_share=100), "export_share"),
    "hours without a fee": (tariff(time_of_use=[{"months": [1]}]), "no fee of their own"),
    "a demand charge of nothing": (tariff(power=[{"top": 3}]), "costs nothing"),
    "a demand charge without hours": (tariff(power=[{"price_per_kw": 50, "weight_outside": 0}]), "no hour that counts"),
    "a demand charge with hours of weight 0": (
        tariff(power=[{"price_per_kw": 50, "weight_outside": 0, "windows": [{"weight": 0}]}]),
        "no hour that counts",
    ),
    "a demand charge with hours in other months": (
        tariff(power=[{"price_per_kw": 50, "months": [1, 2], "weight_outside": 0, "windows": [{"months": [7]}]}]),
        "no hour that counts",
    ),
    "an area that is none": ({"area": " "}, "area"),
    "a currency that is none": ({"currency": " "}, "currency"),
    "half a place": ({"forecast": {"latitude": 59.3}}, "both latitude and longitude"),
    "a place in the sea": ({"forecast": {"latitude": 0, "longitude": 0}}, "in the sea"),
    "a place with the wrong sign": (
        {"timezone": "America/New_York", "forecast": {"latitude": 40.7, "longitude": 74.0}},
        "east is positive",
    ),
    "a lease shorter than a step": (control(lease_minutes=0.03), "lease_minutes Input should be greater"),
    "a lease shorter than a write": (
        control(enabled=True, mapping=ENTITIES, lease_minutes=0.5, confirm_seconds=30),
        "entities may take 30 s to show what was written: set lease_minutes to 1.1 or more",
    ),
    "a ramp that never arrives": (control(ramp_kw_per_step=0.5, ramp_step_seconds=300), "a command lasts 900 s"),
    "a ramp that spends the day's writes": (control(ramp_kw_per_step=0.1, ramp_step_seconds=1), "writes_per_day"),
    "one entity for both": (control(mapping={**ENTITIES, "discharge": "number.charge"}), "name one entity twice"),
    "a sensor to be set": (control(mapping={**ENTITIES, "charge": "sensor.charge"}), "mapping.charge is sensor.charge"),
    "a switch as mode": (control(mapping={**ENTITIES, "mode": "switch.mode"}), "mapping.mode is switch.mode"),
    "a charge that is the default": (
        control(
            enabled=True,
            profile="work_mode",
            mapping={"mode": "select.mode", "charge": "number.charge", "mode_charge": "Auto", "mode_default": "Auto"},
        ),
        "a charge would never end",
    ),
    "a battery of one volt": (control(mapping={**ENTITIES, "unit": "A", "battery_volts": 1}), "battery_volts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_make_no_sense_are_refused_with_place_and_remedy(name: str) -> None:
    written, message = REFUSED[name]
    with pytest.raises(ValidationError) as refused:
        SiteSettings.model_validate(written)
    assert message in " ".join(f"{'.'.join(map(str, each['loc']))} {each['msg']}" for each in refused.value.errors())


TAKEN: dict[str, dict[str, Any]] = {
    "a home behind 6 A": {"limits": {"import_kw": 1.38, "export_kw": 0}},
    "a home with a sauna on its battery": {
        "limits": {"import_kw": 4},
        "devices": {"appliances": [{"name": "sauna", "power_kw": 10, "run_hours": 1}]},
    },
    "a heater that the PV surplus feeds": {
        "limits": {"import_kw": 1},
        "devices": {"water_heater": {"power_kw": 12, "energy_kwh_per_day": 8}},
    },
    "fees in forint": {"currency": "HUF", "tariff": [{"transfer_fee": 36.0, "energy_tax": 1.5}]},
    "a subsidised tax": {"tariff": [{"energy_tax": -0.1, "vat": 0}]},
    "a demand charge on winter days alone": {
        "tariff": [
            {
                "power": [
                    {"price_per_kw": 58.5, "weight_outside": 0, "windows": [{"months": [11, 12], "start": "07:00"}]}
                ]
            }
        ]
    },
    "Reykjavik": {"timezone": "Atlantic/Reykjavik", "forecast": {"latitude": 64.1, "longitude": -21.9}},
    "the west of China": {"timezone": "Asia/Shanghai", "forecast": {"latitude": 39.5, "longitude": 76.0}},
    "Kiritimati": {"timezone": "Pacific/Kiritimati", "forecast": {"latitude": 1.9, "longitude": -157.4}},
    "Hobart in summer": {"timezone": "Australia/Hobart", "forecast": {"latitude": -42.9, "longitude": 147.3}},
    "a bidding zone by its code": {"area": "10YSE-1--------K"},
    "a broker by its address of 128 bits": {"home_assistant": {"mqtt": {"host": "fd00::12"}}},
    "a ramp": control(ramp_kw_per_step=1.0, ramp_step_seconds=60),
}


@pytest.mark.parametrize("name", TAKEN)
def test_settings_of_real_homes_are_taken(name: str) -> None:
    SiteSettings.model_validate(TAKEN[name])


def test_file_is_refused_with_the_path_of_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "darkstar.yaml"
    path.write_text("sites: {home: {tariff: [{power: [{price_per_kw: 50, weight_outside: 0}]}]}}")
    with pytest.raises(
        ConfigurationError,
        match=r"sites\.home\.tariff\.0\.power\.0: .*power\.0 of the tariff from 2000-01-01 on has no hour that counts",
    ):
        load_settings(path)


@pytest.mark.parametrize("name", ["charge_taper", "discharge_taper"])
def test_taper_that_is_none_is_named_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / "darkstar.yaml"
    path.write_text(f"sites: {{home: {{battery: {{{name}: [[40, 5], [60, 3]]}}}}}}")
    with pytest.raises(ConfigurationError, match=rf"sites\.home\.battery\.{name}: a point at \d+ % is missing"):
        load_settings(path)
