"""The lease: until when the inverter may follow its command, and what restores its default afterwards.

One small file. A lease expires at a moment of the machine's uptime, which nobody can set: a step of the wall clock
neither prolongs nor ends it, and after a restart of the machine it has expired. The file names the service calls that
restore the inverter's default, so that the watchdog needs to know nothing else. Its keys are those of version 0.1: a
watchdog of that version may still be running when a newer service starts.
"""

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.state.atomic_files import atomic_write

LEASE_FILE = "lease.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ServiceCall(BaseModel):
    """A call of one of Home Assistant's services."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str
    service: str
    data: dict[str, Any]


class Lease(BaseModel):
    """A lease as its file holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="address of Home Assistant")
    token_file: str | None = Field(description="file with its token; null: the token is in the environment")
    restore: list[ServiceCall] = Field(description="service calls that restore the inverter's default, in this order")
    boot: str = Field(description="identifies the run of the machine that `ends` belongs to")
    ends: float = Field(description="uptime at which the lease expires [s]")
    released: bool = Field(default=False, description="whether the default was restored and nothing is left to guard")

    @property
    def expired(self) -> bool:
        """Return whether the lease has expired: by time, or because the machine was restarted."""
        return self.boot != boot_id() or uptime_seconds() >= self.ends


def uptime_seconds() -> float:
    """Return the time since the machine started, sleep included, which no step of the clock changes [s]."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_id() -> str:
    """Return the name of this run of the machine; empty where the system has none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def write_lease(folder: Path, lease: Lease) -> None:
    """Replace the lease file as a whole.

    Raises:
        OSError: the disk does not take it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / LEASE_FILE) as temporary:
        temporary.write_text(lease.model_dump_json(indent=1), encoding="utf-8")


def read_lease(folder: Path) -> Lease | None:
    """Return the lease of a folder; None where there is none, or it cannot be read."""
    try:
        return Lease.model_validate_json((folder / LEASE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
