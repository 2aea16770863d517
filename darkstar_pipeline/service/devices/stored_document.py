"""A small document in the service's folder, replaced as a whole; other processes may replace it too."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import FileIdentity, atomic_write, file_identity
from darkstar_pipeline.state.file_lock import hold_lock_if_possible
from planner.artifacts.atomic_files import make_folder

Kept = TypeVar("Kept", bound=BaseModel)


class StoredDocument(Generic[Kept]):
    """A document that outlives the service; thread-safe.

    Where the disk does not take it, it holds until the service ends, and `problem` says so.

    Args:
        path: its file.
        empty: the document where there is no file.
    """

    def __init__(self, path: Path, empty: Kept) -> None:
        self._path, self._empty, self._lock = path, empty, threading.Lock()
        self.problem = ""
        self._identity: FileIdentity = (0, 0, 0)
        self._value = empty

    @property
    def value(self) -> Kept:
        """The document as it is now, read anew where its file was replaced."""
        with self._lock:
            identity = file_identity(self._path)
            if identity != self._identity:
                self._identity, self._value = identity, self._read()
            return self._value

    def update(self, change: Callable[[Kept], Kept]) -> None:
        """Replace the document by what is made of it as it is now, while no other thread or process does."""
        with hold_lock_if_possible(self._path.with_suffix(".lock")):
            self.keep(change(self.value))

    def keep(self, value: Kept) -> None:
        """Replace the document."""
        with self._lock:
            self._value = value
            try:
                make_folder(self._path.parent)
                with atomic_write(self._path) as temporary:
                    temporary.write_text(value.model_dump_json(indent=1), encoding="utf-8")
                self.problem = ""
            except (OSError, ConfigurationError) as error:
                self.problem = f"{self._path.name} cannot be kept on disk: {error}"
            self._identity = file_identity(self._path)

    def _read(self) -> Kept:
        try:
            value = type(self._empty).model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return self._empty
        except (OSError, ValidationError) as error:
            self.problem = f"{self._path} cannot be read, and counts as empty: {error}"
            return self._empty
        self.problem = ""
        return value
