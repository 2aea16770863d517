"""The check of the stores' databases: a writer at work is no trouble, a damaged file is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darkstar_pipeline.doctor import stores
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.stores import check_dagster, check_mlflow
from tests.builders.elsewhere_storage import store_elsewhere


@pytest.mark.parametrize("answers", [True, False])
def test_dagsters_records_at_another_place_are_asked_for_and_no_files_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    place = tmp_path / "server"
    if not answers:
        place.write_text("no folder")
    store_elsewhere(tmp_path / "home", place)
    told = check_dagster(tmp_path / "home")
    assert told.verdict is (Verdict.OK if answers else Verdict.FAIL)
    assert "storage custom of" in told.detail
    assert ("answers: 0 runs" in told.detail) is answers
    assert "database" not in told.detail


def test_a_dagster_yaml_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("storage: [")
    told = check_dagster(tmp_path)
    assert told.verdict is Verdict.FAIL
    assert "dagster.yaml cannot be read" in told.detail


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(stores, "ANSWER_SECONDS", 0.05)
    path = tmp_path / "mlflow" / "mlflow.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (run TEXT)")
    return path


def test_store_is_in_order_while_a_writer_has_locked_it(store: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert check_mlflow(tmp_path).verdict is Verdict.OK
    assert check_mlflow(tmp_path).verdict is Verdict.OK


@pytest.mark.parametrize("damage", [b"locked, and no database", b""], ids=["no database", "no file"])
def test_store_is_reported_when_it_cannot_be_read(store: Path, tmp_path: Path, damage: bytes) -> None:
    store.write_bytes(damage * 100)
    if not damage:
        store.unlink()
        store.mkdir()
    answer = check_mlflow(tmp_path)
    assert answer.verdict is Verdict.FAIL
    assert str(store) in answer.detail
