"""Bringing a backup back: unpacked beside the state folder, verified whole, and only then put in its place at once.

An archive is not trusted: only plain files under the two names that a backup has, no more than the disk takes, each of
the checksum that the manifest tells. A kill at any moment leaves the old folder or the new one, never half of either.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import IO, Any

import pyarrow as pa

from darkstar_pipeline.backups.archive import CONFIGURATION, FORMAT, MANIFEST, STATE, Codec, codec_of, is_secret
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.migrations import STATE_FILE, parse_state_version, refuse_newer_state
from planner.artifacts.atomic_files import exchange, make_folder, sync

MANIFEST_BYTES = 64 * 2**20
CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """The result of a restore.

    Attributes:
        home: the state folder.
        files: files in it.
        created_at: time of the backup.
        state_version: state version of the backup.
        old_state: new place of the former state folder; None if there was none.
        configuration: path of the restored configuration; None if it was not written.
        old_configuration: new place of the former configuration.
        note: what a person should know.
    """

    home: Path
    files: int
    created_at: str
    state_version: int
    old_state: Path | None = None
    configuration: Path | None = None
    old_configuration: Path | None = None
    note: str = ""


def restore_backup(
    file: Path, home: Path, *, configuration: Path, now: datetime, force: bool = False, secrets: bool = False
) -> RestoreReport:
    """Put a backup in the place of the state folder.

    Args:
        file: the archive.
        home: the state folder; empty or not there, unless forced.
        configuration: where the configuration belongs; one that is there stays, unless forced.
        now: the present instant; names what is moved aside.
        force: move what is there aside.
        secrets: take tokens and passwords from the archive; a backup of ours holds none, so that whoever put one there
            could log in with it afterwards.

    Raises:
        ConfigurationError: the archive cannot be read, a newer release made it, or something is in its way.
        DataRefusedError: the archive is damaged, or no backup; nothing was touched.
    """
    codec = codec_of(file)
    occupied = home.exists() and (not home.is_dir() or any(home.iterdir()))
    if occupied and not force:
        raise ConfigurationError(f"{home} is not empty", "name an empty DARKSTAR_HOME, or move it aside with --force")
    if home.is_mount() or home.is_symlink():
        message = f"{home} is a mount or a link, which cannot be replaced at once"
        raise ConfigurationError(message, f"set DARKSTAR_HOME to a folder within, such as {home / 'state'}")
    make_folder(home.parent)
    unpacked = home.parent / f".{home.name}.restoring-{token_hex(4)}"
    unpacked.mkdir(mode=0o700)
    try:
        manifest = _verified(file, codec, unpacked)
    except BaseException:
        shutil.rmtree(unpacked, ignore_errors=True)
        raise
    left_out = [] if secrets else _without_secrets(unpacked / STATE)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    # From here on the unpacked folder may hold the old state: it is removed only once that is elsewhere.
    old = _put_in_place(unpacked / STATE, home, _unused(home.with_name(f"{home.name}.before-{stamp}")))
    written, kept, note = _restore_configuration(unpacked / CONFIGURATION, configuration, stamp, force=force)
    shutil.rmtree(unpacked, ignore_errors=True)
    return RestoreReport(
        home=home,
        files=sum(name.startswith(f"{STATE}/") for name in manifest["files"]),
        created_at=str(manifest["created_at"]),
        state_version=int(manifest["state_version"]),
        old_state=old,
        configuration=written,
        old_configuration=kept,
        note="; ".join(part for part in (note, _left_out_note(left_out)) if part),
    )


def _without_secrets(state: Path) -> list[str]:
    """Remove what is secret by its name; the paths within the state folder."""
    found = sorted(path for path in state.rglob("*") if path.is_file() and is_secret(path))
    for path in found:
        path.unlink()
    return [path.relative_to(state).as_posix() for path in found]


def _left_out_note(names: list[str]) -> str:
    return f"left in the archive because secret: {', '.join(names)} (--with-secrets takes them)" if names else ""


def _verified(file: Path, codec: Codec, folder: Path) -> dict[str, Any]:
    """Unpack an archive and check everything about it; its manifest."""
    try:
        unpacked = _unpack(file, codec, folder)
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no {file}", "name a backup that is there") from error
    except (tarfile.TarError, OSError, EOFError, pa.ArrowException) as error:
        raise DataRefusedError(f"{file} is damaged or no backup: {error}", "take another backup") from error
    manifest = _manifest(file, folder / MANIFEST)
    listed: dict[str, dict[str, Any]] = manifest["files"]
    unpacked.pop(MANIFEST, None)
    wrong = sorted(name for name in listed.keys() | unpacked.keys() if listed.get(name) != unpacked.get(name))
    if wrong:
        raise DataRefusedError(f"{file} is damaged: {', '.join(wrong[:3])} is not as it was", "take another backup")
    _check_state(file, folder / STATE, int(manifest["state_version"]))
    return manifest


def _unpack(file: Path, codec: Codec, folder: Path) -> dict[str, dict[str, Any]]:
    """Write the members of an archive into a folder; checksum and size of each."""
    unpacked: dict[str, dict[str, Any]] = {}
    with _tar_from(file, codec) as tar:
        for member in tar:
            name = _safe_name(file, member)
            if name in unpacked:
                raise DataRefusedError(f"{file} is no backup: {name} is in it twice", "take another backup")
            if member.size > shutil.disk_usage(folder).free:
                raise ConfigurationError(f"no room for {name}: {member.size} bytes", "free disk space")
            content = tar.extractfile(member)
            if content is not None:
                unpacked[name] = _write(content, folder / name, member.mode)
    return unpacked


def _safe_name(file: Path, member: tarfile.TarInfo) -> str:
    """The name of a member that may be written.

    Raises:
        DataRefusedError: it is no plain file, or belongs elsewhere.
    """
    path = PurePosixPath(member.name)
    inside = path.parts[:1] == (STATE,) and len(path.parts) > 1
    odd = path.is_absolute() or ".." in path.parts or "\x00" in member.name or str(path) != member.name
    if not member.isreg() or odd or not (inside or member.name in (CONFIGURATION, MANIFEST)):
        raise DataRefusedError(f"{file} is no backup: it holds {member.name!r:.80}", "take another backup")
    return member.name


def _write(content: IO[bytes], target: Path, mode: int) -> dict[str, Any]:
    """Write a member; the disk has it when this returns."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as handle:
        while chunk := content.read(CHUNK):
            handle.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    target.chmod(mode & 0o700 | 0o600)  # nothing for others: the state of a home is its owner's
    return {"sha256": digest.hexdigest(), "size": size}


