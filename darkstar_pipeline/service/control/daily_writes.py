"""Counts the values written to the inverter on a local day, by control and guard together and over restarts.

An inverter's memory wears with every write. Control and guard are two processes, so the count is a file that each adds
to under a lock; it names the budget and the time zone too, which the guard has from nowhere else.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo  # `env.time_grid` brings Polars with it, which the guard need not pay

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.state.atomic_files import FileIdentity, atomic_write, file_identity

WRITES_FILE = "writes.json"
WRITES_LOCK = "writes.lock"
LOCK_SECONDS = 2.0
"""Longest wait for another process that is counting [s]; it takes some milliseconds."""
BUDGET = 96
"""Writes of a day where nobody has said how many there may be."""
_log = logging.getLogger(__name__)


class _Count(BaseModel):
    model_config = ConfigDict(frozen=True)

    day: str = ""
    writes: int = 0
    timezone: str = "UTC"
    budget: int = BUDGET


class DailyWrites:
    """The writes of the present local day, and how many are left of its budget.

    Args:
        folder: state folder of the service; the count is kept in it.
        now: returns the present moment.
        timezone: of the site; None: as the file has it.
        budget: most writes of a day; None: as the file has it.
    """

    def __init__(
        self,
        folder: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        timezone: str | None = None,
        budget: int | None = None,
    ) -> None:
        self._folder, self._now = folder, now
        given = {"timezone": timezone, "budget": budget}
        self._given = {name: value for name, value in given.items() if value is not None}
        self._own = _Count()
        self._read: tuple[FileIdentity, _Count] | None = None

    def count(self) -> int:
        """Return how many values were written today."""
        return self._today().writes

    def left(self) -> int:
        """Return how many values may still be written today."""
        today = self._today()
        return max(today.budget - today.writes, 0)

    def seconds_left(self) -> float:
        """Return the time to the next local midnight, when the count begins anew [s]."""
        zone = _zone(self._stored().timezone)
        now = self._now()
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        return max((datetime.combine(tomorrow, time(), zone).astimezone(UTC) - now).total_seconds(), 0.0)

    def add(self) -> None:
        """Count one more write; a disk that does not take it is logged and stops nothing."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / WRITES_LOCK, timeout=LOCK_SECONDS, fallback_to_soft=False):
                self._own = self._one_more()
                with atomic_write(self._folder / WRITES_FILE) as temporary:
                    temporary.write_text(self._own.model_dump_json(), encoding="utf-8")
        except (OSError, Timeout, DarkstarError) as error:
            self._own = self._one_more()
            _log.warning("the count of writes cannot be stored: %s", error)

    def _one_more(self) -> _Count:
        today = self._today()
        return today.model_copy(update={"writes": today.writes + 1})

    def _today(self) -> _Count:
        """Return the count of today: that of the file, or our own where the file was not to be written."""
        stored = self._stored()
        day = self._now().astimezone(_zone(stored.timezone)).date().isoformat()
        writes = max((each.writes for each in (stored, self._own) if each.day == day), default=0)
        return stored.model_copy(update={"day": day, "writes": writes})

    def _stored(self) -> _Count:
        path = self._folder / WRITES_FILE
        identity = file_identity(path)
        if self._read is None or self._read[0] != identity:
            self._read = (identity, _read(path).model_copy(update=self._given))
        return self._read[1]


def _read(path: Path) -> _Count:
    try:
        return _Count.model_validate_json(path.read_bytes())
    except Exception:  # noqa: BLE001 - whatever is in the file, a safety process does not die of it
        return _Count()


def _zone(name: str) -> ZoneInfo:
    """Return a time zone; UTC for a name that the machine does not know."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
