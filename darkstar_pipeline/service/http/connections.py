"""Limits of connections, below every request: how many, how slow, how large, and how often malformed.

uvicorn has no limit for connections that send nothing, for the time a head takes, for the size of a head, or for
clients that never read their answers; `GuardedProtocol` adds them to its parser. What does not belong here: limits of
requests (`middleware`).
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import httptools
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from darkstar_pipeline.service.http.errors import error_bytes
from darkstar_pipeline.state.descriptors import raise_descriptor_limit

RESERVED_DESCRIPTORS = 192
"""Descriptors that connections leave free: files, the broker, Home Assistant, MLflow's database, threads."""
REPORT_SECONDS = 60.0
BAD_REQUESTS_PER_MINUTE = 30
_DISCARDED_BYTES = 1_048_576
"""Bytes of a body beyond the allowed ones that are taken and thrown away, so that a client reads why."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """Limits of connections.

    Attributes:
        connections: open ones at a time.
        head_bytes: size of the head of a request, all headers together [B].
        body_bytes: size of a body [B].
        receive_seconds: time for a whole request to come in [s].
        send_seconds: time in which a client has to read some of its answer [s].
    """

    connections: int
    head_bytes: int = 32_768
    body_bytes: int = 65_536
    receive_seconds: float = 10.0
    send_seconds: float = 10.0


def reserve_descriptors() -> int:
    """Raise the limit of file descriptors as far as the system allows; return how many connections may have."""
    wanted = raise_descriptor_limit()
    return max(wanted - RESERVED_DESCRIPTORS, wanted // 4, 1)


class ConnectionGate:
    """The open connections of a service: makes room for a new one, and counts those that it closed by reason.

    Args:
        limits: what connections may do.
        count: called with the reason of every refusal.
    """

    def __init__(self, limits: ConnectionLimits, count: Callable[[str], None] = lambda _: None) -> None:
        self.limits, self._count = limits, count
        self.open: dict[GuardedProtocol, None] = {}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._bad = RateLimitItemPerMinute(BAD_REQUESTS_PER_MINUTE)
        self._refused: Counter[str] = Counter()
        self._reported = time.monotonic() - REPORT_SECONDS

    def enter(self, connection: "GuardedProtocol") -> bool:
        """Take a connection in; where all places are taken, close the one that is least missed.

        Returns:
            False where every connection is being answered.
        """
        if len(self.open) >= self.limits.connections:
            idle = [(*standing, each.number, each) for each in self.open if (standing := each.standing()) is not None]
            if not idle:
                self.refuse("full")
                return False
            self.refuse("room")
            min(idle, key=lambda each: each[:3])[3].drop()
        self.open[connection] = None
        return True

    def leave(self, connection: "GuardedProtocol") -> None:
        """Forget a closed connection."""
        self.open.pop(connection, None)

    def refuse(self, reason: str) -> None:
        """Count a closed connection; the log has a line a minute, however many they are."""
        self._count(reason)
        self._refused[reason] += 1
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(self._refused.items()))
            _log.warning("connections closed since the last such line: %s", counts)
            self._refused.clear()
            self._reported = time.monotonic()

    def may_be_told(self, client: str) -> bool:
        """Return whether a malformed request of a client is answered; too many are only closed."""
        return self._limiter.hit(self._bad, client)


class GuardedProtocol(HttpToolsProtocol):
    """An HTTP connection with limits.

    Args:
        gate: the open connections and their limits.
        arguments: as uvicorn gives them.
    """

    _numbers = iter(range(2**62))

    def __init__(self, gate: ConnectionGate, **arguments: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**arguments)
        self.gate, self.limits = gate, gate.limits
        self.number = next(self._numbers)
        self.since = self.loop.time()
        self._known = self._blocked = self._asked = False
        self._complete, self._headed = True, False
        self._received = 0
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def standing(self) -> tuple[int, float] | None:
        """Return how much a connection is missed: the least one goes first; None while it is being answered."""
        if self._blocked:
            return 1, self.since
        if self._asked and not self.cycle.response_complete:
            return None
        return (2 if self._known else 0), self.since

    def drop(self) -> None:
        """Close the connection at once."""
        self.gate.leave(self)
        self._cancel_timers()
        if not self.transport.is_closing():
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
        if not self.gate.enter(self):
            self._answer_and_close(503, "busy", "all connections are in use", "try again")
            return
        self._receiving = self.loop.call_later(self.limits.receive_seconds, self._too_slow, "slow")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place free."""
        self.gate.leave(self)
        self._cancel_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came in, within the limits."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._complete = False
        self._received += len(data)
        try:
            self.parser.feed_data(data)  # pyright: ignore[reportOptionalMemberAccess] - None once it is closed
        except httptools.HttpParserUpgrade:  # answered like any other request, by an application without WebSockets
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            self._malformed(error)
            return
        if self._complete:
            self._cancel_receiving()
            self._received = 0
        elif self._received > self._allowed():
            self._refuse_size()
        elif self._receiving is None:
            self._receiving = self.loop.call_later(self.limits.receive_seconds, self._too_slow, "slow")

    def _allowed(self) -> int:
        """Return how many bytes of the present request may have come in."""
        body = self.limits.body_bytes + _DISCARDED_BYTES if self._headed else 0
        return self.limits.head_bytes + body

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._complete = self._headed = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the answer, unless the head is too large.

        Raises:
            HeadTooLargeError: it is; the parser stops.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.limits.head_bytes:
            raise HeadTooLargeError
        self._headed = True
        super().on_headers_complete()
        self._asked = True

    def on_message_complete(self) -> None:
        """End the reading of a request."""
        self._complete, self._received = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note who was answered, and wait for the next request."""
        self.since = self.loop.time()
        self._known = bool(self.scope.get("state", {}).get("known"))
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give a client that does not read some time."""
        self._blocked = True
        if self._sending is None:
            self._sending = self.loop.call_later(self.limits.send_seconds, self._too_slow, "unread")
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on with a client that reads."""
        self._blocked = False
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        super().resume_writing()

    def _too_slow(self, reason: str) -> None:
        self.gate.refuse(reason)
        self.drop()

    def _malformed(self, error: BaseException) -> None:
        if isinstance(error.__context__, HeadTooLargeError):
            self._refuse_size()
            return
        self.gate.refuse("malformed")
        if self.gate.may_be_told(self.client[0] if self.client else "unknown"):
            self._answer_and_close(400, "bad_request", "the request is not HTTP", "see docs/service.md")
        else:
            self.drop()

    def _refuse_size(self) -> None:
        self.gate.refuse("large")
        if self._headed:
            self.drop()
        else:
            most = f"the head of a request may have {self.limits.head_bytes} bytes"
            self._answer_and_close(431, "too_large", most, "send less")

    def _answer_and_close(self, status: int, code: str, message: str, hint: str) -> None:
        self._cancel_timers()
        body = error_bytes(code, message, hint)
        reason = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}[status]
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def _cancel_receiving(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None

    def _cancel_timers(self) -> None:
        self._cancel_receiving()
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


class HeadTooLargeError(Exception):
    """A head exceeds its limit; raised through the parser, which knows no limits of its own."""


def guarded_protocol(gate: ConnectionGate) -> type[asyncio.Protocol]:
    """Return the protocol of a gate's connections, as uvicorn's configuration wants it."""
    return cast("type[asyncio.Protocol]", partial(GuardedProtocol, gate))
