"""A Home Assistant's WebSocket interface in this process, in its documented shapes, with the faults of a real one."""

import json
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

TOKEN = "a token of this test"  # noqa: S105 - of no server
Json = dict[str, Any]
CONFIG: Json = {
    "version": "2025.4.4",
    "time_zone": "Europe/Stockholm",
    "currency": "SEK",
    "country": "SE",
    "latitude": 59.3,
    "longitude": 18.1,
    "location_name": "Home",
}


@dataclass
class SocketAnswers:
    """Its answers and faults, in the test's hand.

    Attributes:
        results: result by type of question, or a function of the question; others are unknown commands.
        errors: error by type of question.
        first: the first message instead of `auth_required`.
        after_token: the answer to a token instead of `auth_ok` or `auth_invalid`.
        drops: number of questions after which the connection is closed instead of an answer.
        silent: whether questions get no answer.
        raw: every answer instead of JSON.
        streams: connections that follow entities.
        token: the one that is accepted.
        asked: all questions.
        connections: number of connections.
    """

    results: dict[str, Any] = field(default_factory=lambda: {"get_config": CONFIG})
    errors: dict[str, Json] = field(default_factory=dict[str, Json])
    first: object = None
    after_token: object = None
    drops: int = 0
    silent: bool = False
    raw: str | None = None
    asked: list[Json] = field(default_factory=list[Json])
    connections: int = 0
    streams: list[ServerConnection] = field(default_factory=list[ServerConnection])
    token: str = TOKEN
    url: str = ""

    def answer(self, question: Json) -> Json:
        """The answer to a question."""
        kind, frame = question["type"], {"id": question["id"], "type": "result"}
        if kind == "ping":
            return {"id": question["id"], "type": "pong"}
        if kind in self.errors:
            return {**frame, "success": False, "error": self.errors[kind]}
        if kind not in self.results:
            return {**frame, "success": False, "error": {"code": "unknown_command", "message": "Unknown command."}}
        result = self.results[kind]
        return {**frame, "success": True, "result": result(question) if callable(result) else result}

    def serve(self, connection: ServerConnection) -> None:
        """Serve a connection until it ends."""
        self.connections += 1
        connection.send(json.dumps(self.first or {"type": "auth_required", "ha_version": CONFIG["version"]}))
        try:
            given = json.loads(connection.recv()).get("access_token")
            right = {"type": "auth_ok"} if given == self.token else {"type": "auth_invalid", "message": "Invalid"}
            connection.send(json.dumps(self.after_token or right))
            for text in connection:
                question = json.loads(text)
                self.asked.append(question)
                if self.drops:
                    self.drops -= 1
                    return
                if not self.silent:
                    connection.send(self.raw if self.raw is not None else json.dumps(self.answer(question)))
                    if question["type"] in self.results and question["type"] == "subscribe_entities":
                        self.streams.append(connection)
                        self._tell(connection, {"a": self.results["subscribe_entities"]})
        except ConnectionClosed:
            pass

    def push(self, event: object) -> None:
        """Tell everybody who follows entities of a change."""
        for connection in self.streams:
            self._tell(connection, event)

    def hang_up(self) -> None:
        """Close the connections that follow entities."""
        while self.streams:
            self.streams.pop().close()

    def _tell(self, connection: ServerConnection, event: object) -> None:
        connection.send(json.dumps({"id": 1, "type": "event", "event": event}))


@contextmanager
def home_assistant_socket(
    results: Mapping[str, Any] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    before: Callable[[Request], tuple[int, Mapping[str, str]] | None] | None = None,
) -> Generator[SocketAnswers]:
    """Run one on a free port.

    Args:
        results: results besides the configuration.
        tls: its certificate.
        before: answers the first request with a status and headers; None lets it pass.
    """
    home = SocketAnswers()
    home.results |= results or {}

    def process(_connection: ServerConnection, request: Request) -> Response | None:
        status = before(request) if before is not None else None
        if status is None:
            return None
        return Response(status[0], HTTPStatus(status[0]).phrase, Headers(status[1]), b"")

    with serve(home.serve, "127.0.0.1", 0, ssl=tls, process_request=process) as server:
        home.url = f"http{'s' if tls else ''}://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield home
        finally:
            server.shutdown()
            thread.join(timeout=5)
