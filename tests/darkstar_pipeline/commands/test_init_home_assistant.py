"""`darkstar init --home-assistant`: a whole configuration from a Home Assistant, and questions on what is uncertain."""

import sys
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import numpy as np
import pytest

from benchmarks.recorded_home.statistics_home import StatisticsHome, home_until_now
from benchmarks.simulated_inverters.simulated_inverter import SimulatedInverter, descriptions
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from tests.builders.certificates import certificate
from tests.builders.command_line import Darkstar, Terminal
from tests.builders.home_assistant_socket import TOKEN, home_assistant_socket
from tests.builders.statistics_answers import answers_of


@pytest.fixture
def token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return file


def with_two_cars(home: StatisticsHome) -> StatisticsHome:
    hours = len(home.flows["load"])
    flows = {**home.flows, "a": np.full(hours, 0.2), "b": np.full(hours, 0.3)}
    sensors = {**home.sensors, "a": "sensor.easee_energy", "b": "sensor.zappi_energy"}
    return StatisticsHome(home.start, flows, sensors)


def test_everything_is_found_and_written(home: Path, darkstar: Darkstar, token_file: Path):
    with home_assistant_socket(answers_of(home_until_now())) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes", "--json")
        done = darkstar("init", *words)
    assert done.code == 0, done.err
    assert done.document["sensors"]["pv"] == {"terms": "sensor.pv_energy", "because": "by its name, of inverter"}
    assert done.document["unexplained"] == pytest.approx(0.0, abs=1e-9)
    site = load_settings().sites["home"]
    assert site.home_assistant.url == answers.url
    assert site.home_assistant.token_file == token_file
    assert site.home_assistant.sensors.grid_import == "sensor.grid_import_energy"
    assert site.battery.capacity_kwh == pytest.approx(10, rel=0.15)
    assert (site.forecast.latitude, site.forecast.longitude) == (59.3, 18.1)
    assert TOKEN not in (home / "darkstar.yaml").read_text() + done.out + done.err


def test_its_nord_pool_integration_is_asked_first_for_prices(home: Path, darkstar: Darkstar, token_file: Path):
    assert home.is_dir()
    prices = {
        "get_services": {"nordpool": {"get_prices_for_date": {}}},
        "config_entries/get": [{"entry_id": "abc", "domain": "nordpool"}],
    }
    with home_assistant_socket(answers_of(home_until_now()) | prices) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes")
        done = darkstar("init", *words)
    assert done.code == 0, done.err
    assert load_settings().sites["home"].sources.prices.order[:2] == ("home_assistant", "elprisetjustnu")
    assert "nordpool.get_prices_for_date" in done.out


def test_a_certificate_of_ones_own_is_trusted_and_kept(
    home: Path, darkstar: Darkstar, token_file: Path, tmp_path: Path
):
    assert home.is_dir()
    authority = certificate(tmp_path)
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority)
    with home_assistant_socket(answers_of(home_until_now()), tls=tls) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes")
        refused = darkstar("init", *words)
        assert "is not trusted" in refused.err
        done = darkstar("init", *words, "--ca-file", str(authority))
    assert done.code == 0, done.err
    assert load_settings().sites["home"].sources.ca_file == authority


def test_a_token_without_an_address_is_told(home: Path, darkstar: Darkstar, token_file: Path):
    refused = darkstar("init", "--token-file", str(token_file), "--area", "SE3", "--yes")
    assert (refused.code, "--home-assistant URL" in refused.err) == (2, True)
    assert not (home / "darkstar.yaml").exists()


def test_an_area_that_nothing_tells_is_asked_for(home: Path, darkstar: Darkstar, token_file: Path):
    with home_assistant_socket(answers_of(home_until_now())) as answers:
        done = darkstar("init", "--home-assistant", answers.url, "--token-file", str(token_file), "--yes", "--json")
    assert done.code == 2
    assert "--area SE1, SE2, SE3, SE4" in done.error["hint"]
    assert not (home / "darkstar.yaml").exists()


def test_what_is_uncertain_is_left_out_and_told_without_a_person(home: Path, darkstar: Darkstar, token_file: Path):
    assert home.is_dir()
    with home_assistant_socket(answers_of(with_two_cars(home_until_now()))) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes")
        done = darkstar("init", *words)
    assert done.code == 0
    assert "ev is left out, it may be any of" in done.err
    assert load_settings().sites["home"].home_assistant.sensors.ev is None


