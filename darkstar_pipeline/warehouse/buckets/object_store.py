"""A store of whole objects by one setting: a folder, or `s3://bucket/prefix` at any server that speaks S3.

Objects are read whole, by one request each: a reader beside a writer gets the old or the new one. They are changed by
`update`, which loses nobody's change: under a lock in a folder, by conditional writes on S3. obstore signs, sends,
retries and sets deadlines. What does not belong here: what the objects hold (`bucket_lake`).
"""

import os
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zlib import crc32

from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.state.file_lock import hold_lock
from darkstar_pipeline.warehouse.buckets.repeated_requests import (
    CHANGE_ATTEMPTS,
    ObjectChangedError,
    attempts_on,
    whole_listing,
)
from darkstar_pipeline.warehouse.buckets.s3_refusals import KEYS_REMEDY, is_no_object_store, remedy, told
from darkstar_pipeline.warehouse.buckets.stored_objects import ListedObject, StoredObject
from planner.artifacts.atomic_files import atomic_file, make_folder

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, LocalStore, RetryConfig, S3Store

REQUESTS_AT_ONCE = 16
"""Requests of one call that are under way at a time."""
LIST_CHUNK = 1000
"""Names per request of a listing, the most that S3 gives."""
LOCKS, PROBES = ".locks", ".probes"
LOCK_FILES = 64
"""Files that the keys of a folder share for their locks: two rarely meet, and the files never grow in number."""


class _Held(threading.local):
    """The locks that this thread holds."""

    def __init__(self) -> None:
        self.locks: set[Path] = set()


_held = _Held()
CLIENT: "ClientConfig" = {"timeout": "30s", "connect_timeout": "5s"}
RETRIES: "RetryConfig" = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2},
}
Change = Callable[[bytes | None], bytes | None]
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[\w./-]*)?", re.ASCII)
Key = TypeVar("Key")
Result = TypeVar("Result")


