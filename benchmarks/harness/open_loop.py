"""Requests sent when they are due, whether or not earlier ones were answered: a stall counts for all it delays."""

import asyncio
import time
from collections.abc import Sequence

import psutil

CONNECTIONS = 16


async def requested(
    url: str, paths: Sequence[str], rate: float, token: str, sizes: list[int], server: psutil.Process
) -> list[tuple[int, float]]:
    """Return status and delay of every request, counted from when it was due [s].

    Args:
        url: address of the service.
        paths: of the requests, in order.
        rate: requests a second [1/s].
        token: shown with each.
        sizes: gets the server's memory by second [B].
        server: its process.
    """
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(_Connection(url, token))
    began = time.perf_counter()

    async def one(number: int, path: str) -> tuple[int, float]:
        due = began + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0.0))
        connection = await free.get()
        status = await connection.get(path)
        free.put_nowait(connection)
        return status, time.perf_counter() - due

    async def watch() -> None:
        while True:
            sizes.append(server.memory_info().rss)
            await asyncio.sleep(1)

    watcher = asyncio.create_task(watch())
    answers = await asyncio.gather(*(one(number, path) for number, path in enumerate(paths)))
    watcher.cancel()
    return answers


class _Connection:
    """One kept-alive connection with a minimal HTTP client, which takes next to no processor time."""

    def __init__(self, url: str, token: str) -> None:
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        self._host, self._port, self._token = host, int(port), token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """Return the status of an answer, which is read to its end; 0 without an answer."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            request = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._token}\r\n\r\n"
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            await reader.readexactly(length)
            return int(head.split()[1])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self._streams = None
            return 0
