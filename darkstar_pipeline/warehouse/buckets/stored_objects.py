"""An object of a store, as a request or a listing tells of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StoredObject:
    """A whole object as it was at one moment."""

    data: bytes
    version: str


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing tells of it; its version changes whenever it is replaced."""

    key: str
    size: int
    version: str
