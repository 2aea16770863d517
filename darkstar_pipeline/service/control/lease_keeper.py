"""Keeps the lease of a controller, with a live guard beside it that restores the inverter's default when it expires."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.service.home_assistant.lease import (
    Lease,
    ServiceCall,
    absolute,
    boot_id,
    end_lease,
    look_at_lease,
    uptime_seconds,
    write_lease,
)
from planner.wording.messages import phrase

ENDING_SECONDS = 5.0
"""Longest wait for a guard whose lease was released to end [s]; it looks every second."""
EXPIRED = phrase("the lease has expired; nothing is written until the guard has restored the inverter's default")
OUTSTANDING = phrase(
    "a lease of an earlier run is outstanding; nothing is written until the guard has restored the default"
)
UNGUARDED = phrase("no live guard watches the lease; nothing is written until one does")
NOT_ENDED = phrase("the guard of the lease that was released does not end; nothing is written until it has")


class Guards(Protocol):
    """Has a live guard stand on the folder; `GuardProcess` is the real one."""

    def ensure(self) -> bool:
        """Have a live guard; return whether one lives now."""
        ...

    def dismiss(self, timeout: float) -> bool:
        """Wait for the guard that ends with its lease; return whether it ended in time."""
        ...


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Address, token file and authority of a Home Assistant.

    Attributes:
        url: its address.
        token_file: file with its token; None where the environment has it.
        ca_file: certificate authority that is trusted beside the system's; None for none.
    """

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None


class LeaseKeeper:
    """Writes the lease of a controller, with a live guard beside it.

    Args:
        folder: of the lease file.
        reach: what Home Assistant is reached by.
        lease_seconds: how long a lease lasts [s].
        margin_seconds: a lease with less left than this is renewed, even where more than half is left [s].
        guards: has a live guard stand on the folder.
        uptime: uptime of the machine [s].
    """

    def __init__(
        self,
        folder: Path,
        reach: Reach,
        *,
        lease_seconds: float,
        margin_seconds: float,
        guards: Guards,
        uptime: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._folder, self._reach = folder, reach
        self._lease_seconds = lease_seconds
        self._renew_below = max(lease_seconds / 2, margin_seconds)
        self._guards, self._uptime = guards, uptime
        self._lease: Lease | None = None

    @property
    def held(self) -> bool:
        """Return whether a lease was written that nobody has released, neither we nor the guard."""
        if self._lease is None or self._lease.released:
            return False
        stored = look_at_lease(self._folder)
        return stored.lease is None or stored.outstanding is not None

    @property
    def lease(self) -> Lease | None:
        """The lease that was written last; None where none was."""
        return self._lease

    def guard(self, restore: Sequence[ServiceCall]) -> str:
        """Have a lease that a live guard watches.

        A lease of an earlier run is ended first: what it left behind may be other entities than ours. Until a guard has
        ended an expired lease, nothing may be written: it would restore the default over a command. A guard whose lease
        was released ends, unless it stays, and is waited for: it guards nothing any more.

        Args:
            restore: service calls that restore the inverter's default.

        Returns:
            Why nothing may be written yet; empty where a guard watches.

        Raises:
            OSError: the disk does not take the lease, or no process can be started.
        """
        stored = look_at_lease(self._folder)
        if stored.outstanding is not None and not self._is_ours(stored.outstanding):
            end_lease(self._folder, stored.outstanding)
            self._guards.ensure()
            return OUTSTANDING
        if stored.lease is not None and stored.lease.released:
            if not self._guards.dismiss(ENDING_SECONDS):
                return NOT_ENDED
            self._lease = None
        if self._lease is None:
            self._write(restore, released=False)
        lives = self._guards.ensure()
        if self._expired:
            return EXPIRED
        return "" if lives else UNGUARDED

    def _is_ours(self, stored: Lease) -> bool:
        return self._lease is not None and (stored.boot, stored.ends) == (self._lease.boot, self._lease.ends)

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
        """Release the lease and wait for its guard to end, unless that stays.

        Args:
            restore: service calls that restore the inverter's default.
            timeout: longest wait [s].

        Returns:
            Whether the guard ended, or stays.

        Raises:
            OSError: the disk does not take the lease.
        """
        self._write(restore, released=True)
        return self._guards.dismiss(timeout)

    def give_up(self) -> None:
        """End the lease at once where the default could not be restored, so that the guard goes on with it.

        Raises:
            OSError: the disk does not take the lease; it expires by itself.
        """
        outstanding = look_at_lease(self._folder).outstanding
        if outstanding is not None:
            end_lease(self._folder, outstanding)
            self._guards.ensure()

    def _write(self, restore: Sequence[ServiceCall], *, released: bool) -> None:
        lease = Lease(
            url=self._reach.url,
            token_file=absolute(self._reach.token_file),
            ca_file=absolute(self._reach.ca_file),
            restore=list(restore),
            boot=boot_id(),
            ends=self._uptime() + self._lease_seconds,
            released=released,
        )
        write_lease(self._folder, lease)
        self._lease = lease