class ObjectStore(ABC):
    """Whole objects by their keys. It can be sent to another process, which opens it anew.

    Args:
        place: folder, or `s3://bucket/prefix`.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[str], "ObjectStore"], tuple[str]]:
        """Send the place alone: credentials are each process's own."""
        return open_store, (self.place,)

    @cached_property
    @abstractmethod
    def client(self) -> "LocalStore | S3Store":
        """The client of this place."""

    @abstractmethod
    def update(self, key: str, change: Change) -> None:
        """Change an object in the light of what it holds; nobody's change is lost.

        Args:
            key: the object.
            change: given its bytes, None where there is none, returns the new ones, or None to leave it. It may be
                called again, with what another writer has written meanwhile.

        Raises:
            OutsideServiceError: the store failed, or other writers never ceased.
        """

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Replace an object whole, whatever it held."""

    @abstractmethod
    def has_conditional_writes(self) -> bool:
        """Return whether `update` loses nothing here, which is tried with an object that is removed again."""

    def get(self, key: str) -> StoredObject | None:
        """Return an object, read by one request; None where there is none.

        Raises:
            OutsideServiceError: the store failed.
        """
        with self._translated(key):
            try:
                found = self.client.get(key)
                return StoredObject(bytes(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError as error:
                if self._is_place_missing(error):
                    raise
                return None

    def delete(self, key: str) -> None:
        """Remove an object that nobody writes; that there is none is no error."""
        import obstore

        with self._translated(key), suppress(FileNotFoundError):
            obstore.delete(self.client, key)

    def get_many(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of some objects that are there, in the order of the keys, each whole."""
        found = self.at_once(lambda key: (key, self.get(key)), keys)
        return {key: stored for key, stored in found if stored is not None}

    def listed(self, prefix: str) -> list[ListedObject]:
        """Return the objects below a prefix of whole folders, in order of their keys, a thousand per request.

        Args:
            prefix: folders, without the last slash.
        """
        import obstore

        with self._translated(prefix):
            found = whole_listing(lambda: obstore.list(self.client, prefix, chunk_size=LIST_CHUNK).collect())  # pyright: ignore[reportUnknownMemberType] - of arro3, which is not installed
        return sorted(
            (ListedObject(each["path"], each["size"], each["e_tag"] or "") for each in found),
            key=lambda listed: listed.key,
        )

    def heads(self, keys: Iterable[str]) -> dict[str, ListedObject]:
        """Return size and version of those of some objects that are there, in the order of the keys."""
        found = self.at_once(self._head, keys)
        return {each.key: each for each in found if each is not None}

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders right below a prefix, in order, a thousand per request."""
        import obstore

        with self._translated(prefix):
            found = whole_listing(lambda: obstore.list_with_delimiter(self.client, prefix))  # pyright: ignore[reportUnknownMemberType] - of arro3, which is not installed
        return sorted(each.rstrip("/").rpartition("/")[2] for each in found["common_prefixes"])

    def tail(self, key: str, size: int) -> bytes | None:
        """Return the last bytes of an object, read by one request, hence of one version; None where there is none."""
        with self._translated(key):
            try:
                return bytes(self.client.get(key, options={"range": {"suffix": size}}).bytes())
            except FileNotFoundError as error:
                if self._is_place_missing(error):
                    raise
                return None

    def _head(self, key: str) -> ListedObject | None:
        with self._translated(key):
            try:
                found = self.client.head(key)
                return ListedObject(key, found["size"], found["e_tag"] or "")
            except FileNotFoundError:
                return None

    def at_once(self, work: Callable[[Key], Result], keys: Iterable[Key]) -> list[Result]:
        """Return the results of some requests, several under way at a time, in the order of what they are for."""
        wanted = list(keys)
        if len(wanted) < 2:  # noqa: PLR2004 - one needs no thread
            return [work(key) for key in wanted]
        with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(wanted)), thread_name_prefix="lake") as threads:
            return list(threads.map(work, wanted))

    @contextmanager
    def _translated(self, key: str) -> Generator[None]:
        """Raise the store's errors as the shell's."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except ObjectChangedError as error:
            message = f"the lake {self.place} failed at {key}: others changed it {CHANGE_ATTEMPTS} times meanwhile"
            raise OutsideServiceError(message, "run it again, with fewer writers of one bucket at a time") from error
        except (BaseError, OSError) as error:
            denied = isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError))
            raise self._told(key, error, denied=denied) from error

    def _told(self, key: str, error: Exception, *, denied: bool) -> OutsideServiceError:
        """Return what a person is told of an error, with its remedy."""
        if self._is_place_missing(error):
            return OutsideServiceError(f"the lake {self.place} is not there", self._place_hint())
        known = remedy(error)
        if denied or known is not None:
            said = told(error)
            message = f"the lake {self.place} refuses access to {key}{f' ({said})' if said else ''}"
            return OutsideServiceError(message, known or self._access_hint())
        return OutsideServiceError(f"the lake {self.place} failed at {key}: {_reason(error)}", self._hint())

    def _is_place_missing(self, error: Exception) -> bool:
        """Return whether not the object but the whole place is missing."""
        del error
        return False

    @abstractmethod
    def _hint(self) -> str: ...

    @abstractmethod
    def _access_hint(self) -> str: ...

    def _place_hint(self) -> str:
        return ""


class FolderStore(ObjectStore):
    """Objects as files below a folder; writers of one wait for each other."""

    @cached_property
    def client(self) -> "LocalStore":
        """The client of the folder."""
        from obstore.store import LocalStore

        make_folder(Path(self.place))
        return LocalStore(self.place)

    def update(self, key: str, change: Change) -> None:
        """Change an object under its lock."""
        with self._translated(key), self._writing(key) as path:
            found = self.get(key)
            data = change(None if found is None else found.data)
            if data is not None:
                _replace(path, data)

    def put(self, key: str, data: bytes) -> None:
        """Replace an object whole, whatever it held."""
        with self._translated(key), self._writing(key) as path:
            _replace(path, data)

    def has_conditional_writes(self) -> bool:
        """Return true: a folder has its locks."""
        return True

    @contextmanager
    def _writing(self, key: str) -> Generator[Path]:
        place, number = Path(self.place), crc32(key.encode()) % LOCK_FILES
        lock = place / LOCKS / f"{number:02d}.lock"
        if lock in _held.locks:  # a change that writes another object: of every 64 one has the same lock
            yield place / key
            return
        with hold_lock(lock):
            _held.locks.add(lock)
            try:
                yield place / key
            finally:
                _held.locks.remove(lock)

    def _hint(self) -> str:
        return "free space on the disk, and check that the folder is mounted for writing"

    def _access_hint(self) -> str:
        return "give this user the right to read and write there"


