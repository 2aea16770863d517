"""Exchanges end at their deadline, redirects stay within a host, and the environment's proxies are used."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.pace import Pace
from darkstar_pipeline.fetching.transport import OFFLINE, proxy_of
from tests.builders.certificates import certificate
from tests.builders.proxy_server import proxy_server
from tests.builders.source_server import Reply, source_server

ONCE = Retries(attempts=1)
GOOD = Reply(body=b'{"price": 1}')
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"


def client_of(seconds: float = 5.0, ca_file: Path | None = None) -> SourceClient:
    return SourceClient(retries=ONCE, pace=Pace(0), seconds=seconds, ca_file=ca_file)


def asking(url: str) -> Request:
    return Request(source="the market", url=url)


def failure(client: SourceClient, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        client.ask(asking(url))
    return caught.value


@contextmanager
def dripping(*firsts: bytes) -> Generator[str]:
    """A server that begins with some bytes and goes on with a header a byte at a time, for ever; of TLS nothing."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(4096)
            connection.sendall(firsts[0])
            try:
                while not over.wait(0.01):
                    connection.sendall(b"x")
            except OSError:
                pass  # the client has gone

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.close()


@pytest.mark.parametrize(
    ("scheme", "first"),
    [
        pytest.param("http", b"HTT", id="the status line"),
        pytest.param("http", HEAD + b"X-Slow: ", id="a header"),
        pytest.param("http", HEAD.replace(b": 2", b": 9999999") + b"\r\n{", id="the body"),
        pytest.param("https", b"\x16\x03\x03\x3f\xff", id="the handshake"),
    ],
)
def test_an_answer_in_drips_ends_at_the_deadline(scheme: str, first: bytes):
    with dripping(first) as address, client_of(seconds=0.3) as client:
        began = time.monotonic()
        error = failure(client, f"{scheme}://{address}/prices")
        assert time.monotonic() - began < 3
    assert (error.cause, error.reason) == ("unreachable", "it does not answer within 0.3 s")


def test_a_client_that_ended_an_exchange_asks_on():
    with source_server() as source, client_of(seconds=0.3) as client:
        over = threading.Event()
        source.serve(Reply(wait=lambda: over.wait(10)), GOOD)
        assert failure(client, f"{source.url}/prices").cause == "unreachable"
        over.set()
        assert client.ask(asking(f"{source.url}/prices")).json() == {"price": 1}


def test_a_redirect_within_the_host_is_followed():
    with source_server() as source, client_of() as client:
        source.serve(Reply(status=301, headers={"Location": "/v2/prices"}), GOOD)
        assert client.ask(asking(f"{source.url}/prices")).json() == {"price": 1}
        assert [asked.path for asked in source.asked] == ["/prices", "/v2/prices"]
        source.serve(Reply(status=302, headers={"Location": "/prices"}))
        source.asked.clear()
        assert "it has moved to http://127.0.0.1 (302)" in failure(client, f"{source.url}/prices").message
        assert len(source.asked) == 4


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://elsewhere.example/prices?token=of-this-test", "it has moved to https://elsewhere.example (301)"),
        ("http://127.0.0.1:1/prices", "it has moved to http://127.0.0.1 (301)"),
        ("//elsewhere.example/", "it has moved to http://elsewhere.example (301)"),
    ],
)
def test_a_redirect_to_another_place_is_refused_with_the_reason(location: str, words: str):
    with source_server() as source, client_of() as client:
        source.serve(Reply(status=301, headers={"Location": location}))
        error = failure(client, f"{source.url}/prices")
    assert (error.cause, len(source.asked)) == ("refused", 1)
    assert words in error.message
    assert "of-this-test" not in f"{error.message} {error.hint}"


