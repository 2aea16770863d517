"""Backups: the whole state folder and the configuration in one archive, taken while everything is running.

Databases are copied by SQLite's own backup, so that they are whole while others write; everything else in the folder is
replaced whole or not at all by whoever writes it. What points to other files is copied before what it points to.
Secrets stay out. The last member is a manifest with a checksum of every file, so an archive that was cut off is never
taken for a backup. What does not belong here: bringing one back (`restore`).
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal, TypeAlias

import pyarrow as pa

from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.migrations import STATE_FILE, STATE_VERSION, read_state_version
from darkstar_pipeline.state.sqlite_files import open_to_read

FORMAT = 1
STATE, CONFIGURATION, MANIFEST = "state", "darkstar.yaml", "manifest.json"
Codec: TypeAlias = Literal["zstd", "gzip"]
CODECS: dict[str, Codec] = {".tar.zst": "zstd", ".tar.gz": "gzip"}
PRIVATE_MODE = 0o600
_SQLITE = b"SQLite format 3\x00"
_PASSING = ("-wal", "-shm", "-journal", ".tmp", ".lock", ".pid")
"""Ends of names of what lives only while a program runs."""
_LONGEST_SECRET = 4096  # bytes
_SECRET_NAMES = ("token", "password", "secret")
_SECRET_ENDS = (".token", ".password", ".secret", ".pem", ".key")


@dataclass(frozen=True, kw_only=True)
class BackupReport:
    """The content of a backup.

    Attributes:
        file: where it is.
        files: files of the state folder in it.
        bytes: of these files, before compression.
        size: of the archive [B].
        configuration: whether the configuration is in it.
        left_out: secrets, by their path in the state folder.
        state_version: of the state folder.
    """

    file: Path
    files: int
    bytes: int
    size: int
    configuration: bool
    left_out: tuple[str, ...]
    state_version: int


@dataclass
class _Written:
    """The members written so far."""

    tar: tarfile.TarFile
    files: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def add(self, name: str, content: bytes, mode: int = 0o644, changed: float = 0.0) -> None:
        """Write a member and remember its checksum."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), mode, int(changed)
        self.tar.addfile(member, io.BytesIO(content))
        if name != MANIFEST:
            self.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def codec_of(file: Path) -> Codec:
    """Return the compression of an archive of that name.

    Raises:
        ConfigurationError: its name says nothing known.
    """
    for end, codec in CODECS.items():
        if file.name.endswith(end):
            return codec
    raise ConfigurationError(f"{file}: a backup is named {' or '.join(CODECS)}", "darkstar backup darkstar.tar.zst")


def make_backup(
    home: Path,
    file: Path,
    *,
    now: datetime,
    configuration: Path | None = None,
    secrets: Sequence[Path] = (),
    suspicious: bool = False,
) -> BackupReport:
    """Write the state folder into an archive, whole or not at all.

    Args:
        home: the state folder.
        file: where the archive is to be.
        now: the present instant.
        configuration: the configuration file, where there is one.
        secrets: files that are left out, beside those whose name says that they are secret.
        suspicious: leave out what looks like a secret, too: where nobody can say which files are.

    Raises:
        ConfigurationError: the archive's name or place is wrong, or the state folder holds links.
        DataMissingError: there is no state folder.
    """
    codec = codec_of(file)
    if not home.is_dir():
        raise DataMissingError(f"there is no state folder {home}", "set DARKSTAR_HOME to the one that is meant")
    if home.resolve() in file.expanduser().resolve().parents:
        raise ConfigurationError(f"{file} lies in the state folder", "write the backup beside it, best on another disk")
    left_out: list[str] = []
    with atomic_write(file) as temporary, _tar_into(temporary, codec) as tar:
        written = _Written(tar)
        hidden = {path.expanduser().resolve() for path in secrets}
        for path in _in_order(home):
            name = path.relative_to(home).as_posix()
            if is_secret(path) or path.resolve() in hidden or (suspicious and looks_secret(path)):
                left_out.append(name)
            elif (read := _content(path)) is not None:
                content, status = read
                written.add(f"{STATE}/{name}", content, status.st_mode & 0o777, status.st_mtime)
        files, size = len(written.files), sum(entry["size"] for entry in written.files.values())
        if f"{STATE}/{STATE_FILE}" not in written.files:  # a folder of a release before there was the file
            written.add(f"{STATE}/{STATE_FILE}", json.dumps({"version": read_state_version(home)}).encode())
        if configuration is not None and configuration.is_file():
            written.add(CONFIGURATION, configuration.read_bytes())
        written.add(MANIFEST, _manifest(written, home, now))
    return BackupReport(
        file=file,
        files=files,
        bytes=size,
        size=file.stat().st_size,
        configuration=CONFIGURATION in written.files,
        left_out=tuple(left_out),
        state_version=read_state_version(home),
    )


