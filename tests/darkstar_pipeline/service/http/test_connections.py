"""Limits of connections, tried with real sockets: idle, slow, large, malformed and unread ones."""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest
import uvicorn

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.connections import ConnectionLimits, reserve_descriptors
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.listener import listener_config
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from tests.builders.service_home import TOKEN, made_engine
from tests.builders.waiting import until

LOOPBACK = "127.0.0.1"
LIMITS = ConnectionLimits(connections=20, receive_seconds=0.6, send_seconds=0.6)
UNHURRIED = replace(LIMITS, receive_seconds=60.0)
"""Where idle connections must be closed for room: with haste, a loaded machine closes some of them as slow before."""
ASKED = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"


@dataclass
class Listening:
    """A service that listens, and what it counted."""

    port: int
    metrics: Metrics
    server: uvicorn.Server

    def connect(self) -> socket.socket:
        """Open a connection; the caller closes it."""
        return socket.create_connection((LOOPBACK, self.port), timeout=10)

    def status(self, path: str = "/command", **headers: str) -> int:
        """Ask on a connection of one's own, with the token."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}", **headers})
            return connection.getresponse().status
        finally:
            connection.close()

    def closed(self, reason: str) -> float:
        """How many connections were closed for a reason."""
        return self.metrics.registry.get_sample_value("darkstar_connections_closed_total", {"reason": reason}) or 0.0

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self.server.server_state.connections)


@contextmanager
def listening(context: Context, limits: ConnectionLimits = LIMITS, *proxies: str) -> Generator[Listening]:
    """A service on loopback, until the block ends."""
    engine, _ = made_engine(context)
    engine.replan()
    metrics = Metrics()
    app = create_app(ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=metrics))
    config = listener_config(app, host=LOOPBACK, port=0, metrics=metrics, limits=limits, trusted_proxies=proxies)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, "the service listens")
        yield Listening(server.servers[0].sockets[0].getsockname()[1], metrics, server)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def service(context: Context) -> Generator[Listening]:
    with listening(context) as service:
        yield service


@pytest.fixture
def unhurried(context: Context) -> Generator[Listening]:
    with listening(context, UNHURRIED) as service:
        yield service


def paced(context: Context) -> Context:
    """The same home, where a client may ask ten times in ten seconds."""
    site = context.site_settings
    slow = site.model_copy(update={"service": site.service.model_copy(update={"requests_per_second": 1.0})})
    return replace(context, site_settings=slow)


def answer(connection: socket.socket) -> bytes:
    """What comes until the other side closes; nothing where it aborts."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionError:
        pass
    return received


def test_idle_connections_give_way_to_one_with_the_token(unhurried: Listening) -> None:
    with ExitStack() as held:
        idle = [held.enter_context(unhurried.connect()) for _ in range(60)]
        assert unhurried.status() == 200
        assert unhurried.open <= LIMITS.connections
        assert answer(idle[0]) == b""
    assert unhurried.closed("room") >= 40


def test_an_idle_connection_with_the_token_outlives_those_of_strangers(unhurried: Listening) -> None:
    kept = http.client.HTTPConnection(LOOPBACK, unhurried.port, timeout=10)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    kept.request("GET", "/command", headers=headers)
    kept.getresponse().read()
    before = kept.sock
    with ExitStack() as held:
        for _ in range(60):
            held.enter_context(unhurried.connect())
        assert unhurried.status() == 200
        kept.request("GET", "/command", headers=headers)
        assert kept.getresponse().status == 200
        assert kept.sock is before
    kept.close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET", b"\r\n", b"GET /health HTTP/1.1\r\nA: b", b"POST /override HTTP/1.1\r\nContent-Length: 90\r\n\r\n{"],
    ids=["nothing", "a word", "an empty line", "half a head", "half a body"],
)
def test_a_request_that_never_ends_is_ended(service: Listening, sent: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(sent)
        answer(connection)
        until(lambda: service.open == 0, "the connection is closed", 5)
    if not sent.startswith(b"POST"):  # that one is refused before its body has come
        assert service.closed("slow") == 1


def test_a_head_that_comes_byte_by_byte_is_ended(service: Listening) -> None:
    with service.connect() as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: ")
        ended = False
        for _ in range(100):
            try:
                connection.sendall(b"a")
                ended = connection.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
            if ended:
                break
        assert ended
    assert service.closed("slow") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 2_000_000,
        b"GET /" + b"a" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 300_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 33_000 + b"\r\n\r\n",
    ],
    ids=["one header", "the path", "many headers", "whole in one piece"],
)
def test_a_head_that_is_too_large_is_refused(service: Listening, head: bytes) -> None:
    with service.connect() as connection:
        try:
            connection.sendall(head)
        except ConnectionError:
            pass
        else:
            assert answer(connection)[:12] in (b"", b"HTTP/1.1 431")
    until(lambda: service.closed("large") == 1, "it is counted")
    assert service.status() == 200


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536),
        (b"Content-Length: 999999999\r\n\r\n", b"a" * 65_536),
    ],
    ids=["chunks", "an extension of a chunk", "declared"],
)
def test_a_body_without_end_is_ended(service: Listening, head: bytes, body: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(f"POST /override HTTP/1.1\r\n{ASKED}".encode() + head)
        with pytest.raises(ConnectionError):  # noqa: PT012 - which of them it meets is a matter of time
            for _ in range(2000):
                connection.sendall(body)
    until(lambda: service.open == 0, "the connection is closed", 5)
    assert service.status() == 200


def test_a_client_that_never_reads_is_ended(service: Listening) -> None:
    with service.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /plan HTTP/1.1\r\n{ASKED}\r\n".encode()
        connection.settimeout(0.2)
        for _ in range(200):
            try:
                connection.sendall(request)
            except (TimeoutError, ConnectionError):
                break
        until(lambda: service.closed("unread") == 1, "the connection is closed", 10)
    assert service.status() == 200


def test_malformed_requests_are_refused_and_logged_once_a_minute(
    service: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answers: list[bytes] = []
    for _ in range(100):
        with service.connect() as connection:
            connection.sendall(b"\x00\x01 nothing like HTTP\r\n\r\n")
            answers.append(answer(connection))
    told = [each for each in answers if each]
    assert 0 < len(told) <= 30
    assert json.loads(told[0].partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"
    assert service.closed("malformed") == 100
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert service.status() == 200


def test_a_websocket_is_answered_as_any_request_and_paced(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    upgrade = (
        b"GET /plan HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    context = paced(context)
    statuses: list[bytes] = []
    with listening(context) as service:
        for _ in range(15):
            with service.connect() as connection:
                connection.sendall(upgrade)
                statuses.append(answer(connection)[9:12])
    assert statuses[0] == b"401"
    assert statuses[-1] == b"429"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_strangers_do_not_use_up_the_pace_of_one_with_the_token(context: Context) -> None:
    with listening(paced(context)) as service:
        strangers = [service.status("/health", Authorization="") for _ in range(15)]
        assert strangers[-1] == 429
        assert service.status() == 200


@pytest.mark.parametrize(("proxies", "expected"), [((), 429), (("127.0.0.1",), 200)], ids=["none", "this one"])
def test_a_forwarding_header_is_believed_of_a_configured_proxy_alone(
    context: Context, proxies: tuple[str, ...], expected: int
) -> None:
    context = paced(context)
    with listening(context, LIMITS, *proxies) as service:
        statuses = [service.status("/health", **{"X-Forwarded-For": f"10.0.0.{number}"}) for number in range(15)]
    assert statuses[-1] == expected


def test_descriptors_are_reserved() -> None:
    import resource

    most = reserve_descriptors()
    assert most < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
