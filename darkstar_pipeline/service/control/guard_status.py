"""The sign of life of a guard: one small file each, and whether a live guard stands on a folder.

A file is written at every change and every few seconds, without waiting for the disk: it has to be true while the
machine runs, not after a power cut. What does not belong here: the guard's work (`guard`).
"""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from darkstar_pipeline.service.home_assistant.lease import boot_id, uptime_seconds
from darkstar_pipeline.state.file_lock import is_locked

BEAT_SECONDS = 5.0
"""A guard that sees nothing new writes its file this often [s]."""
FRESH_SECONDS = 20.0
"""A file older than this is of a guard that hangs or has ended [s]: one that lives writes it every five, or after an
exchange with Home Assistant, which takes eleven at most; and the other has to act within 30 s."""
LOG_SECONDS = 600.0
_KEPT_LINES = 50
PLACES = {"watchdog.lock": "guard.json", "standby.lock": "standby.json"}
"""Lock and file of the guard, by the name that it had in version 0.1, and of the one that stands by."""
_log = logging.getLogger("darkstar.guard")

LeaseState = Literal["none", "held", "expired", "released", "unreadable"]


class GuardStatus(BaseModel):
    """The state of a guard, as its file holds it."""

    model_config = ConfigDict(frozen=True)

    pid: int = Field(description="its process, in its own namespace")
    boot: str = Field(description="identifies the run of the machine that the times belong to")
    started_at: float = Field(description="uptime at its start [s]")
    looked_at: float = Field(description="uptime of its last look at the lease [s]")
    stays: bool = Field(description="whether it stays when the lease is released; one that the service started ends")
    locked: bool = Field(default=True, description="whether it holds the lock of its place")
    lease: LeaseState = Field(default="none", description="what it sees")
    problem: str = Field(default="", description="what keeps it from its work; empty where nothing does")

    def age(self, uptime: float) -> float:
        """Return the time since its last look; infinite for a look before the machine was started [s]."""
        age = uptime - self.looked_at
        return age if self.boot == boot_id() and age >= -1.0 else float("inf")


def read_status(folder: Path, file: str) -> GuardStatus | None:
    """Return the status in a file of a folder; None where there is none, or it cannot be read."""
    try:
        return GuardStatus.model_validate_json((folder / file).read_bytes())
    except Exception:  # noqa: BLE001 - whatever is in the file, it is not the sign of a live guard
        return None


def live_guard(
    folder: Path, uptime: Callable[[], float] = uptime_seconds, places: Iterable[str] = PLACES
) -> GuardStatus | None:
    """Return the status of the guard that looks after a folder, or of the one that stands by.

    Args:
        folder: the folder that is guarded.
        uptime: uptime of the machine [s].
        places: locks of the guards that are meant.

    Returns:
        Its status; None where none lives, or the one that does has not looked for some time.
    """
    for lock in places:
        status = read_status(folder, PLACES[lock])
        if status is not None and status.age(uptime()) <= FRESH_SECONDS and _held(folder / lock, status):
            return status
    return None


def hanging_guard(folder: Path, uptime: Callable[[], float] = uptime_seconds) -> GuardStatus | None:
    """Return the status of a guard that holds its place and has given no sign for some time; None where none does."""
    for lock, file in PLACES.items():
        status = read_status(folder, file)
        if status is None or status.boot != boot_id() or not status.locked or status.age(uptime()) <= FRESH_SECONDS:
            continue
        if _held(folder / lock, status):
            return status
    return None


def _held(lock: Path, status: GuardStatus) -> bool:
    """Return whether the process of a fresh status still lives, as far as its lock tells."""
    try:
        return not status.locked or is_locked(lock)
    except OSError:  # the lock is somebody else's: the fresh sign has to do
        return True


class StatusFile:
    """Writes the status of a guard, no more often than it has to be; a full disk is logged and stops nothing.

    Args:
        folder: the folder that is guarded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[str, GuardStatus] | None = None
        self._lines: dict[str, float] = {}

    def write(self, file: str, status: GuardStatus) -> None:
        """Write a status where it says something new, or the last one is some seconds old."""
        if self._last is not None:
            name, last = self._last
            unchanged = last.model_copy(update={"looked_at": status.looked_at}) == status
            if name == file and unchanged and 0 <= status.looked_at - last.looked_at < BEAT_SECONDS:
                return
        try:
            _replace(self._folder / file, status.model_dump_json(indent=1).encode())
            self._last = (file, status)
        except OSError as error:
            self.log(f"the status of the guard cannot be written: {error.strerror}", status.looked_at)

    def log(self, line: str, uptime: float) -> None:
        """Log a line, the same one no more often than every ten minutes."""
        if uptime - self._lines.get(line, -LOG_SECONDS) < LOG_SECONDS:
            return
        if len(self._lines) >= _KEPT_LINES:
            self._lines.clear()
        self._lines[line] = uptime
        _log.warning("%s", line)

    def remove(self) -> None:
        """Remove the file of a guard that ends."""
        if self._last is not None:
            (self._folder / self._last[0]).unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole; where the disk takes no other one, overwrite it in the block that it has.

    Raises:
        OSError: neither is possible.
    """
    try:
        _replace_whole(path, content)
    except OSError:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # a block that were given back might be lost: cut after
        try:
            os.ftruncate(descriptor, os.pwrite(descriptor, content, 0))
        finally:
            os.close(descriptor)


def _replace_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
