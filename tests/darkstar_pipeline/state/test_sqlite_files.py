import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.backups.archive import make_backup
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.stores import check_dagster
from darkstar_pipeline.state.sqlite_files import open_to_read

# Killed in the middle of a transaction whose pages are partly in the file: the journal has to be rolled back.
KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.executemany("INSERT INTO runs VALUES (?)", (("x" * 4000,) for _ in range(200)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def left_by_a_killed_writer(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE runs (text TEXT)")
        connection.execute("INSERT INTO runs VALUES ('first')")
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert path.with_name(f"{path.name}-journal").stat().st_size > 512


def test_a_database_whose_writer_was_killed_can_be_read_saved_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for number, use in enumerate(("read", "save", "check")):
        home = tmp_path / str(number)
        database = home / "dagster" / "history" / "runs.db"
        left_by_a_killed_writer(database)
        if use == "read":
            with open_to_read(database) as connection:
                assert connection.execute("SELECT text FROM runs").fetchall() == [("first",)]
        elif use == "save":
            make_backup(home, tmp_path / "backup.tar.gz", now=datetime.now(UTC))
        else:
            assert check_dagster(home).verdict is Verdict.OK


def test_a_file_that_is_no_database_or_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(os.urandom(5000))
    for name in ("a.db", "b.db"):
        with pytest.raises(sqlite3.Error), open_to_read(tmp_path / name):
            pass
    assert not (tmp_path / "b.db").exists()