def test_a_redirect_leads_to_no_less_encryption(tmp_path: Path):
    file = certificate(tmp_path)
    with source_server(certificate=file) as source, client_of(ca_file=file) as client:
        plain = source.url.replace("https", "http")
        source.serve(Reply(status=301, headers={"Location": f"{plain}/prices"}))
        assert "it has moved to http://127.0.0.1" in failure(client, f"{source.url}/prices").message
    assert len(source.asked) == 1


def test_what_is_posted_is_not_redirected():
    with source_server() as source, client_of() as client:
        source.serve(Reply(status=307, headers={"Location": "/other"}))
        with pytest.raises(FetchError, match="it has moved"):
            client.ask(Request(source="the market", url=f"{source.url}/prices", body={"query": "x"}))
    assert len(source.asked) == 1


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let other names be asked, through the proxy alone, and set the environment."""
    monkeypatch.delenv(OFFLINE)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def environment(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return environment


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_asked_and_not_for_this_machine(outside: Callable[..., None], variable: str):
    with source_server() as source, proxy_server(source.url) as proxy, client_of() as client:
        source.serve(GOOD)
        outside(**{variable: proxy.url.removeprefix("http://") if variable == "ALL_PROXY" else proxy.url})
        assert client.ask(asking("http://prices.invalid/v1?area=SE3")).json() == {"price": 1}
        assert proxy.asked == ["GET http://prices.invalid/v1?area=SE3"]
        client.ask(asking(f"{source.url}/prices"))
        assert len(proxy.asked) == 1


def test_tls_is_verified_through_a_proxy_too(outside: Callable[..., None], tmp_path: Path):
    file = certificate(tmp_path)  # of 127.0.0.1, and not of the name that is asked for
    with (
        source_server(certificate=file) as source,
        proxy_server(source.url) as proxy,
        client_of(ca_file=file) as client,
    ):
        source.serve(GOOD)
        outside(HTTPS_PROXY=proxy.url)
        assert "certificate cannot be verified" in failure(client, "https://prices.invalid/v1").message
        assert proxy.asked == ["CONNECT prices.invalid:443"]
        assert not source.asked


def test_a_name_and_a_password_are_handed_to_the_proxy_and_never_shown(outside: Callable[..., None]):
    with source_server() as source, proxy_server(source.url) as proxy, client_of() as client:
        source.serve(GOOD)
        proxy.wanted = "me:of-this-test"
        outside(HTTP_PROXY=proxy.url.replace("://", "://me:of-this-test@"))
        assert client.ask(asking("http://prices.invalid/v1")).json() == {"price": 1}
        outside(HTTP_PROXY=proxy.url.replace("://", "://me:wrong-one@"), HTTPS_PROXY=proxy.url)
        plain = failure(client, "http://prices.invalid/v1")
        tunnel = failure(client, "https://prices.invalid/v1")
    for error in (plain, tunnel):
        assert "407" in error.message
        assert "wrong-one" not in f"{error.message} {error.hint}"
    assert tunnel.reason.startswith("the proxy of the environment does not let it be reached")
    assert "NO_PROXY" in tunnel.hint


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:1", "127.0.0.1 cannot be reached"),
        ("socks5://127.0.0.1:1080", "is a socks5 proxy, and only http and https ones are used"),
        ("http://127.0.0.1:port", "its address is none"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(outside: Callable[..., None], proxy: str, words: str):
    outside(HTTPS_PROXY=proxy)
    with client_of() as client:
        error = failure(client, "https://prices.invalid/v1")
    assert words in error.message
    assert "HTTPS_PROXY" in error.hint


@pytest.mark.parametrize("named", ["prices.invalid", ".invalid", "*", "other.example,prices.invalid"])
def test_no_proxy_is_kept(outside: Callable[..., None], named: str):
    outside(HTTP_PROXY="http://127.0.0.1:1", NO_PROXY=named)
    assert proxy_of(httpx2.URL("http://prices.invalid/v1")) is None
    outside(NO_PROXY="elsewhere.example")
    assert proxy_of(httpx2.URL("http://prices.invalid/v1")) == "http://127.0.0.1:1"