@contextmanager
def _tar_from(file: Path, codec: Codec) -> Generator[tarfile.TarFile]:
    with file.open("rb") as plain:
        stream: Any = pa.CompressedInputStream(plain, codec)
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            yield tar


def _manifest(file: Path, path: Path) -> dict[str, Any]:
    """The manifest of an unpacked archive.

    Raises:
        DataRefusedError: there is none, for it is the last that is written.
    """
    hint = "the backup was cut off: take another"
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            raise DataRefusedError(f"{file} is no backup: its manifest is too large", hint)
        document: dict[str, Any] = json.loads(path.read_bytes())
        kind, _ = document["format"], (document["files"].keys(), document["created_at"], int(document["state_version"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataRefusedError(f"{file} has no manifest", hint) from error
    if kind != FORMAT:
        raise ConfigurationError(f"{file} is of format {kind}, this release knows {FORMAT}", "install a newer Darkstar")
    return document


def _check_state(file: Path, state: Path, version: int) -> None:
    """Refuse what a newer release made, and databases that are damaged."""
    stored_version = parse_state_version((state / STATE_FILE).read_text(encoding="utf-8"), f"{file}: {STATE_FILE}")
    refuse_newer_state(max(version, stored_version), str(file))
    for path in sorted(state.rglob("*.db")):
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            answer = str(error)
        if answer != "ok":
            raise DataRefusedError(f"{file}: {path.relative_to(state)} is damaged: {answer}", "take another backup")


def _unused(path: Path) -> Path:
    """A name that nothing has."""
    names = (path.with_name(f"{path.name}-{number}") for number in range(2, 1000))
    return path if not path.exists() else next(name for name in names if not name.exists())


def _put_in_place(new: Path, home: Path, aside: Path) -> Path | None:
    """Put the new folder where the old one is; the old one is aside afterwards, and nowhere in between is nothing.

    Returns:
        Where the old folder is; None where there was none, or an empty one.
    """
    new.chmod(0o700)
    for folder, _, _ in os.walk(new):
        sync(Path(folder))  # the files are on the disk, their names not yet
    if not home.exists() or (home.is_dir() and not any(home.iterdir())):
        new.replace(home)  # an empty folder gives way
        sync(home.parent)
        return None
    if exchange(new, home):
        new.rename(aside)
    else:
        home.rename(aside)
        new.rename(home)
    for folder in (home.parent, new.parent):
        sync(folder)
    return aside


def _restore_configuration(new: Path, target: Path, stamp: str, *, force: bool) -> tuple[Path | None, Path | None, str]:
    """Put the configuration in its place: where it was written, where the old one is, and what is to be said."""
    if not new.exists():
        return None, None, "the backup holds no configuration"
    content = new.read_bytes()
    if target.exists() and target.read_bytes() == content:
        return target, None, ""
    old: Path | None = None
    if target.exists():
        if not force:
            return None, None, f"{target} is there and was left as it is; --force replaces it"
        old = _unused(target.with_name(f"{target.name}.before-{stamp}"))
        shutil.copy2(target, old)
    make_folder(target.parent)
    with atomic_write(target) as temporary:
        temporary.write_bytes(content)
    return target, old, ""