def _manifest(written: _Written, home: Path, now: datetime) -> bytes:
    """Return the manifest of the archive."""
    document = {
        "format": FORMAT,
        "state_version": read_state_version(home),
        "newest_state_version": STATE_VERSION,
        "darkstar": version("darkstar-pipeline"),
        "created_at": now.isoformat(),
        "files": written.files,
    }
    return json.dumps(document, indent=1).encode()


@contextmanager
def _tar_into(path: Path, codec: Codec) -> Generator[tarfile.TarFile]:
    """A compressed archive that is written from front to back, readable by its owner alone."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_MODE)
    with (
        os.fdopen(descriptor, "wb") as plain,
        pa.CompressedOutputStream(plain, codec) as stream,
        tarfile.open(fileobj=_file(stream), mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def _file(stream: Any) -> IO[bytes]:  # noqa: ANN401 - PyArrow's streams are files in all but type
    return stream


def _in_order(home: Path) -> Iterable[Path]:
    """The files to copy: first what points to others, then databases, then what is there by then.

    So a pointer's bundle and a run's artifacts, made before they are pointed to, are in the archive whenever the
    pointer is.

    Raises:
        ConfigurationError: the folder holds a link, whose target a backup would miss.
    """
    first = list(_walk(home))
    pointers = [path for path in first if path.name == POINTER]
    databases = [path for path in first if path.name != POINTER and _is_database(path)]
    yield from pointers
    yield from databases
    before = {*pointers, *databases}
    yield from (path for path in _walk(home) if path not in before)


def _walk(home: Path) -> Generator[Path]:
    """Every lasting file of the folder, in order."""
    for folder, names, files in os.walk(home):
        names[:] = sorted(name for name in names if not name.endswith(_PASSING))
        for name in (*names, *files):
            if (Path(folder) / name).is_symlink():
                message = f"{Path(folder) / name} is a link, and a backup holds only what is in the folder itself"
                raise ConfigurationError(
                    message, "put what it points to in its place, or set DARKSTAR_HOME to its target"
                )
        yield from (Path(folder) / name for name in sorted(files) if not name.endswith(_PASSING))


def is_secret(path: PurePath) -> bool:
    """Return whether a file's name says that it is secret."""
    name = path.name.lower()
    return name in _SECRET_NAMES or name.endswith(_SECRET_ENDS)


def looks_secret(path: Path) -> bool:
    """Return whether a file looks like a token or password: one word that nobody but the owner may read."""
    try:
        status = path.stat()
        if status.st_mode & 0o077 or status.st_size > _LONGEST_SECRET:
            return False
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return False
    return len(words) == 1 and not words[0].startswith(("{", "["))


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return handle.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _content(path: Path) -> tuple[bytes, os.stat_result] | None:
    """The bytes of a file, a database's as of one moment, and its status; None where it has gone meanwhile.

    Raises:
        ConfigurationError: it is there and cannot be read.
    """
    try:
        status = path.stat()
        return (_database_content(path) if _is_database(path) else path.read_bytes()), status
    except FileNotFoundError:
        return None
    except (OSError, sqlite3.Error) as error:
        if not path.exists():
            return None
        raise ConfigurationError(f"{path} cannot be read: {error}", "`darkstar doctor` says what is wrong") from error


def _database_content(path: Path) -> bytes:
    """A database as of one moment, whoever is writing to it."""
    with TemporaryDirectory(prefix="darkstar-") as folder:
        copy = Path(folder) / "copy.db"
        with (
            open_to_read(path, timeout=30) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # so that the copy is one file
        return copy.read_bytes()
