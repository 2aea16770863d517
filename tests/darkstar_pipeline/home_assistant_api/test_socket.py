import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest

from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from tests.builders.home_assistant_socket import CONFIG, TOKEN, SocketAnswers, home_assistant_socket

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def asking(url: str, **changes: Any) -> HomeAssistantSocket:
    return HomeAssistantSocket(url, TOKEN, **{"seconds": 2.0, "pauses": (), **changes})


def refused_by(url: str, **changes: Any) -> HomeAssistantError:
    with asking(url, **changes) as home, pytest.raises(HomeAssistantError) as caught:
        home.config()
    return caught.value


def test_what_is_told_comes_as_values():
    told = {
        "get_states": [{"entity_id": "sensor.a", "state": "5", "attributes": {"unit_of_measurement": "W"}, "x": 1}],
        "config/entity_registry/list": [{"entity_id": "sensor.a", "platform": "tibber", "device_id": "d", "id": "x"}],
        "recorder/list_statistic_ids": [{"statistic_id": "sensor.a", "has_mean": False, "has_sum": True}],
        "energy/get_prefs": {"energy_sources": [{"type": "solar", "stat_energy_from": "sensor.pv"}]},
    }
    with home_assistant_socket(told) as answers, asking(answers.url) as home:
        assert home.config().time_zone == CONFIG["time_zone"]
        assert home.states()[0].attributes["unit_of_measurement"] == "W"
        assert home.entities()[0].platform == "tibber"
        assert home.statistic_ids()[0].has_sum
        assert home.energy_settings().energy_sources[0].stat_energy_from == "sensor.pv"
        assert answers.connections == 1


def test_statistics_are_asked_in_one_unit_and_come_by_sensor():
    rows = {"sensor.a": [{"start": 1772323200000, "end": 1772326800000, "sum": 4.5, "change": 0.5, "state": None}]}
    with home_assistant_socket({"recorder/statistics_during_period": rows}) as answers, asking(answers.url) as home:
        assert home.statistics(["sensor.a"], START, END, "hour") == rows
        question = answers.asked[0]
    assert question["units"] == {"energy": "kWh", "power": "kW"}
    assert (question["start_time"], question["period"]) == ("2026-03-01T00:00:00+00:00", "hour")


def test_a_home_without_energy_dashboard_has_no_settings_of_it():
    with home_assistant_socket() as answers, asking(answers.url) as home:
        answers.errors["energy/get_prefs"] = {"code": "not_found", "message": "No prefs"}
        assert home.energy_settings().energy_sources == ()


def test_a_lost_connection_is_made_again_and_the_question_repeated():
    with home_assistant_socket() as answers, asking(answers.url, pauses=(0.0,)) as home:
        answers.drops = 1
        assert home.config().currency == "SEK"
        assert answers.connections == 2


def test_a_call_that_answers_is_never_repeated():
    with home_assistant_socket() as answers, asking(answers.url, pauses=(0.0,)) as home:
        answers.results["call_service"] = lambda question: {"response": question["service_data"], "context": {}}
        assert home.call("nordpool", "get_prices_for_date", {"areas": "SE3"}) == {"areas": "SE3"}
        answers.drops = 1
        with pytest.raises(HomeAssistantError, match="lost"):
            home.call("nordpool", "get_prices_for_date", {})
        assert [question["type"] for question in answers.asked] == ["call_service"] * 2
        assert answers.asked[0]["return_response"] is True


@pytest.mark.parametrize(
    ("fault", "words", "hint", "cause"),
    [
        ({"first": {"type": "hello"}}, "does not ask for a token", "address", "wrong"),
        ({"after_token": {"type": "hello"}}, "answers a token", "address", "wrong"),
        ({"after_token": {"type": "auth_invalid"}}, "does not accept the token", "long-lived", "refused"),
        ({"silent": True}, "not answer in time", "retried", "late"),
        ({"raw": "<html>"}, "no JSON", "address", "wrong"),
        ({"raw": "[1]"}, "no objects", "address", "wrong"),
        ({"results": {"get_config": {"version": "1"}}}, "time_zone: Field required", "version", "wrong"),
        ({"results": {}}, "refuses get_config: Unknown command", "default_config", "refused"),
    ],
)
def test_a_fault_is_told_with_its_remedy(fault: dict[str, Any], words: str, hint: str, cause: str):
    with home_assistant_socket() as answers:
        for name, value in fault.items():
            setattr(answers, name, value)
        error = refused_by(answers.url, seconds=0.3)
    assert words in error.message
    assert hint in error.hint
    assert error.cause == cause
    assert TOKEN not in error.message + error.hint


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (404, {}, "is that Home Assistant?"),
        (502, {}, "being started"),
        (301, {"Location": "http://127.0.0.1:9/api/websocket"}, "own address"),
    ],
)
def test_a_server_that_answers_otherwise_is_told(status: int, headers: dict[str, str], words: str):
    with home_assistant_socket(before=lambda _: (status, headers)) as answers:
        error = refused_by(answers.url)
    assert str(status) in error.message
    assert words in error.hint


def test_nothing_at_the_address_is_told():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        error = refused_by(f"http://127.0.0.1:{probe.getsockname()[1]}")
    assert error.cause == "unreachable"
    assert "Connection refused" in error.message


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"start": 1e30, "sum": 1.0}, "start 1e+30 is no instant"),
        ({"start": float("nan"), "sum": 1.0}, "start nan is no instant"),
        ({"start": 0, "end": -1, "sum": 1.0}, "end -1.0 is no instant"),
        ({"sum": 1.0}, "start None is no instant"),
        ({"start": True, "sum": 1.0}, "valid number"),
        ({"start": 0, "end": 3_600_000, "sum": True}, "valid number"),
    ],
)
def test_a_statistic_that_cannot_be_is_told(row: dict[str, object], says: str):
    with (
        home_assistant_socket({"recorder/statistics_during_period": {"sensor.a": [row]}}) as answers,
        asking(answers.url) as home,
        pytest.raises(HomeAssistantError) as caught,
    ):
        home.statistics(["sensor.a"], datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "hour")
    assert "sensor.a.0" in caught.value.message
    assert says in caught.value.message


@contextmanager
def talking(first: bytes) -> Generator[str]:
    """A server that sends some bytes and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(first)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(timeout=5)


def test_a_server_of_something_else_is_told():
    with talking(b"220 mail.example ESMTP\r\n") as url:
        assert "is no Home Assistant" in refused_by(url).message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which is its own authority."""
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    subprocess.run([*made, "-keyout", key, "-out", cert, "-days", "30", *names], check=True, capture_output=True)
    return cert, key


def test_a_certificate_is_verified_and_an_authority_can_be_added(certificate: tuple[Path, Path]):
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with home_assistant_socket(tls=tls) as answers:
        error = refused_by(answers.url)
        assert "is not trusted" in error.message
        assert "ca_file" in error.hint
        with asking(answers.url, ca_file=certificate[0]) as home:
            assert home.config().country == "SE"
        assert "holds no certificate" in refused_by(answers.url, ca_file=certificate[1]).message


def test_https_to_a_server_without_tls_is_told():
    with home_assistant_socket() as answers:
        error = refused_by(answers.url.replace("http:", "https:"))
    assert "does not speak TLS" in error.message
    assert "http://" in error.hint


def test_a_late_answer_is_not_taken_for_the_next_question():
    with home_assistant_socket() as answers, asking(answers.url) as home:
        assert isinstance(answers, SocketAnswers)
        home.config()
        answers.results["get_states"] = []
        assert home.states() == []
        assert [question["id"] for question in answers.asked] == [1, 2]
