"""When the guard writes a default that does not stand: at once, then after pauses that grow, within the day's budget.

Looking costs nothing and is done every few seconds; a write wears the inverter's memory. The rules (ADR 0021):

- The first write of a need is done at once, whatever is left of the budget: a command of ours is still running.
- A default that was not taken is written again after 5 s, 10 s and then every 20 s for three and a half minutes, where
  the budget has room for that, then after one minute, two, ... an hour: one value each time, the others once it was
  taken.
- Where fewer writes are left than hours until midnight, they are spread over these, but for the last reserve: one
  write for each entity, kept for when something has changed.
- Where something has changed (the entity came back, its value moved, Home Assistant answers again), it is written
  after the short pause at most, and quick tries begin anew; from the fourth time on after one minute, two, ... an hour.
- Where nothing is left all the same, because that happened too often, one value an hour is written.

The pace outlives the guard in a file: one that is killed and started again does not begin anew.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.home_assistant.lease import boot_id
from darkstar_pipeline.state.atomic_files import atomic_write

PACE_FILE = "default_pace.json"
SHORTEST_SECONDS = 5.0
QUICK_SECONDS = 20.0
QUICK_TRIES = 12
"""So many times a default is written again after a short pause: three and a half minutes."""
PROMPTS = 3
"""So many times a change has the default written after the short pause."""
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
_log = logging.getLogger(__name__)


class _Pace(BaseModel):
    """The writes made for the present need."""

    model_config = ConfigDict(frozen=True)

    boot: str
    written_at: float
    tries: int
    prompted: int = 0


@dataclass(frozen=True)
class Reserve:
    """The writes that a day has left.

    Attributes:
        left: their number.
        last: those of them that are kept for when something has changed.
        day_seconds: time until midnight, when there are new ones [s].
    """

    left: int
    last: int
    day_seconds: float


def pause_seconds(tries: int, reserve: Reserve) -> float:
    """Return the pause after some writes that were not taken [s].

    Args:
        tries: number of these writes.
        reserve: the writes that are left today.

    >>> [pause_seconds(tries, Reserve(90, 2, 3600.0)) for tries in (1, 2, 12, 13, 14, 19, 40)]
    [5.0, 10.0, 20.0, 60.0, 120.0, 3600.0, 3600.0]
    >>> [pause_seconds(1, Reserve(left, 2, 12 * 3600.0)) for left in (6, 2, 0)]
    [10800.0, inf, 3600.0]
    """
    if reserve.left <= 0:
        return LONGEST_PAUSE_SECONDS
    to_spread = reserve.left - reserve.last
    if tries <= QUICK_TRIES < to_spread:
        return min(SHORTEST_SECONDS * 2.0 ** (tries - 1), QUICK_SECONDS)
    if to_spread < reserve.day_seconds / LONGEST_PAUSE_SECONDS:
        return reserve.day_seconds / to_spread if to_spread > 0 else math.inf
    if tries <= QUICK_TRIES:
        return FIRST_PAUSE_SECONDS
    return _doubled(tries - QUICK_TRIES)


def _doubled(number: int) -> float:
    """Return a minute, doubled with each number from 1 on, at most an hour [s]."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(number - 1, 10), LONGEST_PAUSE_SECONDS)


class DefaultPace:
    """The pace of writing a default.

    Args:
        folder: folder of the lease file.
        uptime: uptime of the machine [s].
    """

    def __init__(self, folder: Path, uptime: Callable[[], float]) -> None:
        self._path, self._uptime = folder / PACE_FILE, uptime
        self._pace = _read(self._path)

    @property
    def begun(self) -> bool:
        """Return whether something was written for the present need."""
        return self._pace is not None

    def due(self, reserve: Reserve, *, changed: bool) -> bool:
        """Return whether a value may be written now.

        Args:
            reserve: the writes that are left today.
            changed: whether something has changed since the last write.
        """
        pace = self._pace
        if pace is None:
            return True
        pause = pause_seconds(pace.tries, reserve)
        if changed and reserve.left > 0:
            pause = min(pause, QUICK_SECONDS if pace.prompted <= PROMPTS else _doubled(pace.prompted - PROMPTS))
        return not 0 <= self._uptime() - pace.written_at < pause

    def add(self, *, changed: bool) -> None:
        """Note that a value is being written; a disk that does not take the note is logged and stops nothing."""
        last = self._pace
        tries, prompted = (0, 0) if last is None else (last.tries, last.prompted)
        tries = 0 if changed and prompted < PROMPTS else tries
        boot, now = boot_id(), self._uptime()
        self._pace = _Pace(boot=boot, written_at=now, tries=tries + 1, prompted=prompted + int(changed))
        try:
            with atomic_write(self._path) as temporary:
                temporary.write_text(self._pace.model_dump_json(), encoding="utf-8")
        except (OSError, DarkstarError) as error:
            _log.warning("the pace of the guard cannot be stored: %s", error)

    def over(self) -> None:
        """Note that the default stands, or a new lease is held: the next need is a new one."""
        if self._pace is None:
            return
        self._pace = None
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the pace of the guard cannot be removed: %s", error)


def _read(path: Path) -> _Pace | None:
    try:
        pace = _Pace.model_validate_json(path.read_bytes())
    except Exception:  # noqa: BLE001 - whatever is in the file, a safety process does not die of it
        return None
    return pace if pace.boot == boot_id() else None
