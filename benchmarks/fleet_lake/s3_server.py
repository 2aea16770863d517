"""An S3 server on loopback (moto's) that counts what it is asked, and fails where it is told to.

`python -m benchmarks.fleet_lake.s3_server` runs one in a process of its own, says its address in the first line, and
its counts at `/-/counts`.
"""

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from threading import Thread
from typing import Any

COUNTS_PATH = "/-/counts"
SLOW_SECONDS = 1.0


class Fault(Enum):
    """Fault of an answer."""

    ERROR = "500 Internal Server Error"
    BUSY = "503 Slow Down"
    REFUSED = "403 Forbidden"
    SKEWED = "403 Forbidden, for the clock"
    REGION = "400 Bad Request"
    MOVED = "301 Moved Permanently"
    EXPIRED = "400 Bad Request, for the token"
    FULL = "507 Insufficient Storage"
    NO_STORE = "404 Not Found"
    SLOW = "an answer after a second"
    CUT = "done, but the connection is cut before the answer is whole"


_CODES = {
    Fault.ERROR: "InternalError",
    Fault.BUSY: "InternalError",
    Fault.REFUSED: "AccessDenied",
    Fault.SKEWED: "RequestTimeTooSkewed",
    Fault.REGION: "AuthorizationHeaderMalformed",
    Fault.MOVED: "PermanentRedirect",
    Fault.EXPIRED: "ExpiredToken",
    Fault.FULL: "QuotaExceeded",
    Fault.NO_STORE: "of another server",
}


@dataclass
class CountingApp:
    """A WSGI application around moto's.

    Attributes:
        inner: moto's.
        fault: given method and path of a request, returns its fault.
        change: changes a request before it is answered.
        latency: added to every answer [s].
        counts: requests by method, listings apart as `LIST`, and bytes both ways.
    """

    inner: Callable[..., Iterable[bytes]]
    fault: Callable[[str, str], Fault | None] = lambda _method, _path: None
    change: Callable[[dict[str, Any]], None] = lambda _request: None
    latency: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == COUNTS_PATH:
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.counts).encode()]
        self.counts["LIST" if "list-type" in environ.get("QUERY_STRING", "") else method] += 1
        self.counts["bytes_in"] += int(environ.get("CONTENT_LENGTH") or 0)
        fault = self.fault(method, path)
        time.sleep(self.latency + (SLOW_SECONDS if fault is Fault.SLOW else 0.0))
        if fault in _CODES:
            start(fault.value.partition(",")[0], [("Content-Type", "application/xml")])
            key = environ.get("HTTP_AUTHORIZATION", "")  # as servers tell it back
            return [f"<Error><Code>{_CODES[fault]}</Code><Message>planned</Message><Key>{key}</Key></Error>".encode()]
        self.change(environ)
        answer = list(self.inner(environ, start))
        self.counts["bytes_out"] += sum(len(part) for part in answer)
        return _cut(answer) if fault is Fault.CUT else answer


def _cut(answer: list[bytes]) -> Iterator[bytes]:
    body = b"".join(answer)
    if body:
        yield body[: len(body) // 2]
    raise ConnectionAbortedError("cut as planned")


class S3Server:
    """A server in a thread of this process, on a free port."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Handler(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept, as every S3 server does

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.app = CountingApp(DomainDispatcherApplication(create_backend_app))
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Run a server until standard input ends."""
    server = S3Server()
    server.app.latency = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    sys.stdout.write(server.endpoint + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
