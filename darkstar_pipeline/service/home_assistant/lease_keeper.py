"""Keeps the lease of a controller, and a watchdog process that restores the inverter's default when it expires."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.service.home_assistant.lease import (
    Lease,
    ServiceCall,
    boot_id,
    read_lease,
    uptime_seconds,
    write_lease,
)
from darkstar_pipeline.service.home_assistant.watchdog import start_watchdog, wait_for_watchdog, watchdog_runs

ENDING_SECONDS = 5.0
"""Longest wait for a watchdog that has released its lease to end [s]; it takes some milliseconds."""


class Process(Protocol):
    """A process that was started; `subprocess.Popen` is the real one."""

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        ...


class LeaseKeeper:
    """Writes the lease of a controller and keeps a watchdog running beside it.

    Args:
        folder: of the lease file.
        url: address of Home Assistant.
        token_file: file with its token; None where the environment has it.
        lease_seconds: how long a lease lasts [s].
        margin_seconds: a lease with less left than this is renewed, even where more than half is left [s].
        start: starts a watchdog on a folder.
        uptime: uptime of the machine [s].
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        token_file: Path | None,
        *,
        lease_seconds: float,
        margin_seconds: float,
        start: Callable[[Path], Process] = start_watchdog,
        uptime: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._folder, self._url = folder, url
        self._token_file = None if token_file is None else str(token_file)
        self._lease_seconds = lease_seconds
        self._renew_below = max(lease_seconds / 2, margin_seconds)
        self._start, self._uptime = start, uptime
        self._lease: Lease | None = None
        self._watchdog: Process | None = None

    @property
    def held(self) -> bool:
        """Return whether a lease was written that has not been released."""
        return self._lease is not None and not self._lease.released

    def guard(self, restore: Sequence[ServiceCall]) -> bool:
        """Have a watchdog guard the lease; start one where none runs.

        A watchdog of an earlier service (of version 0.1 too) that still runs on the folder is used as it is. One that
        has released the lease ends and guards nothing any more, though its process may live for a moment: it is waited
        for and replaced. Until a watchdog has ended an expired lease, nothing may be written: it would restore the
        default over a command, and leave a later one unguarded.

        Args:
            restore: service calls that restore the inverter's default.

        Returns:
            Whether a watchdog guards; False: nothing may be written yet.

        Raises:
            OSError: the disk does not take the lease, or no process can be started.
        """
        stored = read_lease(self._folder)
        if self._watchdog_runs():
            if stored is None or not stored.released:
                if self._lease is None:
                    self._write(restore, released=False)
                return not self._expired
            if not self._ended():
                return False
        self._write(restore, released=False)
        self._watchdog = self._start(self._folder)
        return True

    def _watchdog_runs(self) -> bool:
        """Return whether a watchdog runs: ours, which may not hold its lock yet, or another."""
        return (self._watchdog is not None and self._watchdog.poll() is None) or watchdog_runs(self._folder)

    def _ended(self) -> bool:
        """Return whether the watchdog that has released the lease ends in time; it lets its lock go a moment before."""
        return wait_for_watchdog(self._folder, ENDING_SECONDS) and self._process_ended(ENDING_SECONDS)

    def _process_ended(self, timeout: float) -> bool:
        """Wait for the watchdog that we started; return whether it ended in time, or there is none."""
        try:
            if self._watchdog is not None:
                self._watchdog.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def _expired(self) -> bool:
        return self._lease is not None and self._uptime() >= self._lease.ends

    def renew(self, restore: Sequence[ServiceCall]) -> None:
        """Prolong the lease where less than half of it is left, or what restores the default has changed.

        Every renewal costs two fsyncs (file and folder), and homes run on SD cards: a lease of five minutes is written
        some 600 times a day instead of 43 000 times at a look every two seconds.

        Args:
            restore: service calls that restore the inverter's default.

        Raises:
            OSError: the disk does not take the lease.
        """
        lease = self._lease
        if lease is None or lease.ends - self._uptime() < self._renew_below or lease.restore != list(restore):
            self._write(restore, released=False)

    def release(self, restore: Sequence[ServiceCall], timeout: float) -> bool:
        """Release the lease and wait for the watchdog to end.

        Args:
            restore: service calls that restore the inverter's default.
            timeout: longest wait [s].

        Returns:
            Whether the watchdog ended, or was not ours to wait for.

        Raises:
            OSError: the disk does not take the lease.
        """
        self._write(restore, released=True)
        return self._process_ended(timeout)

    def _write(self, restore: Sequence[ServiceCall], *, released: bool) -> None:
        lease = Lease(
            url=self._url,
            token_file=self._token_file,
            restore=list(restore),
            boot=boot_id(),
            ends=self._uptime() + self._lease_seconds,
            released=released,
        )
        write_lease(self._folder, lease)
        self._lease = lease
