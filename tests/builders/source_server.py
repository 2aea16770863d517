"""A source of data on loopback: answers by path, with the faults that a real one can have."""

import gzip
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came.

    Attributes:
        method: GET or POST.
        path: without the query.
        query: the query, a value a name.
        headers: in lower case.
        body: what was posted.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, true or with a fault.

    Attributes:
        body: its body.
        status: HTTP status.
        content_type: as it states it; None for none.
        headers: further headers.
        cut: bytes of the body after which the connection ends; None for the whole.
        drop: whether the connection ends without any answer.
        wait: is called before the answer, such as `Event().wait`.
        zipped: whether the body is sent with gzip.
    """

    body: bytes = b"{}"
    status: int = 200
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: int | None = None
    drop: bool = False
    wait: Callable[[], object] | None = None
    zipped: bool = False


HTML = Reply(body=b"<!DOCTYPE html><html><body>Maintenance</body></html>", content_type="text/html; charset=utf-8")
Answerer = Callable[[Asked], Reply]


@dataclass
class SourceServer:
    """A server whose answers are in the test's hand.

    Attributes:
        url: its address.
        answer: gives the answer to a request; by default 404.
        asked: every request so far.
    """

    url: str = ""
    answer: Answerer = field(default=lambda _: Reply(status=404))
    asked: list[Asked] = field(default_factory=list[Asked])

    def serve(self, *replies: Reply) -> None:
        """Give these answers in turn, the last one again and again."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


class _Server(ThreadingHTTPServer):
    """A server that says nothing of clients that go away, or do not accept its certificate."""

    daemon_threads = True

    def __init__(self, source: SourceServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.source = source

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - ours always is

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def _reply(self) -> None:
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method=self.command, path=split.path, query=query, headers=headers, body=body)
        self.server.source.asked.append(asked)
        reply = self.server.source.answer(asked)
        if reply.wait is not None:
            reply.wait()
        self.close_connection = reply.drop or reply.cut is not None
        if not reply.drop:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        content = gzip.compress(reply.body) if reply.zipped else reply.body
        headers = {
            "Date": self.date_time_string(),
            **({} if reply.content_type is None else {"Content-Type": reply.content_type}),
            **({"Content-Encoding": "gzip"} if reply.zipped else {}),
            "Content-Length": str(len(content)),
            **reply.headers,
        }
        self.send_response_only(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if reply.cut is None else content[: reply.cut])


@contextmanager
def source_server(*, certificate: Path | None = None) -> Generator[SourceServer]:
    """Run a source on a free port.

    Args:
        certificate: PEM file with a certificate and its key, for TLS; None for plain HTTP.
    """
    source = SourceServer()
    server = _Server(source)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    source.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield source
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
