"""Manual overrides: automatic mode on or off, and commands that replace the plan for a time.

Stored in one small file, replaced atomically. If it cannot be written, overrides still hold until the service ends.
"""

import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.errors import ConfigurationError, DarkstarError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.service.schemas.overrides import RESERVE, Override, OverrideRequest
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder
from planner.wording.messages import phrase

OVERRIDES_FILE = "wishes.json"  # in the service's folder; the name of version 0.1
FURTHEST = timedelta(days=31)
MAX_OVERRIDES = 50
_MOMENT = f"give a moment in the future, within {FURTHEST.days} days"


class OverrideError(DarkstarError):
    """An override that cannot be accepted: its end has passed, or is too far ahead."""

    code = "wrong_moment"


def asked_reserves(overrides: Sequence[Override]) -> list[TimedReserve]:
    """Return the reserves for outages that people ask for."""
    return [
        TimedReserve(percent=each.reserve_percent, cause=phrase("asked for by hand"), until=each.until)
        for each in overrides
        if each.mode == RESERVE and each.reserve_percent is not None
    ]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: bool = True
    overrides: tuple[Override, ...] = Field(default=())


class OverrideStore:
    """The overrides of a site; thread-safe.

    Args:
        path: file in which they are stored.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        self.storage_problem = ""
        self.changes = 0
        self._kept = self._read()

    @property
    def automatic(self) -> bool:
        """Return whether automatic mode is on."""
        return self._kept.automatic

    def active(self, now: datetime) -> list[Override]:
        """Return the overrides that have not ended, the latest first."""
        return [override for override in self._kept.overrides if override.until > now]

    def add(self, request: OverrideRequest, now: datetime) -> Override:
        """Add an override; it takes precedence over those before it.

        Raises:
            OverrideError: its end has passed, or lies more than a month ahead.
        """
        if request.until <= now:
            message = f"until {request.until.isoformat()} has passed; it is {now.isoformat()}"
            raise OverrideError(message, _MOMENT)
        if request.until > now + FURTHEST:
            message = f"until {request.until.isoformat()} is more than {FURTHEST.days} days ahead"
            raise OverrideError(message, _MOMENT)
        until = request.until.astimezone(UTC)
        override = Override(
            id=secrets.token_hex(4), since=now, **request.model_copy(update={"until": until}).model_dump()
        )
        with self._lock:
            others = [other for other in self.active(now) if other.mode != request.mode][: MAX_OVERRIDES - 1]
            self._keep(self._kept.model_copy(update={"overrides": (override, *others)}))
        return override

    def end(self, name: str) -> bool:
        """End an override; return whether there was one of that id."""
        with self._lock:
            left = tuple(override for override in self._kept.overrides if override.id != name)
            if len(left) == len(self._kept.overrides):
                return False
            self._keep(self._kept.model_copy(update={"overrides": left}))
        return True

    def set_automatic(self, *, automatic: bool) -> None:
        """Turn automatic mode on or off; off, the inverter runs its own default."""
        with self._lock:
            if automatic != self._kept.automatic:
                self._keep(self._kept.model_copy(update={"automatic": automatic}))

    def _keep(self, kept: _Kept) -> None:
        """Store the overrides; the caller holds the lock."""
        self._kept = kept
        self.changes += 1
        try:
            make_folder(self.path.parent)
            with atomic_write(self.path) as temporary:
                temporary.write_text(kept.model_dump_json(indent=1), encoding="utf-8")
            self.storage_problem = ""
        except (OSError, ConfigurationError) as error:
            self.storage_problem = f"overrides cannot be kept on disk: {error}"

    def _read(self) -> _Kept:
        """Return the stored overrides; a damaged file means manual, so that nobody's override is lost."""
        try:
            return _Kept.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValidationError) as error:
            self.storage_problem = f"{self.path} cannot be read, so nothing is steered until you say so: {error}"
            return _Kept(automatic=False)
