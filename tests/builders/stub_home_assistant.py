"""A Home Assistant reduced to states and one service, over real HTTP, with the faults that a real one can have."""

import json
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from darkstar_pipeline.service.home_assistant.lease import Lease, boot_id, uptime_seconds

ENTITY = "number.charge_power"
Json = dict[str, Any]


@dataclass
class StubHomeAssistant:
    """Its entities and faults, in the test's hand.

    Attributes:
        states: state of every entity.
        names: name of entities that have one.
        largest: `max` of every entity.
        skips: whether calls are answered with 200 and change nothing, as for an unavailable entity.
        answer: every answer's body; None for the true one.
        on_call: called at every service call.
        calls: data of all service calls.
    """

    states: dict[str, str] = field(default_factory=lambda: {ENTITY: "5000"})
    names: dict[str, str] = field(default_factory=dict[str, str])
    largest: float = 9000
    skips: bool = False
    answer: bytes | None = None
    on_call: Callable[[], None] | None = None
    calls: list[Json] = field(default_factory=list[Json])
    url: str = ""

    def lease(self, **changes: object) -> Lease:
        """A lease that has expired and restores 0."""
        plain: Json = {
            "url": self.url,
            "token_file": None,
            "restore": [{"domain": "number", "service": "set_value", "data": {"entity_id": ENTITY, "value": 0.0}}],
            "boot": boot_id(),
            "ends": uptime_seconds() - 1,
        }
        return Lease.model_validate({**plain, **changes})

    def state(self, entity: str) -> Json | None:
        """The state of an entity as `/api/states/ENTITY` returns it."""
        if entity not in self.states:
            return None
        limits = {"min": 0, "max": self.largest, "step": 1}
        named = {"friendly_name": self.names[entity]} if entity in self.names else {}
        return {"entity_id": entity, "state": self.states[entity], "attributes": {**limits, **named}}

    def call(self, data: Json) -> int:
        """Carry out a call and return the status that Home Assistant answers."""
        self.calls.append(data)
        if self.on_call is not None:
            self.on_call()
        if float(data["value"]) > self.largest:
            return 400
        if not self.skips:
            self.states[data["entity_id"]] = str(data["value"])
        return 200


@contextmanager
def stub_home_assistant(*, certificate: Path | None = None) -> Generator[StubHomeAssistant]:
    """Run one on a free port.

    Args:
        certificate: PEM file with a certificate and its key, for TLS; None for plain HTTP.
    """
    home = StubHomeAssistant()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = home.state(self.path.rpartition("/")[2])
            self._answer(404 if state is None else 200, state)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(home.call(body), [])

        def _answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode() if home.answer is None else home.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        home.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield home
        finally:
            server.shutdown()
