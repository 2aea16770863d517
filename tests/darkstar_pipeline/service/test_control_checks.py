"""Doctor and health say that an inverter's profile is untested until the person has confirmed it."""

from pathlib import Path
from typing import Any

from darkstar_pipeline.config.home_assistant import ControlSettings, HomeAssistantSettings
from darkstar_pipeline.config.site import LimitSettings, SiteSettings
from darkstar_pipeline.doctor import Verdict
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.control_checks import check_control
from tests.builders.fake_inverter import FakeGuards, FakeInverter, Supplier, command
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import ZONE

FOXESS = {
    "mode": "select.work_mode",
    "charge_power": "number.force_charge_power",
    "discharge_power": "number.force_discharge_power",
}


def control_of(**inverter: Any) -> HomeAssistantSettings:
    plain = {"enabled": True, "dry_run": True, "profile": "inverter", "inverter": {"family": "foxess", **inverter}}
    return HomeAssistantSettings(url="http://127.0.0.1:9", control=ControlSettings.model_validate(plain))


def site_of(settings: HomeAssistantSettings, *, curtailable: bool = False) -> SiteSettings:
    return SiteSettings(home_assistant=settings, limits=LimitSettings(curtailable=curtailable))


def test_doctor_tells_an_untested_profile_and_one_that_does_not_fit(tmp_path: Path) -> None:
    untested = check_control(site_of(control_of(entities=FOXESS)), tmp_path, "home")[0]
    assert "untested on hardware until you confirm it" in untested.detail
    confirmed = check_control(site_of(control_of(entities=FOXESS, confirmed=True)), tmp_path, "home")[0]
    assert "confirmed by you" in confirmed.detail
    unfit = check_control(site_of(control_of(entities={})), tmp_path, "home")[0]
    assert "foxess needs its entities mode" in unfit.detail


def test_doctor_tells_what_plans_may_ask_and_the_inverter_cannot_do(tmp_path: Path) -> None:
    foxess = control_of(entities=FOXESS, confirmed=True)
    found = check_control(site_of(foxess, curtailable=True), tmp_path, "home")[1]
    assert found.verdict == Verdict.WARN
    assert "limits.curtailable is true, and control cannot throttle the panels" in found.detail
    told = check_control(site_of(foxess), tmp_path, "home")[1]
    assert "cannot cover the house with a part of its power or sell surplus before its battery is full" in told.detail
    mapping = {"charge": "number.charge", "discharge": "number.discharge"}
    mapped = ControlSettings.model_validate({"enabled": True, "mapping": mapping})
    home = HomeAssistantSettings(url="http://127.0.0.1:9", control=mapped)
    assert "cannot throttle" in check_control(site_of(home, curtailable=True), tmp_path, "home")[0].detail
    assert check_control(site_of(home), tmp_path, "home") == []
    assert check_control(None, tmp_path, "home") == []


def test_doctor_compares_the_inverters_own_floor_with_the_reserve(tmp_path: Path) -> None:
    """Where control ends, whatever dies, the inverter's own floor is all that is left of a reserve."""
    entities = {
        "mode": "select.energy_site_operation_mode",
        "reserve": "number.energy_site_backup_reserve",
        "grid_charging": "switch.energy_site_allow_charging_from_grid",
    }
    own = {"reserve": 20.0, "grid_charging": "off"}
    tesla = site_of(control_of(family="tesla", entities=entities, own=own, confirmed=True))
    care = {"care": {"reserve": [{"percent": 30}]}}
    reserved = SiteSettings.model_validate({**tesla.model_dump(), "household": care, "battery": {"min_soc_percent": 5}})
    (low,) = [each for each in check_control(reserved, tmp_path, "home") if each.check == "floor, home"]
    assert low.verdict == Verdict.WARN
    assert low.detail == "where control ends the inverter keeps 20 %, plans keep up to 35 %"
    assert "own.reserve: 35" in low.remedy
    kept = SiteSettings.model_validate({**tesla.model_dump(), "battery": {"min_soc_percent": 5}})
    (found,) = [each for each in check_control(kept, tmp_path, "home") if each.check == "floor, home"]
    assert found.verdict == Verdict.OK


def test_health_tells_an_untested_profile(tmp_path: Path) -> None:
    for confirmed in (False, True):
        home = ControlledHome(
            settings=control_of(entities=FOXESS, confirmed=confirmed),
            discharge_kw=5.0,
            timezone=ZONE,
            folder=tmp_path,
        )
        clock, supplier = HandClock(at=moment()), Supplier(command(2.5, 0, 0))
        controller = Controller(home, clock, supplier, client=FakeInverter(), guards=FakeGuards())
        assert ("untested on hardware" in controller.components()[0].note) == (not confirmed)
