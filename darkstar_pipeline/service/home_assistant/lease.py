"""The lease: how long the inverter may do as it was told, and how it is left to itself afterwards.

One small file. Its end is a moment of the machine's own running time, which nobody can set: a step of the wall clock
neither prolongs nor ends it, and after a restart of the machine it has ended. It says what has to be called to restore
the inverter's default, so that the watchdog needs to know nothing else.
"""

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.state.atomic_files import atomic_write

LEASE_FILE = "lease.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Call(BaseModel):
    """A service of Home Assistant to be called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str
    service: str
    data: dict[str, Any]


class Lease(BaseModel):
    """What holds, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="of Home Assistant")
    token_file: str | None = Field(description="where the token is, unless the environment has it")
    restore: list[Call] = Field(description="what leaves the inverter to itself, in this order")
    boot: str = Field(description="of which run of the machine")
    ends: float = Field(description="in that run's running time [s]")
    released: bool = Field(default=False, description="whether there is nothing to guard any more")

    @property
    def ended(self) -> bool:
        """Whether the time is over."""
        return self.boot != boot_id() or running_seconds() >= self.ends


def running_seconds() -> float:
    """Time since the machine started, sleep included, which no clock step changes [s]."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_id() -> str:
    """Names this run of the machine; empty where the system does not say."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def write_lease(folder: Path, lease: Lease) -> None:
    """Replace the lease, whole.

    Raises:
        OSError: the disk does not take it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / LEASE_FILE) as temporary:
        temporary.write_text(lease.model_dump_json(indent=1), encoding="utf-8")


def read_lease(folder: Path) -> Lease | None:
    """The lease; None where there is none, or it cannot be read."""
    try:
        return Lease.model_validate_json((folder / LEASE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
