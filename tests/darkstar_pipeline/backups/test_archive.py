"""Backups: whole while others write, without secrets, and only verified ones take the place of what is there."""

import gzip
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.backups import archive as making
from darkstar_pipeline.backups.archive import BackupReport, make_backup
from darkstar_pipeline.backups.restore import RestoreReport, restore_backup
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, DataMissingError, DataRefusedError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET = "do-not-keep-me"  # noqa: S105 - of nothing but this test


def made_state(folder: Path) -> Path:
    """A state folder with everything that matters: days, a pointer, databases, secrets, and what passes."""
    home = folder / "state"
    (home / "lake" / "spot_prices" / "site=home" / "day=2026-01-31").mkdir(parents=True)
    (home / "lake" / "spot_prices" / "site=home" / "day=2026-01-31" / "part.parquet").write_bytes(os.urandom(5000))
    (home / "models" / "v1").mkdir(parents=True)
    (home / "models" / "v1" / "manifest.json").write_text("{}")
    (home / "models" / "champion.json").write_text('{"path": "v1"}')
    (home / "service").mkdir()
    for name in ("token", "ha.token", "mine.txt"):
        (home / "service" / name).write_text(SECRET)
        (home / "service" / name).chmod(0o600)
    (home / "lake" / ".abc.tmp").write_text("half")
    (home / "mlflow").mkdir()
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE runs (number INTEGER, twice INTEGER)")
        connection.execute("INSERT INTO runs VALUES (1, 2)")
        connection.commit()
    (folder / "darkstar.yaml").write_text("sites: {}\n")
    return home


def backed_up(folder: Path, name: str = "darkstar.tar.zst") -> BackupReport:
    home = folder / "state"
    configured = [home / "service" / "mine.txt"]
    return make_backup(home, folder / name, now=NOW, configuration=folder / "darkstar.yaml", secrets=configured)


def restored(folder: Path, target: Path, name: str = "darkstar.tar.zst", *, force: bool = False) -> RestoreReport:
    return restore_backup(folder / name, target / "state", configuration=target / "darkstar.yaml", now=NOW, force=force)


def contents(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["darkstar.tar.zst", "darkstar.tar.gz"])
def test_backup_comes_back_as_it_was_when_restored_elsewhere(tmp_path: Path, name: str) -> None:
    home, other = made_state(tmp_path), tmp_path / "other"
    report = backed_up(tmp_path, name)
    assert report.left_out == ("service/ha.token", "service/mine.txt", "service/token")
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    result = restored(tmp_path, other, name)
    back, before = contents(other / "state"), contents(home)
    same = ["lake/spot_prices/site=home/day=2026-01-31/part.parquet", "models/champion.json", "models/v1/manifest.json"]
    assert sorted(back) == sorted([*same, "mlflow/mlflow.db", "state.json"])
    assert all(back[each] == before[each] for each in same)
    assert json.loads(back["state.json"]) == {"version": 1}
    assert (result.old_state, result.configuration) == (None, other / "darkstar.yaml")
    assert (other / "darkstar.yaml").read_text() == "sites: {}\n"
    with closing(sqlite3.connect(other / "state" / "mlflow" / "mlflow.db")) as connection:
        assert connection.execute("SELECT * FROM runs").fetchall() == [(1, 2)]
    assert SECRET.encode() not in b"".join(back.values())
    assert [path.name for path in other.iterdir() if "restoring" in path.name] == []


def test_database_is_whole_in_the_backup_when_somebody_is_writing(tmp_path: Path) -> None:
    home, stop = made_state(tmp_path), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(home / "mlflow" / "mlflow.db", timeout=30)) as connection:
            number = 1
            while not stop.is_set():
                number += 1
                with connection:  # one half is never there without the other
                    connection.execute("INSERT INTO runs VALUES (?, 0)", (number,))
                    connection.execute("UPDATE runs SET twice = 2 * number")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for attempt in range(3):
            backed_up(tmp_path)
            restored(tmp_path, tmp_path / str(attempt))
            with closing(sqlite3.connect(tmp_path / str(attempt) / "state" / "mlflow" / "mlflow.db")) as connection:
                count, wrong = connection.execute("SELECT count(*), sum(twice != 2 * number) FROM runs").fetchone()
            assert (count >= 1, wrong) == (True, 0)
    finally:
        stop.set()
        writer.join()