class BucketStore(ObjectStore):
    """Objects on a server that speaks S3; credentials come from the usual environment variables."""

    @cached_property
    def client(self) -> "S3Store":
        """The client of the bucket."""
        from obstore.store import S3Store

        bucket, _, prefix = self.place.removeprefix("s3://").partition("/")
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if endpoint and not _ADDRESS.fullmatch(endpoint):  # obstore ends in a panic
            shown = endpoint.rpartition("@")[2]  # what stands before it is a key
            message = f"AWS_ENDPOINT_URL is {shown!r}, which is no address"
            raise ConfigurationError(message, "export AWS_ENDPOINT_URL=https://HOST or http://HOST:PORT")
        return S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            client_options={**CLIENT, "allow_http": endpoint.startswith("http://")},
            retry_config=RETRIES,
        )

    def update(self, key: str, change: Change) -> None:
        """Change an object by a conditional write, again where another writer was faster."""
        with self._translated(key):
            for attempt in attempts_on(ObjectChangedError):
                with attempt:
                    self._update_once(key, change)

    def put(self, key: str, data: bytes) -> None:
        """Replace an object whole, whatever it held."""
        with self._translated(key):
            self.client.put(key, data, use_multipart=False)

    def has_conditional_writes(self) -> bool:
        """Return whether the server refuses a second creation and a change of another version than there is."""
        import obstore

        key = f"{PROBES}/{secrets.token_hex(8)}"
        with self._translated(key):
            try:
                self.client.put(key, b"1", mode="create", use_multipart=False)
                return self._is_refused(key, "create") and self._is_refused(key, {"e_tag": '"another version"'})
            finally:
                obstore.delete(self.client, key)

    def _is_refused(self, key: str, mode: "PutMode") -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            self.client.put(key, b"2", mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return True
        return False

    def _update_once(self, key: str, change: Change) -> None:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        found = self.get(key)
        data = change(None if found is None else found.data)
        if data is None:
            return
        mode: PutMode = "create" if found is None else {"e_tag": found.version}
        try:
            self.client.put(key, data, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError) as error:
            raise ObjectChangedError(key) from error

    def _is_place_missing(self, error: Exception) -> bool:
        return "NoSuchBucket" in str(error) or is_no_object_store(error)

    def _hint(self) -> str:
        return "check the server and AWS_ENDPOINT_URL; run it again: what was written stays"

    def _place_hint(self) -> str:
        bucket = self.place.removeprefix("s3://").partition("/")[0]
        return f"make the bucket (aws s3 mb s3://{bucket}), or correct fleet.lake or AWS_ENDPOINT_URL"

    def _access_hint(self) -> str:
        return KEYS_REMEDY


def open_store(place: str | Path) -> ObjectStore:
    """Return the store at a place; nothing is asked or made before the first use.

    Args:
        place: folder, or `s3://bucket/prefix`.

    Raises:
        ConfigurationError: the place is of another kind, or obstore is not installed.
    """
    from importlib.util import find_spec

    text = str(place)
    if find_spec("obstore") is None:
        raise ConfigurationError(f"the lake {text} needs obstore", "pip install 'darkstar-pipeline[fleet]'")
    if "://" not in text:
        return FolderStore(str(Path(text).expanduser().absolute()))
    if not text.startswith("s3://") or not text.removeprefix("s3://").partition("/")[0]:
        raise ConfigurationError(f"{text} is no place for a lake", "name a folder, or s3://bucket/prefix")
    return BucketStore(text)


def _replace(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def _reason(error: BaseException) -> str:
    """Return an error of obstore on one line, without its debugging details."""
    text = str(error).split("Debug source:")[0]
    return " ".join(text.split())[:300]
