"""One process at a time: a lock on a file, which the system releases when its holder dies, however it dies.

The lock is `flock`, as in version 0.1, so a process of either release waits for the other. On a file system without
`flock` taking it fails: a lock by the mere existence of a file would outlive a holder that was killed.
"""

import logging
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from darkstar_pipeline.errors import ConfigurationError
from planner.artifacts.atomic_files import make_folder

WAIT_TOLD_SECONDS = 5.0
"""Wait after which whoever waits says for whom, and then after twice, four times … as long [s]."""
_log = logging.getLogger(__name__)
POLL_SECONDS = 0.02
"""Pause between two attempts to take a lock that another process holds [s]."""


@contextmanager
def hold_lock(path: Path) -> Generator[None]:
    """Hold the lock, waiting for whoever has it; the file stays, since removing it would let two in.

    A wait that takes long is logged with the process that is waited for. It goes on for as long as that process holds
    the lock: to write beside it would lose what it writes. Two locks are taken in the order state folder, model, table
    of the lake, so that no two processes wait for each other.
    """
    from filelock import FileLock, Timeout  # 25 ms, paid only where a lock is taken

    make_folder(path.parent)
    lock, patience = FileLock(path, poll_interval=POLL_SECONDS, fallback_to_soft=False), WAIT_TOLD_SECONDS
    while True:
        try:
            lock.acquire(timeout=patience)
            break
        except Timeout:
            _log.warning("waiting for %s, which holds %s", holder(path), path)
            patience *= 2
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold_lock_if_possible(path: Path) -> Generator[None]:
    """Hold the lock; where no file can be locked, go on without it."""
    with ExitStack() as stack:
        with suppress(OSError, NotImplementedError, ConfigurationError):
            stack.enter_context(hold_lock(path))
        yield


def holder(path: Path) -> str:
    """Return who holds a lock, in words: its process where the system tells (Linux), else `another process`."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        held = [line.split() for line in lines if "->" not in line and f":{inode} " in line]
        process = next(int(words[4]) for words in held if words[1] == "FLOCK")
        if process == os.getpid():
            return "another thread of this process"
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError, IndexError, StopIteration):
        return "another process"
    return f"process {process} ({' '.join(words).strip():.120})"


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
