"""Every exchange with Home Assistant ends in time, below its size, and as a state or an error that says why."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.home_assistant import client as module
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from tests.builders.certificates import certificate
from tests.builders.stub_home_assistant import ENTITY, stub_home_assistant

DEADLINE = 0.25
SLACK = 1.5
Handler = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(handle: Handler) -> Generator[str]:
    """A server of this machine that treats every connection as `handle` does; its address."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            handle(connection, over)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Handler:
    def handle(connection: socket.socket, _: threading.Event) -> None:
        while connection.recv(65536):
            lines = (f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers)
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return handle


def dribbled(begin: bytes, part: bytes) -> Handler:
    """A part every 50 ms, for ever."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(begin)
        while not over.wait(0.05):
            connection.sendall(part)

    return handle


def silent(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    over.wait(20)


def endless(connection: socket.socket, over: threading.Event) -> None:
    """A gigabyte, as fast as it is taken."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
    for _ in range(1000):
        if over.is_set():
            return
        connection.sendall(b" " * 1_000_000)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
CALLS: dict[str, Callable[[HomeAssistantClient], object]] = {
    "state": lambda client: client.state("sensor.soc"),
    "call": lambda client: client.call("number", "set_value", {"entity_id": "number.charge", "value": 1}),
    "history": lambda client: client.history(["sensor.soc"], datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "handle",
    [
        pytest.param(silent, id="accepts and is silent"),
        pytest.param(dribbled(OK, b" "), id="a byte at a time"),
        pytest.param(dribbled(b"HTTP/1.1 200 OK\r\n", b"x-more: yes\r\n"), id="headers for ever"),
        pytest.param(dribbled(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue for ever"),
        pytest.param(dribbled(b"", b"H"), id="a status line for ever"),
    ],
)
def test_exchange_ends_at_its_deadline_when_the_answer_does_not(
    handle: Handler, call: Callable[[HomeAssistantClient], object]
) -> None:
    with server(handle) as url, HomeAssistantClient(url, "t", seconds=DEADLINE, history_seconds=DEADLINE) as client:
        for _ in range(2):  # the second, too: what was left behind holds nothing up
            began = time.monotonic()
            with pytest.raises(HomeAssistantError, match="does not answer"):
                call(client)
            assert time.monotonic() - began < DEADLINE + SLACK


def test_exchange_ends_when_the_name_of_the_host_is_never_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20))
    began = time.monotonic()
    with (
        HomeAssistantClient("http://homeassistant.example:8123", "t", seconds=DEADLINE) as client,
        pytest.raises(HomeAssistantError, match="does not answer within"),
    ):
        client.state("sensor.soc")
    assert time.monotonic() - began < DEADLINE + SLACK
    over.set()


def test_close_ends_in_time_when_another_thread_waits_for_an_answer() -> None:
    errors: list[HomeAssistantError] = []

    def ask(client: HomeAssistantClient) -> None:
        try:
            client.state("sensor.soc")
        except HomeAssistantError as error:
            errors.append(error)

    asked = threading.Event()

    def handle(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        asked.set()
        over.wait(20)

    with server(handle) as url:
        client = HomeAssistantClient(url, "t", seconds=20)
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        assert asked.wait(5)
        began = time.monotonic()
        client.close()
        thread.join(5)
        assert time.monotonic() - began < SLACK + 1
    assert len(errors) == 1


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_answer_is_refused_when_it_is_too_large(call: Callable[[HomeAssistantClient], object]) -> None:
    with (
        server(endless) as url,
        HomeAssistantClient(url, "t") as client,
        pytest.raises(HomeAssistantError, match=r"more than [0-9,]+ bytes"),
    ):
        call(client)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="deep and cut"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep objects"),
        pytest.param(b'{"state": "\xff\xfe"}', id="not UTF-8"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(b"9" * 5000, id="a number of 5000 digits"),
    ],
)
def test_answer_is_refused_when_it_is_not_json(body: bytes, call: Callable[[HomeAssistantClient], object]) -> None:
    with (
        server(answering(body)) as url,
        HomeAssistantClient(url, "t") as client,
        pytest.raises(HomeAssistantError, match="something else than JSON"),
    ):
        call(client)


def test_certificate_is_verified_and_an_authority_can_be_added(tmp_path: Path) -> None:
    authority = certificate(tmp_path)
    with stub_home_assistant(certificate=authority) as home:
        with (
            HomeAssistantClient(home.url, "t") as client,
            pytest.raises(HomeAssistantError, match="is not trusted") as caught,
        ):
            client.state(ENTITY)
        assert "sources.ca_file" in caught.value.hint
        with HomeAssistantClient(home.url, "t", ca_file=authority) as client:
            assert (client.state(ENTITY) or {})["state"] == "5000"
    with pytest.raises(ConfigurationError, match="cannot be read as a certificate authority"):
        HomeAssistantClient("https://h", "t", ca_file=tmp_path / "none.pem")


@pytest.mark.parametrize(
    "answer", [7, "text", [], None, True, {}, {"state": 5}, {"state": None}, {"state": "5", "attributes": []}], ids=str
)
def test_state_is_refused_when_it_is_something_else(answer: object) -> None:
    with (
        server(answering(json.dumps(answer).encode())) as url,
        HomeAssistantClient(url, "t") as client,
        pytest.raises(HomeAssistantError, match="something else than a state"),
    ):
        client.state("sensor.soc")


@pytest.mark.parametrize("answer", [7, "text", {}, None, [7], [[7]], [["text"]], [{}]], ids=str)
def test_history_is_refused_when_it_is_something_else(answer: object) -> None:
    with (
        server(answering(json.dumps(answer).encode())) as url,
        HomeAssistantClient(url, "t") as client,
        pytest.raises(HomeAssistantError, match="something else than lists of states"),
    ):
        CALLS["history"](client)


def test_redirect_is_refused_and_the_token_goes_nowhere_else() -> None:
    seen: list[bytes] = []

    def elsewhere(connection: socket.socket, _: threading.Event) -> None:
        seen.append(connection.recv(65536))

    with (
        server(elsewhere) as other,
        server(answering(b"", "302 Found", f"location: {other}/")) as url,
        HomeAssistantClient(url, "t") as client,
    ):
        for call in CALLS.values():
            with pytest.raises(HomeAssistantError, match="answers 302"):
                call(client)
    assert seen == []


@pytest.mark.parametrize("status", [204, 400, 500, 502, 503, 599])
def test_status_is_an_error_when_it_brings_no_state(status: int) -> None:
    with (
        server(answering(b"", f"{status} X")) as url,
        HomeAssistantClient(url, "t") as client,
        pytest.raises(HomeAssistantError),
    ):
        client.state("sensor.soc")


def test_states_are_read_over_one_connection_when_nothing_is_wrong() -> None:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket, over: threading.Event) -> None:
        connections.append(connection)
        answering(b'{"state": "50", "attributes": {"unit_of_measurement": "%"}}')(connection, over)

    with server(handle) as url, HomeAssistantClient(url, "t") as client:
        states = [client.state("sensor.soc") for _ in range(5)]
    assert [state is not None and state["state"] for state in states] == ["50"] * 5
    assert len(connections) == 1


def test_client_is_refused_when_address_or_token_cannot_be_used() -> None:
    for url in ("http://[", "http://a:99999", "http://", "ftp://127.0.0.1", "nothing", "http://a\0b", "http://[::1"):
        with pytest.raises(HomeAssistantError), HomeAssistantClient(url, "t", seconds=DEADLINE) as client:
            client.state("sensor.soc")
    with pytest.raises(HomeAssistantError, match="characters") as refused:
        HomeAssistantClient("http://127.0.0.1", "tök€n")
    assert "tök€n" not in str(refused.value)
    with pytest.raises(HomeAssistantError), HomeAssistantClient("http://127.0.0.1:9", "a\nb") as client:
        client.state("sensor.soc")


def test_threads_are_ended_when_clients_are_closed() -> None:
    before = threading.active_count()
    with server(answering(b'{"state": "5"}')) as url:
        for _ in range(5):
            with HomeAssistantClient(url, "t") as client:
                client.state("sensor.soc")
        assert not [thread for thread in threading.enumerate() if thread.name == "exchange"]
    assert module.TIMEOUT_SECONDS <= 10
    assert threading.active_count() <= before + 5
