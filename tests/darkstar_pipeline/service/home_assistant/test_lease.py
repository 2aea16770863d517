from pathlib import Path

import pytest

from darkstar_pipeline.service.home_assistant.lease import (
    LEASE_FILE,
    Lease,
    boot_id,
    end_lease,
    look_at_lease,
    uptime_seconds,
)


@pytest.mark.parametrize("ends", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_lease_that_would_never_end_is_over_and_can_be_marked(tmp_path: Path, ends: str) -> None:
    text = f'{{"url": "http://h", "token_file": null, "restore": [], "boot": "{boot_id()}", "ends": {ends}}}'
    (tmp_path / LEASE_FILE).write_text(text, encoding="utf-8")
    lease = look_at_lease(tmp_path).outstanding
    assert lease is not None
    assert lease.expired
    assert look_at_lease(tmp_path).lease == lease, "a guard compares what it reads with what it knows"
    end_lease(tmp_path, lease)
    assert look_at_lease(tmp_path).outstanding == lease


@pytest.mark.parametrize(
    ("ahead", "over"), [(-1.0, True), (60.0, False), (15 * 60.0, False), (3600.0, True), (1e15, True)]
)
def test_a_lease_longer_than_any_setting_allows_is_over(ahead: float, *, over: bool) -> None:
    lease = Lease(url="http://h", token_file=None, restore=[], boot=boot_id(), ends=uptime_seconds() + ahead)
    assert lease.expired == over
