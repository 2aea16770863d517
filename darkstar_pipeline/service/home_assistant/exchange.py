"""An HTTP exchange that ends: within a total time and below a size, whatever the other side does.

A timeout for each read is no deadline: a server that sends a byte a second holds such a reader for ever. Here the whole
exchange (name resolution, connection, TLS, request, headers, body) runs in an event loop of its own thread and is
cancelled as a whole; the caller waits no longer than the deadline and a moment, even if the loop should hang.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from darkstar_pipeline.state.trust import with_authority

GRACE_SECONDS = 1.0
"""Wait beyond the deadline for an exchange that was cancelled; then it is left behind [s]."""
_CLOSE_SECONDS = 1.0


class AnswerTooLargeError(Exception):
    """The answer has more bytes than are read."""


@dataclass(frozen=True)
class Bounds:
    """The bounds of an exchange.

    Attributes:
        seconds: longest time from its begin to its end [s].
        n_bytes: largest body of the answer, decompressed.
    """

    seconds: float
    n_bytes: int


@dataclass(frozen=True)
class Answer:
    """An answer: its status and its whole body."""

    status: int
    body: bytes


class BoundedExchange:
    """Exchanges with one server; connections are kept open between them.

    Args:
        url: base address.
        headers: sent with every request.
        ca_file: certificate authority that is trusted beside the system's.

    Raises:
        httpx2.InvalidURL: the address is none.
        ValueError: a header cannot be sent.
        ConfigurationError: the certificate authority cannot be read.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ca_file: Path | None = None) -> None:
        self._url, self._headers = httpx2.URL(url), httpx2.Headers(dict(headers))
        self._verified_by = with_authority(httpx2.create_ssl_context(), ca_file) if ca_file is not None else True
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: httpx2.AsyncClient | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        bounds: Bounds,
    ) -> Answer:
        """Return the answer to a request; redirects are not followed.

        Raises:
            TimeoutError: it did not end in time.
            AnswerTooLargeError: its body is too large.
            httpx2.HTTPError: it failed.
            OSError: the client was closed meanwhile.
        """
        loop, client = self._running()
        request = client.build_request(method, path, params=query, json=body)
        exchange = asyncio.run_coroutine_threadsafe(_bounded(client, request, bounds), loop)
        try:
            return exchange.result(bounds.seconds + GRACE_SECONDS)
        except TimeoutError:
            exchange.cancel()
            raise
        except CancelledError as error:
            message = "the client was closed"
            raise ConnectionAbortedError(message) from error

    def close(self) -> None:
        """Close the connections and end the thread; an exchange that another thread waits for times out."""
        with self._lock:
            loop, thread, client = self._loop, self._thread, self._client
            self._loop = self._thread = self._client = None
        if loop is None or thread is None or client is None:
            return
        closing = asyncio.run_coroutine_threadsafe(_closed(client), loop)
        try:
            closing.result(_CLOSE_SECONDS)
        except (TimeoutError, httpx2.HTTPError):
            closing.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_SECONDS)
        if not thread.is_alive():
            loop.close()

    def _running(self) -> tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient]:
        """Return the loop, in its thread, and the client in it; the first request starts them."""
        with self._lock:
            if self._loop is None or self._client is None:
                self._loop = asyncio.new_event_loop()
                self._client = httpx2.AsyncClient(
                    base_url=self._url,
                    headers=self._headers,
                    timeout=None,
                    follow_redirects=False,
                    verify=self._verified_by,
                    trust_env=False,  # no proxy: it stands in the house, and gets its token
                )
                self._thread = threading.Thread(target=self._loop.run_forever, name="exchange", daemon=True)
                self._thread.start()
            return self._loop, self._client


async def _bounded(client: httpx2.AsyncClient, request: httpx2.Request, bounds: Bounds) -> Answer:
    """Return the answer to a request, within its bounds."""
    body = bytearray()
    async with asyncio.timeout(bounds.seconds):
        response = await client.send(request, stream=True)
        try:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > bounds.n_bytes:
                    raise AnswerTooLargeError
        finally:
            await response.aclose()
    return Answer(response.status_code, bytes(body))


async def _closed(client: httpx2.AsyncClient) -> None:
    """Close a client after the exchanges that others still wait for were cancelled."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await client.aclose()