def test_a_person_is_asked_and_a_typed_token_is_kept(
    home: Path, darkstar: Darkstar, token_file: Path, monkeypatch: pytest.MonkeyPatch
):
    assert home.is_dir()
    assert token_file.exists()
    with home_assistant_socket(answers_of(with_two_cars(home_until_now()))) as answers:
        monkeypatch.setattr("getpass.getpass", lambda *_, **__: TOKEN)
        monkeypatch.setattr(sys, "stdin", Terminal("2", "SE3", *[""] * 8))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        done = darkstar("init", "--home-assistant", answers.url)
    assert done.code == 0, done.err
    sensors = load_settings().sites["home"].home_assistant
    assert sensors.sensors.ev in ("sensor.easee_energy", "sensor.zappi_energy")
    assert sensors.token_file is not None
    assert sensors.token_file.read_text().strip() == TOKEN
    assert sensors.token_file.stat().st_mode & 0o077 == 0
    assert "What measures ev?" in done.err


def test_no_token_and_a_wrong_one_are_told(
    home: Path, darkstar: Darkstar, token_file: Path, monkeypatch: pytest.MonkeyPatch
):
    assert token_file.exists()
    with home_assistant_socket(answers_of(home_until_now())) as answers:
        without = darkstar("init", "--home-assistant", answers.url, "--yes", "--json")
        monkeypatch.setenv(TOKEN_VARIABLE, "another token")
        wrong = darkstar("init", "--home-assistant", answers.url, "--yes", "--json")
    assert (without.code, wrong.code) == (2, 5)
    assert "--token-file" in without.error["hint"]
    assert "does not accept the token" in wrong.error["message"]
    assert not (home / "darkstar.yaml").exists()


def with_inverter(family: str, *, without: str = "none") -> dict[str, Any]:
    """The answers of a home with a simulated inverter beside its sensors."""
    answers = answers_of(home_until_now())
    inverter = SimulatedInverter(descriptions()[family], lambda: 0.0)
    states = [each.model_dump() for each in inverter.states() if without not in each.entity_id]
    registry = [each.model_dump() for each in inverter.registry() if without not in each.entity_id]
    kinds = ("get_states", states), ("config/entity_registry/list", registry)
    return answers | {kind: [*answers[kind], *more] for kind, more in kinds}


def test_inverter_is_found_and_its_control_is_written_off_and_untested(
    home: Path, darkstar: Darkstar, token_file: Path
):
    with home_assistant_socket(with_inverter("solaredge")) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes")
        done = darkstar("init", *words)
    assert done.code == 0, done.err
    control = load_settings().sites["home"].home_assistant.control
    assert (control.enabled, control.dry_run, control.profile) == (False, True, "inverter")
    assert control.inverter.family == "solaredge"
    assert control.inverter.entities["command_mode"] == "select.solaredge_i1_storage_command_mode"
    assert control.inverter.own == {"charge_limit": 5000.0, "discharge_limit": 5000.0, "site_limit": 10000.0}
    assert not control.inverter.confirmed
    for words_said in ("profile solaredge with 5 entities", "control is off", "untested on hardware until you confirm"):
        assert words_said in done.out, done.out
    assert "Remote Control" in done.out, "what has to be set up once"
    turned_on = (home / "darkstar.yaml").read_text().replace("enabled: false  # true: commands", "enabled: true  #")
    (home / "darkstar.yaml").write_text(turned_on)
    assert load_settings().sites["home"].home_assistant.control.enabled


def test_inverter_that_lacks_an_entity_is_told_and_nothing_is_written(home: Path, darkstar: Darkstar, token_file: Path):
    assert home.is_dir()
    with home_assistant_socket(with_inverter("deye", without="time_of_use")) as answers:
        words = ("--home-assistant", answers.url, "--token-file", str(token_file), "--area", "SE3", "--yes", "--json")
        done = darkstar("init", *words)
    assert done.code == 0, done.err
    assert done.document["inverter"]["missing"] == {"time_of_use": "select.*_time_of_use"}
    assert load_settings().sites["home"].home_assistant.control.profile == "power"
