"""Counts the values written to the inverter on a local day, over restarts too: its memory wears with every write."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.state.atomic_files import atomic_write
from env.time_grid import zone

WRITES_FILE = "writes.json"
_log = logging.getLogger(__name__)


class _Count(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str = ""
    writes: int = 0


class DailyWrites:
    """The number of writes of the present local day.

    Args:
        folder: state folder of the service; the count is kept in it.
        timezone: of the site.
        clock: gives the present day.
    """

    def __init__(self, folder: Path, timezone: str, clock: Clock) -> None:
        self._folder, self._timezone, self._clock = folder, timezone, clock
        self._count = _read(folder)

    def count(self) -> int:
        """Return how many values were written today."""
        return self._today().writes

    def add(self) -> None:
        """Count one more write; a disk that does not take it is logged and stops nothing."""
        today = self._today()
        self._count = today.model_copy(update={"writes": today.writes + 1})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._folder / WRITES_FILE) as temporary:
                temporary.write_text(self._count.model_dump_json(), encoding="utf-8")
        except OSError:
            _log.warning("the count of writes cannot be stored", exc_info=True)

    def _today(self) -> _Count:
        day = self._clock.now().astimezone(zone(self._timezone)).date().isoformat()
        return self._count if self._count.day == day else _Count(day=day)


def _read(folder: Path) -> _Count:
    try:
        return _Count.model_validate_json((folder / WRITES_FILE).read_bytes())
    except (OSError, ValidationError):
        return _Count()
