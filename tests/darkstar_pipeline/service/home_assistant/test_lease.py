from pathlib import Path

import pytest

from darkstar_pipeline.service.home_assistant.lease import LEASE_FILE, boot_id, end_lease, look_at_lease


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
