"""The mapping that is proposed for a Home Assistant, by its dashboard, by names and by the balance of the last week."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from benchmarks.recorded_home.statistics_home import StatisticsHome, statistics_home
from darkstar_pipeline.fetching.readings.proposal.candidates import Seen, look_at
from darkstar_pipeline.fetching.readings.proposal.home_facts import facts_of
from darkstar_pipeline.fetching.readings.proposal.mapping import Proposal, answered, propose
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from tests.builders.home_assistant_socket import CONFIG, TOKEN, home_assistant_socket
from tests.builders.statistics_answers import answers_of, state

START = datetime(2026, 2, 20, 23, tzinfo=UTC)
WHOLE = {
    "load": "sensor.house_load_energy",
    "pv": "sensor.pv_energy",
    "grid_import": "sensor.grid_import_energy",
    "grid_export": "sensor.grid_export_energy",
    "battery_charge": "sensor.battery_charge_energy",
    "battery_discharge": "sensor.battery_discharge_energy",
    "soc": "sensor.battery_soc",
}


def house(**sensors: str) -> StatisticsHome:
    return statistics_home(START, 24 * 8, **sensors)


def with_flows(home: StatisticsHome, **flows: Any) -> StatisticsHome:
    """The home with further sensors: energy by name of a sensor."""
    names = {f"_{name}": f"sensor.{name}" for name in flows}
    more = {f"_{name}": np.asarray(values, dtype=float) for name, values in flows.items()}
    return replace(home, flows={**home.flows, **more}, sensors={**home.sensors, **names})


def look(home: StatisticsHome, *states: dict[str, Any], **results: Any) -> Seen:
    with (
        home_assistant_socket({**answers_of(home, *states), **results}) as answers,
        HomeAssistantSocket(answers.url, TOKEN, seconds=10, pauses=()) as socket,
    ):
        return look_at(socket, home.end + timedelta(minutes=20))


def terms(proposal: Proposal) -> dict[str, str]:
    return {name: option.terms for name, option in proposal.chosen.items()}


def test_a_home_whose_week_balances_is_taken_as_its_names_say():
    seen = look(house())
    proposal = propose(seen)
    assert terms(proposal) == WHOLE
    assert proposal.questions == ()
    assert proposal.unexplained == pytest.approx(0.0, abs=1e-9)
    assert proposal.chosen["pv"].because == "by its name, of inverter"


def test_other_devices_and_settings_are_left_alone():
    kwh = {"unit_of_measurement": "kWh", "device_class": "energy"}
    level = {"unit_of_measurement": "%", "device_class": "battery"}
    others = [
        state("sensor.dishwasher_energy", **kwh),
        state("sensor.solcast_forecast_today", **kwh),
        state("sensor.pixel_7_battery_level", **level),
        state("sensor.battery_min_soc", **level),
        state("sensor.battery_voltage", unit_of_measurement="V"),
        state("number.pv_energy", **kwh),
    ]
    assert terms(propose(look(house(), *others))) == WHOLE


def test_the_energy_dashboard_goes_before_names():
    home = with_flows(house(), roof_a=[1.0] * 192, attic=[0.5] * 192)
    dashboard = {
        "energy_sources": [
            {"type": "solar", "stat_energy_from": "sensor.attic"},
            {"type": "grid", "flow_from": [{"stat_energy_from": "tibber:x"}], "flow_to": []},
            {"type": "gas", "stat_energy_from": "sensor.gas"},
        ]
    }
    chosen = propose(look(home, **{"energy/get_prefs": dashboard})).chosen
    assert (chosen["pv"].terms, chosen["pv"].because) == ("sensor.attic", "as the energy dashboard has it")
    assert chosen["grid_import"].terms == WHOLE["grid_import"]


def test_tariffs_of_the_dashboard_are_summed():
    home = house()
    half = home.flows["import"] / 2
    flows = [{"stat_energy_from": f"sensor.dsmr_tariff_{number}"} for number in (1, 2)]
    dashboard = {"energy_sources": [{"type": "grid", "flow_from": flows, "flow_to": []}]}
    proposal = propose(
        look(with_flows(home, dsmr_tariff_1=half, dsmr_tariff_2=half), **{"energy/get_prefs": dashboard})
    )
    assert proposal.chosen["grid_import"].terms == "sensor.dsmr_tariff_1+sensor.dsmr_tariff_2"
    assert proposal.chosen["load"].terms == WHOLE["load"]


def test_of_sensors_that_say_the_same_the_lifetime_counter_is_taken():
    home = house()
    more = with_flows(home, pv_energy_today=home.flows["pv"] * 1.001, pv_total_power=home.flows["pv"] * 0.999)
    assert terms(propose(look(more))) == WHOLE


def test_of_sensors_that_differ_the_one_that_balances_is_taken():
    home = house()
    proposal = propose(look(with_flows(home, solar_energy_old=home.flows["pv"] * 3)))
    assert terms(proposal) == WHOLE
    assert proposal.chosen["pv"].because.endswith("; it balances")


def test_what_the_week_cannot_tell_apart_is_asked():
    home = house()
    seen = look(with_flows(home, easee_energy=[0.2] * 192, zappi_energy=[0.3] * 192))
    proposal = propose(seen)
    (question,) = proposal.questions
    assert (question.name, question.best) == ("ev", None)
    assert {option.terms for option in question.options} == {"sensor.easee_energy", "sensor.zappi_energy"}
    assert "ev" not in answered(proposal, {"ev": None}, seen).chosen
    said = answered(proposal, {"ev": question.options[0]}, seen)
    assert said.chosen["ev"] == question.options[0]


def test_a_car_inside_the_measured_load_makes_the_balance_the_load():
    home = house()
    car = np.where(np.arange(192) % 24 == 2, 7.0, 0.0)
    flows = {**home.flows, "load": home.flows["load"] + car, "import": home.flows["import"] + car}
    proposal = propose(look(with_flows(replace(home, flows=flows), wallbox_energy=car)))
    assert proposal.chosen["ev"].terms == "sensor.wallbox_energy"
    assert proposal.chosen["load"].terms == "balance"
    assert any("unexplained" in note for note in proposal.notes)


def test_a_home_without_a_sensor_of_its_load_takes_the_balance():
    home = house()
    without = {name: sensor for name, sensor in home.sensors.items() if name != "load"}
    assert terms(propose(look(replace(home, sensors=without)))) == {**WHOLE, "load": "balance"}


@pytest.mark.parametrize(("factor", "expected"), [(1, ""), (-1, "-")])
def test_a_battery_power_takes_its_sign_from_the_level(factor: int, expected: str):
    home = house()
    net = factor * (home.flows["charge"] - home.flows["discharge"])
    sensors = {name: sensor for name, sensor in home.sensors.items() if name not in ("charge", "discharge")}
    proposal = propose(look(with_flows(replace(home, sensors=sensors), battery_power=net)))
    assert proposal.chosen["battery"].terms == f"{expected}sensor.battery_power"
    assert proposal.chosen["load"].terms == WHOLE["load"]


def test_sensors_without_statistics_or_values_are_told():
    home = with_flows(house(), solar_energy_spare=[np.nan] * 192)
    kwh = {"unit_of_measurement": "kWh", "device_class": "energy"}
    notes = propose(look(home, state("sensor.pv_energy_raw", **kwh))).notes
    assert any("sensor.pv_energy_raw: no long-term statistics" in note for note in notes)
    assert any("sensor.solar_energy_spare: nothing of the last week" in note for note in notes)


def test_place_area_and_battery_are_found():
    seen = look(house(), state("sensor.nordpool_kwh_se3_sek_3_10_025", raw_today=[], unit_of_measurement="SEK/kWh"))
    facts = facts_of(seen, propose(seen))
    assert (facts.timezone, facts.area, facts.currency) == ("Europe/Stockholm", "SE3", "SEK")
    assert (facts.latitude, facts.longitude) == (59.3, 18.1)
    assert facts.price == "sensor.nordpool_kwh_se3_sek_3_10_025"
    assert facts.capacity_kwh == pytest.approx(10.0, rel=0.15)
    assert facts.power_kw == pytest.approx((facts.capacity_kwh or 0) / 2, abs=0.5)


def test_a_battery_that_an_entity_tells_is_taken_from_it():
    told = [
        state("sensor.battery_rated_capacity", "15000", unit_of_measurement="Wh"),
        state("sensor.battery_remaining_capacity", "4000", unit_of_measurement="Wh"),
        state("number.battery_maximum_charging_power", "5000", unit_of_measurement="W"),
    ]
    seen = look(house(), *told)
    facts = facts_of(seen, propose(seen))
    assert (facts.capacity_kwh, facts.power_kw) == (15.0, 5.0)
    assert facts.because["capacity_kwh"] == "as sensor.battery_rated_capacity has it"


@pytest.mark.parametrize(
    ("country", "area", "areas"),
    [("FI", "FI", ""), ("DE", "DE-LU", ""), ("NO", None, "NO1, NO2, NO3, NO4, NO5"), (None, None, "")],
)
def test_the_area_is_the_countrys_where_it_has_one(country: str | None, area: str | None, areas: str):
    seen = look(house(), get_config={**CONFIG, "country": country})
    facts = facts_of(seen, propose(seen))
    assert (facts.area, facts.areas) == (area, areas)
