"""A store beside faults: what a server does wrong is waited for, tried again, or told plainly."""

import threading
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import pytest

from benchmarks.fleet_lake.s3_server import Fault, S3Server
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.warehouse.buckets import object_store
from darkstar_pipeline.warehouse.buckets.object_store import ObjectStore, open_store

KEY = "spot_prices/day=2026-01-01/bucket=0000/part.parquet"


@pytest.fixture
def store(s3_place: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store with the patience of a test."""
    monkeypatch.setattr(object_store, "CLIENT", {"timeout": "0.5s", "connect_timeout": "0.5s"})
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5), "base": 2}
    monkeypatch.setattr(
        object_store, "RETRIES", {"max_retries": 1, "retry_timeout": timedelta(seconds=3), "backoff": backoff}
    )
    return open_store(s3_place)


def first(n: int, fault: Fault):
    """A server that fails so often, and is well then."""
    left, lock = [n], threading.Lock()

    def faults(_method: str, _path: str) -> Fault | None:
        with lock:
            left[0] -= 1
            return fault if left[0] >= 0 else None

    return faults


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.BUSY, Fault.CUT, Fault.SLOW], ids=lambda fault: fault.name)
def test_a_passing_fault_is_waited_for(store: ObjectStore, s3_server: S3Server, fault: Fault) -> None:
    store.put(KEY, b"one")
    s3_server.app.fault = first(1, fault)
    found = store.get(KEY)
    assert found is not None
    assert found.data == b"one"
    s3_server.app.fault = first(1, fault if fault is not Fault.SLOW else Fault.BUSY)  # a slow write is not sent twice
    store.update(KEY, lambda data: (data or b"") + b" two")
    found = store.get(KEY)
    assert found is not None
    assert found.data in {b"one two", b"one two two"}  # cut after it was done: `change` must bear being called again
    s3_server.app.fault = first(1, fault)
    assert [each.key for each in store.listed("spot_prices")] == [KEY]


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (Fault.ERROR, "AWS_ENDPOINT_URL"),
        (Fault.CUT, "AWS_ENDPOINT_URL"),
        (Fault.SLOW, "AWS_ENDPOINT_URL"),
        (Fault.REFUSED, "AWS_SECRET_ACCESS_KEY"),
        (Fault.SKEWED, "clock"),
        (Fault.REGION, "AWS_REGION"),
        (Fault.MOVED, "AWS_REGION"),
        (Fault.EXPIRED, "AWS_SESSION_TOKEN"),
        (Fault.FULL, "quota"),
        (Fault.NO_STORE, "AWS_ENDPOINT_URL"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_lasting_fault_is_told_with_place_and_remedy_and_no_secret(
    store: ObjectStore, s3_server: S3Server, fault: Fault, remedy: str
) -> None:
    s3_server.app.fault = lambda _method, _path: fault
    uses = (
        lambda: store.get(KEY),
        lambda: store.put(KEY, b"one"),
        lambda: store.update(KEY, lambda _: b"one"),
        lambda: store.listed("spot_prices"),
        lambda: store.folders("spot_prices"),
    )
    for use in uses if fault is not Fault.SLOW else uses[:2]:
        with pytest.raises(OutsideServiceError) as told:
            use()
        text = f"{told.value.message} {told.value.hint}"
        assert store.place in text
        assert remedy in text
        assert not {"test-key", "test-secret"} & set(text.replace("/", " ").split())
        assert "Signature" not in text
    if fault is not Fault.NO_STORE:  # an answer without a body says nothing of who gave it
        with pytest.raises(OutsideServiceError, match=store.place):
            store.heads([KEY, KEY + "2"])


@pytest.mark.usefixtures("s3_place")
def test_a_bucket_that_is_missing_is_no_empty_lake() -> None:
    missing = open_store("s3://nowhere/lake")
    for use in (
        lambda: missing.get(KEY),
        lambda: missing.put(KEY, b"one"),
        lambda: missing.update(KEY, lambda _: b"one"),
        lambda: missing.listed("spot_prices"),
        lambda: missing.folders("spot_prices"),
        lambda: missing.tail(KEY, 8),
    ):
        with pytest.raises(OutsideServiceError, match="s3://nowhere/lake is not there") as told:
            use()
        assert "fleet.lake" in told.value.hint


def test_a_server_that_is_not_there_is_told(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(OutsideServiceError, match="s3://") as told:
        open_store(store.place).get(KEY)
    assert "AWS_ENDPOINT_URL" in told.value.hint


@pytest.mark.parametrize("address", ["localhost:9000", "ftp://x", "http://[bad", "https://a:b@host"])
def test_an_address_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigurationError, match="no address") as told:
        open_store("s3://bucket/lake").get(KEY)
    assert "a:b" not in told.value.message


def test_a_folder_that_is_read_only_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(OutsideServiceError, match=str(file)):
        open_store(file / "lake").put(KEY, b"one")


def test_a_change_may_write_another_object_whichever_lock_that_has(tmp_path: Path) -> None:
    folder = open_store(tmp_path / "lake")
    number = crc32(KEY.encode()) % object_store.LOCK_FILES
    names = (f"journal/{number}" for number in range(1000))
    others = [name for name in names if crc32(name.encode()) % object_store.LOCK_FILES == number][:2]
    assert others

    def change(data: bytes | None) -> bytes:
        for other in others:
            folder.put(other, b"noted")
        return (data or b"") + b"+"

    writers = [threading.Thread(target=folder.update, args=(KEY, change), daemon=True) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert not any(writer.is_alive() for writer in writers)
    found = folder.get(KEY)
    assert found is not None
    assert found.data == b"++"
    assert len(folder.get_many(others)) == len(others)
