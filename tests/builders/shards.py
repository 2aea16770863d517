"""Work on shards that goes wrong: workers that are killed at it, errors that cannot travel."""

import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

SENT_BYTES = 80_000_000


class StubbornError(Exception):
    """An error that cannot be pickled: its constructor takes a keyword."""

    def __init__(self, message: str, *, demand: str) -> None:
        super().__init__(f"{message}: {demand}")


def squared(shard: int) -> int:
    """Return the square of a number."""
    return shard * shard


def squared_by_mortals(folder: Path, deaths: Mapping[int, int], shard: int) -> int:
    """Return the square of a number; this process is killed at it so many times before that.

    Args:
        folder: where the times are counted, a file a beginning.
        deaths: how often, by the number.
        shard: the number.
    """
    if begun(folder, shard) <= deaths.get(shard, 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return squared(shard)


def slowly_squared(shard: int, *, ballast: bytes = b"") -> int:
    """Return the square of a number after some time.

    Args:
        shard: the number.
        ballast: travels along.
    """
    del ballast
    time.sleep(0.3)
    return squared(shard)


def large(shard: int) -> bytes:
    """Return more than a message of gRPC takes."""
    return bytes([shard]) * SENT_BYTES


def unreachable(shard: int) -> int:
    """Raise an error of a connection, which is the work's own."""
    message = f"no price server for {shard}"
    raise ConnectionRefusedError(message)


def begun(folder: Path, shard: int) -> int:
    """Count another beginning of a shard."""
    times = len(list(folder.glob(f"{shard}-*"))) + 1
    (folder / f"{shard}-{times}").touch()
    return times


def stubborn(folder: Path, shard: int) -> int:
    """Raise an error that cannot travel."""
    begun(folder, shard)
    raise StubbornError("no schedule", demand="12 kWh by 07:00")


def failing(folder: Path, shard: int) -> int:
    """Raise an error that can."""
    begun(folder, shard)
    message = f"no price in shard {shard}"
    raise ValueError(message)


def nested(shard: int) -> list[int]:
    """Return the processes that shards of this shard work in, its own first."""
    from planner.parallel import map_shards

    return [os.getpid(), *map_shards(own_process, range(shard), workers=2)]


def own_process(_: int) -> int:
    """Return the number of this process."""
    return os.getpid()


def warned(number: int) -> int:
    """Warn of the same for every shard, and of itself."""
    for line in ("all homes lack prices", f"home {number} lacks readings"):
        logging.getLogger(__name__).warning(line)
    return number
