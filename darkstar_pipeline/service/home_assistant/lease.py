"""The lease: until when the inverter may follow its command, and what restores its default afterwards.

One small file. A lease expires at a moment of the machine's uptime, which nobody can set: a step of the wall clock
neither prolongs nor ends it, and after a restart of the machine it has expired. The file names the service calls that
restore the inverter's default, so that the guard needs to know nothing else. Its keys are those of version 0.1: a
watchdog of that version may still be running when a newer service starts.
"""

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

LEASE_FILE = "lease.json"
LEASE_LOCK = "lease.lock"
LOCK_SECONDS = 2.0
"""Longest wait for another process that is writing the lease [s]; it takes some milliseconds."""
LARGEST_BYTES = 100_000
"""A lease has some hundred bytes; a larger file is not one."""
LONGEST_LEASE_SECONDS = 16 * 60.0
"""No setting gives a longer one (15 minutes): an end further ahead was written by mistake, and counts as over [s]."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ServiceCall(BaseModel):
    """A call of one of Home Assistant's services."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str
    service: str
    data: dict[str, Any]
    reads: str | None = Field(
        default=None, exclude_if=lambda entity: entity is None, description="entity that shows what the call did"
    )
    shows: str | None = Field(
        default=None, exclude_if=lambda text: text is None, description="what it shows once it was done"
    )
    unit: str | None = Field(
        default=None, exclude_if=lambda unit: unit is None, description="unit of a power; null: it does not matter"
    )
    ends: bool = Field(
        default=False, exclude_if=lambda ends: not ends, description="whether the others wait until it stands"
    )


class Lease(BaseModel):
    """A lease as its file holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="address of Home Assistant")
    token_file: str | None = Field(description="file with its token; null: the token is in the environment")
    ca_file: str | None = Field(default=None, description="authority that is trusted beside the system's; null: none")
    restore: list[ServiceCall] = Field(description="service calls that restore the inverter's default, in this order")
    boot: str = Field(description="identifies the run of the machine that `ends` belongs to")
    ends: float = Field(description="uptime at which the lease expires [s]")
    released: bool = Field(default=False, description="whether the default was restored and nothing is left to guard")

    @field_validator("ends")
    @classmethod
    def _ends_some_day(cls, ends: float) -> float:
        """A lease without an end would never be restored, and NaN equals nothing: such a one is over."""
        return ends if math.isfinite(ends) else 0.0

    @property
    def expired(self) -> bool:
        """Return whether the lease has expired: by time, by a restart of the machine, or since no lease is so long."""
        left = self.ends - uptime_seconds()
        return self.boot != boot_id() or not 0 < left <= LONGEST_LEASE_SECONDS


def absolute(path: Path | None) -> str | None:
    """Return a path as a lease names it, since its guard may run in another folder; None for none."""
    return None if path is None else str(path.expanduser().absolute())


def uptime_seconds() -> float:
    """Return the time since the machine started, sleep included, which no step of the clock changes [s]."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_id() -> str:
    """Return the name of this run of the machine; empty where the system has none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True)
class LeaseReading:
    """The content of a lease file.

    Attributes:
        lease: the lease; None where there is no file, or it cannot be read.
        problem: why it cannot be read; empty where it can, or there is none.
    """

    lease: Lease | None
    problem: str = ""

    @property
    def outstanding(self) -> Lease | None:
        """The lease that is there and that nobody has released; None where none is."""
        return None if self.lease is None or self.lease.released else self.lease


def look_at_lease(folder: Path) -> LeaseReading:
    """Return the lease of a folder, or why it cannot be read; whatever is in the file, nothing is raised."""
    path = folder / LEASE_FILE
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return LeaseReading(None, f"{path} is too large for a lease")
        return LeaseReading(Lease.model_validate_json(path.read_bytes()))
    except FileNotFoundError:
        return LeaseReading(None)
    except OSError as error:
        return LeaseReading(None, f"{path} cannot be read: {error.strerror}")
    except ValidationError as error:
        return LeaseReading(None, f"{path} is no lease: {error.errors()[0]['msg']}")
    except Exception as error:  # noqa: BLE001 - a safety process must not die of what somebody wrote into a file
        return LeaseReading(None, f"{path} is no lease: {type(error).__name__}")


def read_lease(folder: Path) -> Lease | None:
    """Return the lease of a folder; None where there is none, or it cannot be read."""
    return look_at_lease(folder).lease


def write_lease(folder: Path, lease: Lease) -> None:
    """Replace the lease file as a whole.

    Raises:
        OSError: the disk does not take it, or another process holds its lock.
    """
    make_folder(folder)
    with _locked(folder):
        _write(folder, lease)


def replace_lease(folder: Path, expected: Lease, lease: Lease) -> bool:
    """Replace a lease only where it is still the expected one, or cannot be read.

    Returns:
        Whether it was; a file that has vanished is not made again, and counts as replaced.

    Raises:
        OSError: the disk does not take it, or another process holds its lock.
    """
    if not (folder / LEASE_FILE).exists():
        return True
    with _locked(folder):
        if read_lease(folder) not in (None, expected):
            return False
        _write(folder, lease)
    return True


def end_lease(folder: Path, lease: Lease) -> None:
    """Have an unreleased lease end at once, where it still is the one that is meant; its guard then acts.

    Raises:
        OSError: the disk does not take it.
    """
    if not lease.expired:
        replace_lease(folder, lease, lease.model_copy(update={"ends": 0.0}))


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Hold the lock under which the file is compared and written: service and guard both write it."""
    with FileLock(folder / LEASE_LOCK, timeout=LOCK_SECONDS, fallback_to_soft=False):
        yield


def _write(folder: Path, lease: Lease) -> None:
    with atomic_write(folder / LEASE_FILE) as temporary:
        # A watchdog of version 0.1 refuses a key that it does not know.
        unknown = {"ca_file"} if lease.ca_file is None else None
        temporary.write_text(lease.model_dump_json(indent=1, exclude=unknown), encoding="utf-8")
