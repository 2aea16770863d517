"""Statistics by the hour, month by month; a month that is over is kept on disk until all are stored.

A fetch that is killed at any moment goes on at the first month that it lacks; what is on disk is whole or not there.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.sources.home_assistant.formats.fetched_statistics import ROWS, rows_of
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder

SETTLED = timedelta(hours=2)
"""Home Assistant computes an hour's statistics soon after its end."""
_LENGTH = timedelta(days=31)
Progress = Callable[[int, int], None]


class MonthlyPieces:
    """The hourly statistics of sensors, fetched in pieces.

    Args:
        socket: asks Home Assistant.
        folder: keeps the pieces of every fetch that has not ended.
        entities: whose statistics.
    """

    def __init__(self, socket: HomeAssistantSocket, folder: Path, entities: Sequence[str]) -> None:
        self._socket, self._entities = socket, tuple(entities)
        asked = hashlib.sha256("\n".join((socket.url, *entities)).encode()).hexdigest()[:16]
        self._folder = folder / asked

    def fetch(self, start: datetime, end: datetime, now: datetime, progress: Progress | None) -> pl.DataFrame:
        """Return the statistics of a period as `ROWS`.

        Args:
            start: its begin.
            end: its end.
            now: the present instant.
            progress: called after every piece with the number of pieces so far and of all.
        """
        spans = _months(start, end)
        parts: list[pl.DataFrame] = [pl.DataFrame(schema=ROWS)]
        for number, (begin, until) in enumerate(spans, start=1):
            parts.append(self._piece(begin, until, now))
            if progress is not None:
                progress(number, len(spans))
        return pl.concat(parts)

    def forget(self) -> None:
        """Remove the pieces, once they are stored."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _piece(self, begin: datetime, until: datetime, now: datetime) -> pl.DataFrame:
        """Return a piece from disk, else from Home Assistant."""
        file = self._folder / f"{begin:%Y%m%dT%H%MZ}-{until:%Y%m%dT%H%MZ}.parquet"
        if file.exists():
            return pl.read_parquet(file)
        rows = rows_of(self._socket.statistics(self._entities, begin, until, "hour"))
        if until + SETTLED <= now:
            make_folder(self._folder)
            with atomic_write(file) as temporary:
                rows.write_parquet(temporary)
        return rows


def _months(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Cut a period at the beginnings of months in UTC."""
    edges = [start.astimezone(UTC)]
    while edges[-1] < end:
        month = edges[-1].replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        edges.append(min((month + _LENGTH).replace(day=1), end.astimezone(UTC)))
    return list(pairwise(edges))
