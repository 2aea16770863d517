"""A connection between a home and its Home Assistant that can fail: refuse, hang, drip, lie, or end in the middle."""

import asyncio
import contextlib
import threading
from typing import Literal

LinkFault = Literal[
    "through", "refuses", "hangs", "a byte a second", "error 500", "page of a proxy", "nested JSON", "endless answer",
    "cuts answers",
]  # fmt: skip
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
NESTED = b"[" * 60_000
BLOCK = 65_536
PAGE = b"<html><h1>Log in to this network</h1></html>"


class FaultyLink:
    """A TCP relay on a port of its own.

    Args:
        links: runs it.
        target: port of Home Assistant on this machine.
    """

    def __init__(self, links: "LinkLoop", target: int) -> None:
        self._loop, self._target = links.loop, target
        self._fault: LinkFault = "through"
        self._open: set[asyncio.StreamWriter] = set()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), links.loop)
        server = starting.result(10)
        links.servers.append(server)
        self.port: int = server.sockets[0].getsockname()[1]

    def set(self, fault: LinkFault) -> None:
        """Fail in this way from now on; open connections are cut."""

        async def change() -> None:
            self._fault = fault
            for writer in list(self._open):
                writer.close()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
            ):
                await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault == "refuses":
            return
        if self._fault == "through":
            await self._relay(reader, writer)
            return
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await self._failed(writer)
            if self._fault != "error 500":
                return

    async def _failed(self, writer: asyncio.StreamWriter) -> None:
        """Answer a request wrongly."""
        if self._fault == "hangs":
            await asyncio.sleep(600)
        elif self._fault == "a byte a second":
            for byte in _OK + b"content-length: 100000\r\n\r\n" + b" " * 100_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)
        elif self._fault == "endless answer":
            writer.write(_OK + b"\r\n")
            while True:
                writer.write(b" " * BLOCK)
                await writer.drain()
        else:
            writer.write(_WRONG[self._fault])
            await writer.drain()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._open.add(far_writer)
        try:
            await asyncio.gather(_copied(reader, far_writer), _copied(far_reader, writer))
        finally:
            self._open.discard(far_writer)
            far_writer.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side ends, then end the other."""
    try:
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()


def _whole(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


_WRONG = {
    "error 500": _whole("500 Internal Server Error", "text/plain", b"500: Internal Server Error"),
    "page of a proxy": _whole("200 OK", "text/html", PAGE),
    "nested JSON": _whole("200 OK", "application/json", NESTED),
    "cuts answers": _OK + b"content-length: 500\r\n\r\n" + b'{"entity_id": "number.ch',
}


class LinkLoop:
    """The thread whose event loop runs all links."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="links", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it with everything that runs in it."""

        async def cancel() -> None:
            for server in self.servers:
                server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(cancel(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self.loop.close()
