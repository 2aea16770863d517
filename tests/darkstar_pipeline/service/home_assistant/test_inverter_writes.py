"""A profile's commands become writes in the home's units, and settings that do not fit it are refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.home_assistant.profiles import Write
from darkstar_pipeline.service.home_assistant.translation import Translator, translator_of
from tests.builders.fake_inverter import command

DEYE: dict[str, Any] = {
    "family": "deye",
    "entities": {
        "time_of_use": "select.inverter_time_of_use",
        "grid_charging": "switch.inverter_battery_grid_charging",
        "grid_current": "number.inverter_battery_grid_charging_current",
        "discharge_current": "number.inverter_battery_max_discharging_current",
        "solar_sell": "switch.inverter_export_surplus",
    },
    "own": {"solar_sell": "on"},
    "battery_volts": 50.0,
}


def translator(inverter: dict[str, Any], *, throttles: bool = False, **mapping: Any) -> Translator:
    control = ControlSettings.model_validate(
        {"enabled": True, "profile": "inverter", "inverter": inverter, "mapping": ControlMapping(**mapping)}
    )
    return translator_of(control, 5.0, throttles=throttles)


def values(writes: Any) -> list[float | str]:
    return [write.value for write in writes]


def test_command_is_the_default_with_its_own_steps_in_place_of_those_of_the_same_entities() -> None:
    deye = translator(DEYE)
    default = deye.default()
    assert values(default) == ["off", "Disabled", 1e6]
    assert default[-1].most
    charge = deye.command(command(2.5, 0, 0))
    assert values(charge.writes) == [1e6, 50.0, "on", "Week"]
    assert (charge.writes[2].domain, charge.writes[2].service) == ("switch", "turn_on")
    assert charge.writes[2].data == {"entity_id": "switch.inverter_battery_grid_charging"}
    assert values(deye.command(command(0, 0, 0)).writes) == ["off", "Disabled", 0.0]
    assert values(deye.command(command(0, 5, 0)).writes) == values(default)


def test_panels_are_throttled_first_and_released_in_every_other_command() -> None:
    deye = translator(DEYE, throttles=True)
    assert values(deye.default()) == ["off", "Disabled", 1e6, "on"]
    assert values(deye.command(command(0, 5, 0, default=True, throttled=True)).writes) == [
        "off",
        "off",
        "Disabled",
        1e6,
    ]
    assert values(deye.command(command(2.5, 0, 0)).writes)[0] == "on"


def test_what_cannot_be_done_is_told_and_the_default_takes_its_place() -> None:
    deye = translator(DEYE)
    selling = deye.command(command(0, 4, 4))
    assert "cannot sell from its battery" in selling.impossible
    assert list(selling.writes) == deye.default()
    unthrottled = deye.command(command(0, 5, 0, throttled=True))
    assert "sold at a loss" in unthrottled.notes[0]


def test_call_of_a_service_names_the_device_and_what_shows_it() -> None:
    huawei = translator(
        {
            "family": "huawei",
            "entities": {
                "forced": "sensor.batteries_forcible_charge",
                "charge_limit": "number.batteries_maximum_charging_power",
                "discharge_limit": "number.batteries_maximum_discharging_power",
            },
            "devices": {"battery": "abc"},
        }
    )
    write = huawei.command(command(2.5, 0, 0)).writes[-1]
    assert write.value == "Charging at 2500W for 60 minutes"
    assert (write.domain, write.service) == ("huawei_solar", "forcible_charge")
    assert write.data == {"device_id": "abc", "power": 2500, "duration": 60}
    assert write.again_seconds == timedelta(minutes=45).total_seconds()
    assert isinstance(huawei.default()[0], Write)


def test_grid_setpoint_of_a_charge_is_left_before_its_current_is_released() -> None:
    """A charge asks the grid for the most and is held by the current alone: the fuse would carry the rest."""
    names = ("setpoint", "charge_current", "discharge_limit")
    victron = translator(
        {
            "family": "victron",
            "entities": {name: f"number.victron_settings_ess_{name}" for name in names},
            "own": {"setpoint": 0.0, "charge_current": 100.0, "discharge_limit": 5000.0},
        }
    )
    told = [command(0, 0, 0), command(0, 2, 0), command(0, 3, 3), command(0, 0, 3), command(0, 5, 0)]
    for writes in (*(victron.command(each).writes for each in told), victron.default()):
        order = [write.entity.removeprefix("number.victron_settings_ess_") for write in writes]
        assert order.index("setpoint") < order.index("charge_current"), order


def test_import_limit_is_kept_beside_a_profile() -> None:
    limited = translator(DEYE, import_limit="number.grid_peak", default_import_limit_kw=11.0)
    assert values(limited.command(command(0, 0, 0, import_limit_kw=4.0)).writes)[0] == 4000.0
    assert values(limited.default())[-1] == 11000.0


@pytest.mark.parametrize(
    ("change", "words", "remedy"),
    [
        ({"family": "none"}, "there is no inverter profile 'none'", "sungrow"),
        ({"entities": {}}, "deye needs its entities time_of_use, grid_charging", "such as select.*_time_of_use"),
        ({"entities": {**DEYE["entities"], "mode": "select.x"}}, "deye knows no mode", "it knows time_of_use"),
        (
            {"entities": {**DEYE["entities"], "time_of_use": "number.x"}},
            "entities.time_of_use is number.x",
            "begins with select",
        ),
        (
            {"entities": {**DEYE["entities"], "charge_current": DEYE["entities"]["discharge_current"]}},
            "discharge_current and charge_current are both number.inverter_battery_max_discharging_current",
            "an entity of its own",
        ),
        ({"own": {}}, "the default of deye restores solar_sell", "own.solar_sell"),
        ({"own": {"solar_sell": 3.0}}, "own.solar_sell is 3.0", "on or off"),
    ],
)
def test_settings_are_refused_when_they_do_not_fit_the_profile(change: dict[str, Any], words: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        translator({**DEYE, **change}, throttles=True)
    assert words in refused.value.message
    assert remedy in refused.value.hint


def test_profile_of_a_persons_own_folder_is_used(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "darkstar_pipeline/inverters/data/deye.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(
        text.replace("family: deye", "family: mine").replace("to: Week", "to: Disabled")
    )
    mine = translator({**DEYE, "family": "mine", "profiles_folder": tmp_path})
    assert values(mine.command(command(2.5, 0, 0)).writes) == [1e6, 50.0, "on", "Disabled"]


def test_lease_that_ends_before_the_inverter_shows_a_command_is_refused() -> None:
    """Growatt's entities take a minute: the guard would end every command before it was read back."""
    entities = {
        "authority": "select.growatt_control_authority",
        "remote": "select.growatt_remote_power_control_enable",
        "minutes": "number.growatt_remote_power_control_charging_time",
        "power": "number.growatt_remote_charge_and_discharge_power",
    }
    inverter = {"family": "growatt", "entities": entities, "rated_kw": 5.0}
    control = {"enabled": True, "profile": "inverter", "inverter": inverter, "lease_minutes": 2.0}
    with pytest.raises(ConfigurationError) as refused:
        translator_of(ControlSettings.model_validate(control), 5.0, throttles=False)
    assert "entities may take 60 s" in refused.value.message
    assert refused.value.hint == "set lease_minutes to 2.1 or more"
    assert translator_of(ControlSettings.model_validate({**control, "lease_minutes": 3}), 5.0, throttles=False)
