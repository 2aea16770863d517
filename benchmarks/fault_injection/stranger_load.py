"""Latency of `/command` for one with the token while strangers load the service, bounded in count and time.

Strangers hold 1 000 idle connections, send 200 MB of one header, read their answers never, and send 10 000 malformed
requests. The service must answer everything asked with the token, at the 99th percentile within 250 ms.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import numpy as np

IDLE, HEADER_BYTES, SLOW_READERS, MALFORMED = 1_000, 200_000_000, 100, 10_000
PHASE_SECONDS = 12.0
ASK_SECONDS = 0.02
LIMIT_MS = 250.0

_Attack = Callable[[int, float], Coroutine[Any, Any, int]]
"""(port, end of the phase) -> number of things done."""


async def measure_strangers(port: int, token: str) -> list[dict[str, object]]:
    """Return a row per attack: what was done, and the latencies of `/command` meanwhile [ms].

    Args:
        port: of a running service on loopback.
        token: its token.
    """
    rows: list[dict[str, object]] = []
    for name, attack in ATTACKS.items():
        end = time.monotonic() + PHASE_SECONDS
        attacking = asyncio.create_task(attack(port, end))
        latencies, failed = await _ask(port, token, end)
        done = await attacking
        p50, p99 = (float(np.percentile(latencies, share)) for share in (50, 99))
        row: dict[str, object] = {"attack": name, "done": done, "asked": len(latencies), "failed": failed}
        rows.append({**row, "p50_ms": round(p50, 1), "p99_ms": round(p99, 1), "within": p99 <= LIMIT_MS})
    return rows


async def _ask(port: int, token: str, end: float) -> tuple[list[float], int]:
    """Ask for the command on new connections; return the latencies [ms] and the number of failures."""
    request = f"GET /command HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    latencies: list[float] = []
    failed = 0
    while time.monotonic() < end:
        began = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.encode())
            failed += not (await reader.read(-1)).startswith(b"HTTP/1.1 200")
            writer.close()
        except OSError:
            failed += 1
        latencies.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(ASK_SECONDS)
    return latencies, failed


async def _nothing(_port: int, end: float) -> int:
    await asyncio.sleep(max(end - time.monotonic(), 0.0))
    return 0


async def _idle(port: int, end: float) -> int:
    """Hold connections that send nothing."""
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IDLE)]
    await _nothing(port, end)
    for _, writer in held:
        writer.close()
    return len(held)


async def _large_header(port: int, end: float) -> int:
    """Send one header of 200 MB, as far as it is taken, again and again; return the bytes sent."""
    sent, part = 0, b"a" * 1_000_000
    while time.monotonic() < end and sent < HEADER_BYTES:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ")
        try:
            while time.monotonic() < end and sent < HEADER_BYTES:
                writer.write(part)
                await writer.drain()
                sent += len(part)
        except OSError:
            pass
        writer.close()
    await _nothing(port, end)
    return sent


async def _slow_readers(port: int, end: float) -> int:
    """Ask for the page's files, many times on a connection, and never read."""
    request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
    held: list[asyncio.StreamWriter] = []
    for _ in range(SLOW_READERS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        del reader
        writer.write(request)
        held.append(writer)
    await _nothing(port, end)
    for writer in held:
        writer.close()
    return len(held)


async def _malformed(port: int, end: float) -> int:
    """Send what is no HTTP, each on a connection of its own."""
    done = 0
    while time.monotonic() < end and done < MALFORMED:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x00\x01\x02 nothing\r\n\r\n")
            await reader.read(-1)
            writer.close()
        except OSError:
            pass
        done += 1
    await _nothing(port, end)
    return done


ATTACKS: Mapping[str, _Attack] = {
    "none": _nothing,
    "idle connections": _idle,
    "one large header": _large_header,
    "slow readers": _slow_readers,
    "malformed requests": _malformed,
}
