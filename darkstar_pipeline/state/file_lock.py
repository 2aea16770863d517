"""One process at a time: a lock on a file, which the system releases when its holder dies, however it dies.

The lock is `flock`, as in version 0.1, so a process of either release waits for the other. On a file system without
`flock` taking it fails: a lock by the mere existence of a file would outlive a holder that was killed.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.02
"""Pause between two attempts to take a lock that another process holds [s]."""


@contextmanager
def hold_lock(path: Path) -> Generator[None]:
    """Hold the lock, waiting for whoever has it; the file stays, since removing it would let two in."""
    from filelock import FileLock  # 25 ms, paid only where a lock is taken

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, poll_interval=POLL_SECONDS, fallback_to_soft=False):
        yield


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the lock; one that was never taken is not held."""
    return not wait_until_free(path, 0)


def wait_until_free(path: Path, timeout: float) -> bool:
    """Wait until no living process holds the lock.

    Args:
        path: the lock's file.
        timeout: longest wait [s].

    Returns:
        Whether nobody holds it; so it is where it was never taken.
    """
    if not path.exists():
        return True
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=timeout, fallback_to_soft=False):
            return True
    except Timeout:
        return False
