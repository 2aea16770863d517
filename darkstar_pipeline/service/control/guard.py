"""The guard: watches a lease from a process of its own, and restores the inverter's default when the lease expires.

It outlives the service, however that ends, an absent Home Assistant, and every error: whatever happens in its loop is
logged, stands in its status file, and the loop goes on. A default is restored when it was read back; until then it is
looked at every few seconds, and written again after pauses that grow, for days if need be (`default_pace`).

A guard that the service starts ends when the lease is released. The one of `darkstar control guard` stays, for the
next lease. Where two run on a folder, the second stands by: it takes the place of the first when that ends, and acts in
its stead when that hangs. Two that act at once do no harm, since a value that stands is not written.

    python -m darkstar_pipeline.service.control.guard FOLDER
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from filelock import FileLock, Timeout

from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.service.control.daily_writes import DailyWrites
from darkstar_pipeline.service.control.default_pace import DefaultPace
from darkstar_pipeline.service.control.guard_status import (
    PLACES,
    GuardStatus,
    LeaseState,
    StatusFile,
    live_guard,
)
from darkstar_pipeline.service.control.restoration import Restoration, in_short
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.lease import (
    Lease,
    boot_id,
    look_at_lease,
    read_lease,
    replace_lease,
    uptime_seconds,
)
from darkstar_pipeline.state.secrets import secret

LOG_FILE = "watchdog.log"
LOG_BYTES = 500_000
POLL_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0
"""Pause between two looks at a default that does not stand [s]: it doubles from the first to the longest."""
_FIRST, _STANDBY = PLACES
_log = logging.getLogger("darkstar.guard")


class Guard:
    """A guard of one folder.

    Args:
        folder: folder of the lease file.
        stays: whether it stays when there is nothing left to guard.
        poll_seconds: time between two looks [s].
        uptime: uptime of the machine [s].
        wait: waits for so many seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stays: bool,
        poll_seconds: float = POLL_SECONDS,
        uptime: Callable[[], float] = uptime_seconds,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder, self._stays, self._poll = folder, stays, poll_seconds
        self._uptime, self._wait = uptime, wait
        self._place = _Place(folder)
        self._file = StatusFile(folder)
        self._started_at, self._pid, self._boot = uptime(), os.getpid(), boot_id()
        self._restoration = Restoration(DailyWrites(folder), DefaultPace(folder, uptime), wait=wait)
        self._known: Lease | None = None
        self._settled: Lease | None = None
        self._next_attempt, self._pause = 0.0, FIRST_PAUSE_SECONDS
        self._state: LeaseState = "none"
        self._problem = ""
        self.restored = False

    def run(self) -> bool:
        """Watch until there is nothing left to guard; one that stays never returns.

        Returns:
            Whether the default was restored; False where the lease was released, or two guards are there already.
        """
        ended = False
        while not ended:
            try:
                ended = self.turn()
            except Exception as error:  # noqa: BLE001 - a safety process lives on, whatever happened
                with suppress(Exception):
                    self._tell(f"the guard's own loop failed: {in_short(error)}")
                    self._beat()
            if not ended:
                self._wait(self._poll)
        return self.restored

    def turn(self) -> bool:
        """Take a place and look at the lease, once; return whether the guard has nothing left to do."""
        if not self._place.take():
            return not self._stays  # two others are there
        ended = self._look()
        if ended:
            self._file.remove()
            self._place.leave()
        else:
            self._beat()
        return ended

    def _look(self) -> bool:
        reading = look_at_lease(self._folder)
        if reading.lease is not None and reading.lease != self._known:
            self._known, self._next_attempt, self._pause = reading.lease, 0.0, FIRST_PAUSE_SECONDS
        lease = self._known  # a damaged file ends nothing: the lease that was read last holds
        if lease is None:
            self._see("unreadable" if reading.problem else "none", reading.problem)
            return not reading.problem and not self._stays
        if lease.released:
            self._known = None
            self._restoration.forget()
            self._see("released", self._place.problem)
            return not self._stays
        if not lease.expired:
            self._restoration.forget()
            self._see("held", reading.problem or self._place.problem)
            return False
        if not self._place.first and live_guard(self._folder, self._uptime, places=(_FIRST,)) is not None:
            self._see("expired", "")
            return False
        return self._end(lease)

    def _end(self, lease: Lease) -> bool:
        """Restore the default of an expired lease where an attempt is due; return whether nothing is left to guard."""
        self._see("expired", self._problem)
        if self._uptime() < self._next_attempt:
            return False
        if lease != self._settled:
            problem = self._restore(lease)
            if problem:
                return self._later(f"the inverter's default does not stand yet: {problem}")
            self._settled = lease  # a disk that is full is no reason to restore it again and again
        try:
            if not replace_lease(self._folder, lease, lease.model_copy(update={"released": True})):
                return False  # a step of the service that was slow has renewed it meanwhile
        except OSError as error:
            return self._later(f"the default was restored, and the lease cannot be marked: {error.strerror or error}")
        _log.warning("the lease expired; the inverter's default was restored and read back")
        self._known, self.restored = None, True
        self._see("released", "")
        return not self._stays

    def _restore(self, lease: Lease) -> str:
        """Look at the default, and restore it where that is due; return what does not stand."""
        try:
            path = None if lease.token_file is None else Path(lease.token_file)
            token = secret(TOKEN_VARIABLE, path, others_may_read=True)  # an inverter left charging is worse
            if token is None:
                return f"the token of Home Assistant is missing: {lease.token_file or TOKEN_VARIABLE}"
            ca_file = None if lease.ca_file is None else Path(lease.ca_file)
            with HomeAssistantClient(lease.url, token, ca_file=ca_file) as client:
                problems = self._restoration.step(client, lease.restore, goes_on=lambda: self._is_still(lease))
        except Exception as error:  # noqa: BLE001 - it is tried again
            return in_short(error)
        return "; ".join(problems)

    def _is_still(self, lease: Lease) -> bool:
        """Give a sign of life, and return whether nobody has renewed or released the lease meanwhile."""
        self._beat()
        return read_lease(self._folder) in (None, lease)

    def _later(self, problem: str) -> bool:
        self._see("expired", problem)
        self._next_attempt = self._uptime() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return False

    def _see(self, state: LeaseState, problem: str) -> None:
        self._state = state
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        """Remember what is wrong, and log it where it is something else."""
        self._problem = problem
        if problem:
            self._file.log(problem, self._uptime())

    def _beat(self) -> None:
        """Write the status file."""
        status = GuardStatus(
            pid=self._pid,
            boot=self._boot,
            started_at=self._started_at,
            looked_at=self._uptime(),
            stays=self._stays,
            locked=self._place.locked,
            lease=self._state,
            problem=self._problem,
        )
        self._file.write(PLACES[_FIRST if self._place.first else _STANDBY], status)


