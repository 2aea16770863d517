"""A proxy on loopback that leads every name to one server, so that nothing leaves the machine."""

import base64
import http.client
import select
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class ProxyServer:
    """A proxy and what it was asked for.

    Attributes:
        url: its address.
        target: host and port that every name leads to.
        wanted: `name:password` that it wants; empty for none.
        asked: method and target of every request.
    """

    target: tuple[str, int]
    url: str = ""
    wanted: str = ""
    asked: list[str] = field(default_factory=list[str])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: ProxyServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - ours always is

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def _refuses(self) -> bool:
        """Note the request, and answer where it lacks the password."""
        proxy = self.server.proxy
        proxy.asked.append(f"{self.command} {self.path}")
        wanted = "Basic " + base64.b64encode(proxy.wanted.encode()).decode()
        if not proxy.wanted or self.headers.get("Proxy-Authorization") == wanted:
            return False
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def do_GET(self) -> None:
        if self._refuses():
            return
        split = urlsplit(self.path)
        forwarded = http.client.HTTPConnection(*self.server.proxy.target, timeout=5)
        forwarded.request("GET", f"{split.path}?{split.query}")
        answer = forwarded.getresponse()
        body = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        forwarded.close()

    def do_CONNECT(self) -> None:
        if self._refuses():
            return
        with socket.create_connection(self.server.proxy.target, timeout=5) as target:
            self.send_response_only(200)
            self.end_headers()
            ends = {self.connection: target, target: self.connection}
            while True:
                for ready in select.select(list(ends), [], [], 5)[0] or [None]:
                    data = b"" if ready is None else ready.recv(65536)
                    if ready is None or not data:
                        self.close_connection = True
                        return
                    ends[ready].sendall(data)


@contextmanager
def proxy_server(target: str) -> Generator[ProxyServer]:
    """Run one on a free port that leads to a server.

    Args:
        target: address of the server.
    """
    split = urlsplit(target)
    proxy = ProxyServer(target=(str(split.hostname), int(split.port or 80)))
    server = _Server(proxy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
