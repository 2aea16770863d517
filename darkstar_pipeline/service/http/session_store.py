"""Sessions and one-time links as the server keeps them: what was ended is over, whoever has copied the cookie.

A file holds hashes with their ends, so that sessions survive a restart and reading it lets nobody in. It belongs to the
holder of a token: another token makes other hashes, so changing the token ends every session. Its name ends in
`.secret`, so backups leave it out: one that is restored revives no session that was ended since. What does not belong
here: cookies (`sessions`).
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from darkstar_pipeline.state.atomic_files import FileIdentity, atomic_write, file_identity
from darkstar_pipeline.state.file_lock import hold_lock
from planner.artifacts.atomic_files import make_folder

SESSIONS_FILE = "sessions.secret"
MOST_ENTRIES = 500
Kind = Literal["session", "link"]
_log = logging.getLogger(__name__)


class SessionStore:
    """Keys that were given out and have neither been ended nor run out.

    Args:
        path: the file; None keeps them in memory.
        owner: whose they are; those of another owner are not known.
        now: the time [s].
    """

    def __init__(self, path: Path | None = None, *, owner: str = "", now: Callable[[], float] = time.time) -> None:
        self._path, self._owner, self._now = path, owner, now
        self._entries: dict[str, float] = {}
        self._identity: FileIdentity | None = None
        self._ended: set[str] = set()
        self._unsaved: dict[str, float] = {}

    def issue(self, kind: Kind, seconds: float) -> str:
        """Return a new random key that is known for so long."""
        key = secrets.token_urlsafe(32)
        entry, until = self._entry(kind, key), self._now() + seconds
        if not self._change(lambda entries: entries.__setitem__(entry, until)):
            self._unsaved[entry] = until
        return key

    def holds(self, kind: Kind, key: str) -> bool:
        """Return whether a key is known and has not run out."""
        return self._is_live(self._entry(kind, key), self._read())

    def end(self, kind: Kind, key: str) -> bool:
        """End a key; return whether it was known, which is so for one of several that end it at once."""
        entry, was_live = self._entry(kind, key), False

        def remove(entries: dict[str, float]) -> None:
            nonlocal was_live
            was_live = self._is_live(entry, entries)
            entries.pop(entry, None)

        saved = self._change(remove)
        self._unsaved.pop(entry, None)
        if was_live and not saved:
            self._ended.add(entry)
        return was_live

    def _entry(self, kind: Kind, key: str) -> str:
        return hashlib.sha256(f"{kind}\0{self._owner}\0{key}".encode(errors="replace")).hexdigest()

    def _is_live(self, entry: str, entries: dict[str, float]) -> bool:
        until = self._unsaved.get(entry, entries.get(entry, 0.0))
        return entry not in self._ended and self._now() < until

    def _read(self) -> dict[str, float]:
        """Return the entries; the file is read where it has changed."""
        if self._path is None:
            return self._entries
        identity = file_identity(self._path)
        if identity != self._identity:
            self._entries, self._identity = _parsed(self._path), identity
        return self._entries

    def _change(self, change: Callable[[dict[str, float]], None]) -> bool:
        """Change the entries and drop those that have run out; return whether the disk holds the change."""
        if self._path is None:
            change(self._entries)
            self._entries = _kept(self._entries, self._now())
            return True
        try:
            make_folder(self._path.parent)
            with hold_lock(self._path.with_name(f".{self._path.name}.lock")):
                entries = dict(self._read())
                change(entries)
                with atomic_write(self._path) as temporary:
                    temporary.touch(mode=0o600)
                    temporary.write_text(json.dumps(_kept(entries, self._now())), encoding="ascii")
        except OSError as error:
            change(dict(self._entries))
            _log.warning("%s cannot be written (%s): the change holds until the next start", self._path, error.strerror)
            return False
        return True


def _kept(entries: dict[str, float], now: float) -> dict[str, float]:
    """Return the entries that have not run out, those that end last where there are too many."""
    live = sorted(((entry, until) for entry, until in entries.items() if until > now), key=lambda each: each[1])
    return dict(live[-MOST_ENTRIES:])


def _parsed(path: Path) -> dict[str, float]:
    """Return the entries of a file; none where it is missing or damaged, which ends every session."""
    try:
        document = json.loads(path.read_text(encoding="ascii"))
        return {str(entry): float(until) for entry, until in document.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        _log.warning("%s cannot be read (%s): log in again", path, error)
        return {}
