"""The log of fetching: what was asked of which source when, and what became of it; `doctor` and the pages show it.

One SQLite file for all sites and kinds, so that the command line, Dagster and the service may write at once. No token
ever comes here: an entry has words, not addresses.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.errors import Cause, FetchError
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER
from planner.artifacts.atomic_files import make_folder

Kind = Literal["prices", "weather", "readings"]
Outcome = Literal["stored", "unchanged", "failed", "refused"]
"""stored: something new; unchanged: nothing new; failed: the source gave nothing that can be used; refused: what it
gave did not pass the checks of an import."""
LOG_FILE = "log.sqlite"
DAMAGED_FILE = "log.damaged.sqlite"
KEPT = timedelta(days=400)
LONGEST_PEACE = timedelta(days=1)
"""A source that wants to be left alone for longer is asked again after it."""
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_BEGUN = "it was asked, and the program ended before its answer was stored"
_TABLE = """
CREATE TABLE IF NOT EXISTS fetches (
  site TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, asked_at TEXT NOT NULL,
  first_day TEXT, last_day TEXT, outcome TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,
  remedy TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL, published_at TEXT, wants_peace_until_at TEXT
)
"""
_LATER_COLUMNS = ("wants_peace_until_at",)
"""Columns that logs of earlier versions lack."""
_FORGET_BEGUN = "DELETE FROM fetches WHERE site = ? AND kind = ? AND source = ? AND asked_at = ? AND reason = ?"
_INDEX = "CREATE INDEX IF NOT EXISTS by_source ON fetches (site, kind, source, asked_at)"


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """One question to a source and its outcome.

    Attributes:
        site: name of the home.
        kind: what was asked for.
        source: name of the source.
        asked_at: instant of the question.
        first_day: first day that was asked for; None where it was not a question of days.
        last_day: last one.
        outcome: what became of it.
        cause: kind of the failure; empty where there was none.
        reason: what happened, in words; empty where all is well.
        remedy: what to do about it.
        rows: slots that were accepted.
        sha256: hash of the answer; empty where there was none.
        published_at: instant of the publication, where the source states it.
        wants_peace_until_at: instant before which the source does not want to be asked again, where it says so.
    """

    site: str
    kind: Kind
    source: str
    asked_at: datetime
    first_day: date | None = None
    last_day: date | None = None
    outcome: Outcome
    cause: Cause | Literal[""] = ""
    reason: str = ""
    remedy: str = ""
    rows: int = 0
    sha256: str = ""
    published_at: datetime | None = None
    wants_peace_until_at: datetime | None = None

    @property
    def succeeded(self) -> bool:
        """Return whether the source gave what was asked for."""
        return self.outcome in ("stored", "unchanged")


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """The state of a source, as its last questions show it.

    Attributes:
        last: the last question.
        succeeded_at: instant of the last question that succeeded; None where none did.
        failures: number of questions since then that did not.
    """

    last: Fetch
    succeeded_at: datetime | None
    failures: int


class FetchLog:
    """The log in a state folder.

    Args:
        home: the state folder.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FETCHING_FOLDER / LOG_FILE

    def add(self, fetch: Fetch) -> None:
        """Add an entry, and forget what is older than is kept."""
        values = {key: _stored(value) for key, value in asdict(fetch).items()}
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        same = (fetch.site, fetch.kind, fetch.source, values["asked_at"], _BEGUN)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET_BEGUN, same)
            connection.execute(f"INSERT INTO fetches ({names}) VALUES ({marks})", values)  # noqa: S608 - our own names
            connection.execute("DELETE FROM fetches WHERE asked_at < ?", (_stored(fetch.asked_at - KEPT),))

        self._do(write)

    def begin(self, site: str, kind: Kind, source: str, *, asked_at: datetime) -> None:
        """Add a question before it is asked; the entry of its outcome replaces it, and where none comes it has failed.

        So a question counts where the program is killed, or the answer cannot be stored.
        """
        remedy = "nothing: it is asked again later"
        self.add(
            Fetch(
                site=site, kind=kind, source=source, asked_at=asked_at, outcome="failed", cause="unreachable",
                reason=_BEGUN, remedy=remedy,
            )
        )  # fmt: skip

    def failed(
        self, site: str, kind: Kind, error: FetchError, *, asked_at: datetime, days: tuple[date, date] | None = None
    ) -> None:
        """Add a question that failed."""
        first, last = (None, None) if days is None else days
        asked = error.retry_after
        wait = None if asked is None else timedelta(seconds=min(asked, LONGEST_PEACE.total_seconds()))
        self.add(
            Fetch(
                site=site, kind=kind, source=error.source, asked_at=asked_at, first_day=first, last_day=last,
                outcome="failed", cause=error.cause, reason=error.reason, remedy=error.hint,
                wants_peace_until_at=None if wait is None else asked_at + wait,
            )
        )  # fmt: skip

    def entries(
        self, site: str, kind: Kind | None = None, *, limit: int = 100, until: datetime | None = None
    ) -> list[Fetch]:
        """Return the newest entries of a site, the newest first.

        Args:
            site: name of the home.
            kind: of the questions; None for all.
            limit: most entries.
            until: the present instant: questions of the future, by a clock that was ahead, are left out.
        """
        given = {"kind = ?": kind, "asked_at <= ?": _stored(until)}
        chosen = {clause: value for clause, value in given.items() if value is not None}
        where, values = "".join(f" AND {clause}" for clause in chosen), [site, *chosen.values()]
        return self._read(f"site = ?{where} ORDER BY rowid DESC LIMIT {int(limit)}", values)

    def states(self, site: str, kind: Kind | None = None, *, until: datetime | None = None) -> list[SourceState]:
        """Return the state of every source that was asked for a site, by kind and name."""
        every = self.entries(site, kind, limit=5000, until=until)
        by_source: dict[tuple[str, str], list[Fetch]] = {}
        for fetch in every:
            by_source.setdefault((fetch.kind, fetch.source), []).append(fetch)
        return [_state(fetches) for _, fetches in sorted(by_source.items())]

    def left_alone(self, kind: Kind, now: datetime) -> dict[str, datetime]:
        """Return the sources that do not want to be asked now, by whichever home, and until when.

        Args:
            kind: of the questions.
            now: the present instant; questions of the future, by a clock that was ahead, do not count.
        """
        if not self.path.exists():
            return {}
        query = (
            "SELECT source, MAX(wants_peace_until_at) FROM fetches "
            "WHERE kind = ? AND asked_at <= ? AND wants_peace_until_at > ? GROUP BY source"
        )
        values = (kind, _stored(now), _stored(now))
        rows = self._do(lambda connection: connection.execute(query, values).fetchall())
        return {source: datetime.fromisoformat(until) for source, until in rows}

    def _read(self, where: str, values: Sequence[object]) -> list[Fetch]:
        if not self.path.exists():
            return []
        names = [each.name for each in fields(Fetch)]
        query = f"SELECT {', '.join(names)} FROM fetches WHERE {where}"  # noqa: S608 - our own names
        rows = self._do(lambda connection: connection.execute(query, values).fetchall())
        return [Fetch(**{name: _read(name, value) for name, value in zip(names, row, strict=True)}) for row in rows]

    def _do(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do something with the log; one that is damaged is put aside, and the next one begins.

        Raises:
            ConfigurationError: it cannot be written or read.
        """
        make_folder(self.path.parent)
        try:
            return _done(self.path, action)
        except sqlite3.OperationalError as error:
            hint = "check its permissions, the free disk space and whether another program holds it"
            raise ConfigurationError(f"{self.path}: {error}", hint) from error
        except sqlite3.DatabaseError as error:
            aside = self.path.with_name(DAMAGED_FILE)
            _log.warning("%s is damaged (%s): it was put aside as %s, and a new one begins", self.path, error, aside)
            self.path.replace(aside)
            self.path.with_name(f"{LOG_FILE}-journal").unlink(missing_ok=True)  # of the damaged one
            return _done(self.path, action)


def _done(path: Path, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
    """Do something with the database at a path, wholly or not at all."""
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        connection.execute(_TABLE)
        if _lacking_columns(connection):
            connection.execute("BEGIN IMMEDIATE")  # so that of two programs one adds them
            for name in _lacking_columns(connection):
                connection.execute(f"ALTER TABLE fetches ADD COLUMN {name} TEXT")
        connection.execute(_INDEX)
        return action(connection)


def _lacking_columns(connection: sqlite3.Connection) -> list[str]:
    """Return the columns that the log of an earlier version lacks."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(fetches)")}
    return [name for name in _LATER_COLUMNS if name not in there]


def _state(newest_first: Sequence[Fetch]) -> SourceState:
    """Return the state that the questions to one source show."""
    failures = next((n for n, fetch in enumerate(newest_first) if fetch.succeeded), len(newest_first))
    succeeded = newest_first[failures].asked_at if failures < len(newest_first) else None
    return SourceState(last=newest_first[0], succeeded_at=succeeded, failures=failures)


def _stored(value: object) -> object:
    """Return a value as SQLite keeps it; instants in UTC, so that they sort."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value


def _read(name: str, value: object) -> Any:  # noqa: ANN401 - what SQLite holds
    """Return a value as it was."""
    if isinstance(value, str) and name.endswith("_at"):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(value, str) and name.endswith("_day") else value