def test_restore_moves_the_old_aside_when_forced_and_refuses_when_not(tmp_path: Path) -> None:
    home = made_state(tmp_path)
    backed_up(tmp_path)
    (home / "later").write_text("made after the backup")
    (tmp_path / "darkstar.yaml").write_text("sites: {}  # later\n")
    before = contents(home)
    with pytest.raises(ConfigurationError, match="not empty"):
        restored(tmp_path, tmp_path)
    assert contents(home) == before
    report = restored(tmp_path, tmp_path, force=True)
    assert report.old_state == tmp_path / "state.before-20260131T120000Z"
    assert report.old_state is not None
    assert contents(report.old_state) == before
    assert not (home / "later").exists()
    assert report.old_configuration is not None
    assert report.old_configuration.read_text() == "sites: {}  # later\n"
    assert (tmp_path / "darkstar.yaml").read_text() == "sites: {}\n"
    (home / "lake" / "mine").write_text("again")
    again = restored(tmp_path, tmp_path, force=True)  # within the same second
    assert again.old_state is not None
    assert again.old_state != report.old_state
    assert (again.old_state / "lake" / "mine").exists()
    assert contents(report.old_state) == before


def test_restore_leaves_a_configuration_when_not_forced(tmp_path: Path) -> None:
    made_state(tmp_path)
    backed_up(tmp_path)
    other = tmp_path / "other"
    (other / "state").mkdir(parents=True)
    (other / "darkstar.yaml").write_text("mine\n")
    report = restored(tmp_path, other)
    assert (report.configuration, (other / "darkstar.yaml").read_text()) == (None, "mine\n")
    assert "--force" in report.note


def archive(path: Path, members: dict[str, bytes], *, odd: tarfile.TarInfo | None = None) -> None:
    """An archive by hand."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if odd is not None:
            tar.addfile(odd)


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    "odd",
    [
        member("state/../../evil", tarfile.REGTYPE),
        member("/etc/evil", tarfile.REGTYPE),
        member("elsewhere/evil", tarfile.REGTYPE),
        member("state/./evil", tarfile.REGTYPE),
        member("state", tarfile.REGTYPE),
        member("state/evil", tarfile.SYMTYPE, "/etc/passwd"),
        member("state/evil", tarfile.LNKTYPE, "/etc/passwd"),
        member("state/evil", tarfile.CHRTYPE),
        member("state/evil", tarfile.DIRTYPE),
    ],
    ids=["up", "absolute", "another root", "dot", "root itself", "link", "hard link", "device", "folder"],
)
def test_restore_refuses_and_writes_nothing_when_a_member_is_no_plain_file(
    tmp_path: Path, odd: tarfile.TarInfo
) -> None:
    archive(tmp_path / "evil.tar.gz", {"state/state.json": b'{"version": 1}'}, odd=odd)
    with pytest.raises(DataRefusedError, match="is no backup"):
        restored(tmp_path, tmp_path / "target", "evil.tar.gz")
    assert list((tmp_path / "target").iterdir()) == []


def changed_manifest(**changes: object) -> Callable[[Path], None]:
    """Rewrites an archive with another manifest."""

    def spoil(file: Path) -> None:
        with tarfile.open(file) as tar:
            members = {each.name: (tar.extractfile(each) or io.BytesIO()).read() for each in tar}
        manifest: dict[str, Any] = json.loads(members["manifest.json"])
        members["manifest.json"] = json.dumps({**manifest, **changes}).encode()
        archive(file, members)

    return spoil


def drop_manifest(file: Path) -> None:
    with tarfile.open(file) as tar:
        members = {
            each.name: (tar.extractfile(each) or io.BytesIO()).read() for each in tar if "manif" not in each.name
        }
    archive(file, members)


def flip_a_byte(file: Path) -> None:
    plain = bytearray(gzip.decompress(file.read_bytes()))
    at = plain.index(b'{"path": "v1"}')
    plain[at + 10] ^= 1
    file.write_bytes(gzip.compress(bytes(plain)))


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_off, "damaged"),
        (flip_a_byte, "not as it was"),
        (drop_manifest, "no manifest"),
        (lambda file: file.write_bytes(b"nothing of the kind"), "damaged"),
        (changed_manifest(files={}), "not as it was"),
        (changed_manifest(files=[]), "no manifest"),
        (changed_manifest(format=2), "format 2"),
        (changed_manifest(state_version=99), "state version 99"),
        (changed_manifest(state_version="x"), "no manifest"),
    ],
    ids=["cut off", "a byte", "no manifest", "no archive", "surplus", "odd", "format", "newer", "no number"],
)
def test_restore_refuses_and_keeps_the_old_when_an_archive_is_damaged(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    home = made_state(tmp_path)
    backed_up(tmp_path, "d.tar.gz")
    spoil(tmp_path / "d.tar.gz")
    before = contents(home)
    with pytest.raises(DarkstarError, match=says):
        restored(tmp_path, tmp_path, "d.tar.gz", force=True)
    assert contents(home) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.tar.gz", "darkstar.yaml", "state"]


@pytest.mark.parametrize(
    ("file", "error", "says"),
    [
        ("d.zip", ConfigurationError, "named"),
        ("state/d.tar.gz", ConfigurationError, "in the state folder"),
        ("no/such/d.tar.gz", ConfigurationError, "does not exist"),
    ],
    ids=["name", "within", "no folder"],
)
def test_backup_is_refused_when_its_place_is_wrong(
    tmp_path: Path, file: str, error: type[Exception], says: str
) -> None:
    made_state(tmp_path)
    with pytest.raises(error, match=says):
        backed_up(tmp_path, file)


def test_backup_is_refused_when_links_would_be_missed_or_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError):
        backed_up(tmp_path)
    home = made_state(tmp_path)
    (home / "lake2").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="is a link"):
        backed_up(tmp_path)
    assert not (tmp_path / "darkstar.tar.zst").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_state_is_old_or_new_and_backup_old_or_new_when_killed_anywhere(tmp_path: Path, root: Path) -> None:
    home = made_state(tmp_path)
    for number in range(60):
        (home / "lake" / f"{number}.bin").write_bytes(os.urandom(2000))
    backed_up(tmp_path)
    (home / "later").write_text("after the backup")
    script = f"""