class _Place:
    """The place of a guard on its folder: the first, or the one that stands by.

    A lock that the system does not give (a read-only folder, somebody else's file) is told, and the guard goes on
    without: two guards do no harm, and none does.
    """

    def __init__(self, folder: Path) -> None:
        self._locks = {
            name: FileLock(folder / name, timeout=0, fallback_to_soft=False, thread_local=False) for name in PLACES
        }
        self._folder = folder
        self.problem = ""

    @property
    def first(self) -> bool:
        return self._locks[_FIRST].is_locked

    @property
    def locked(self) -> bool:
        return any(lock.is_locked for lock in self._locks.values())

    def take(self) -> bool:
        """Take the best place that is free; return whether there is one."""
        if self.first:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if _taken(self._locks[_FIRST]):
                self._locks[_STANDBY].release()
                return True
            self.problem = ""
            return self._locks[_STANDBY].is_locked or _taken(self._locks[_STANDBY])
        except OSError as error:
            self.problem = f"the guard's lock cannot be taken: {error.strerror or type(error).__name__}"
            return True

    def leave(self) -> None:
        for lock in self._locks.values():
            lock.release()


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def watch(folder: Path, *, poll_seconds: float = POLL_SECONDS) -> bool:
    """Watch the lease of a folder until there is nothing left to guard.

    Args:
        folder: folder of the lease file.
        poll_seconds: time between two looks [s].

    Returns:
        Whether the default was restored; False where the lease was released, or two guards are running already.
    """
    return Guard(folder, stays=False, poll_seconds=poll_seconds).run()


def main() -> None:
    """Watch the folder that the command line names."""
    folder = Path(sys.argv[1])
    handler = RotatingFileHandler(folder / LOG_FILE, maxBytes=LOG_BYTES, backupCount=1, delay=True)
    logging.basicConfig(handlers=[handler], level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    watch(folder)


if __name__ == "__main__":
    main()