from tests.darkstar_pipeline.backups.test_archive import *
print("go", flush=True)
while True:
    backed_up(Path({str(tmp_path)!r}), "again.tar.gz")
    for old in Path({str(tmp_path)!r}).glob("state.before-*"):
        import shutil; shutil.rmtree(old)
    restored(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}), force=True)
"""
    for attempt in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"go\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05 + 0.11 * attempt)
            process.send_signal(signal.SIGKILL)
        assert len(list((home / "lake").glob("*.bin"))) == 60, "no half folder"
        for name in ("darkstar.tar.zst", "again.tar.gz"):
            if (tmp_path / name).exists():
                report = restored(tmp_path, tmp_path / f"{name}-{attempt}", name)
                assert report.files in (65, 66), "one file was made after the first backup"


def test_restore_takes_no_secret_from_an_archive_unless_asked(tmp_path: Path) -> None:
    home = made_state(tmp_path)
    (home / "service" / "planted").write_text("a word", encoding="utf-8")
    backed_up(tmp_path, "darkstar.tar.gz")
    archive, planted = tmp_path / "darkstar.tar.gz", tmp_path / "planted.tar.gz"
    with tarfile.open(archive) as before, tarfile.open(planted, "w:gz") as after:  # another name for a member
        for member in before:
            stream = before.extractfile(member)
            assert stream is not None
            content = stream.read()
            if member.name == "manifest.json":
                content = content.replace(b"state/service/planted", b"state/service/token")
            member.name = member.name.replace("service/planted", "service/token")
            member.size = len(content)
            after.addfile(member, io.BytesIO(content))
    for secrets in (False, True):
        target = tmp_path / str(secrets) / "state"
        target.parent.mkdir()
        result = restore_backup(planted, target, configuration=tmp_path / "x.yaml", now=NOW, secrets=secrets)
        assert (target / "service" / "token").exists() is secrets
        assert ("service/token" in result.note) is not secrets
        assert target.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in target.rglob("*") if path.is_file())


def test_backup_leaves_out_what_looks_secret_when_nobody_can_say_what_is(tmp_path: Path) -> None:
    home = made_state(tmp_path)
    word, text = home / "service" / "haus", home / "service" / "plan.json"
    word.write_text("eyJhbGciOi.secret-of-the-home\n", encoding="utf-8")
    text.write_text('{"a":1}', encoding="utf-8")
    for path in (word, text):
        path.chmod(0o600)
    report = make_backup(home, tmp_path / "b.tar.gz", now=NOW, suspicious=True)
    assert "service/haus" in report.left_out
    assert "service/plan.json" not in report.left_out


def test_backup_goes_on_when_a_file_is_removed_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, read = made_state(tmp_path), making._content

    def removed_at_once(path: Path) -> object:
        content = read(path)
        if path.name == "part.parquet":
            path.unlink()
        return content

    monkeypatch.setattr(making, "_content", removed_at_once)
    assert make_backup(home, tmp_path / "backup.tar.gz", now=NOW).files > 3
