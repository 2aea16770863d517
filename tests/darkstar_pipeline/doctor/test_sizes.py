import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.sizes import MIB, check_sizes
from darkstar_pipeline.retention.cleaning import clean

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"sites": {"home": {}}})


def test_sizes_are_told_by_kind_with_budget_setting_and_what_retention_frees(tmp_path: Path) -> None:
    assert [each.verdict for each in check_sizes(tmp_path, SETTINGS, NOW)] == [Verdict.OK]
    days = [tmp_path / "service" / "home" / "plans" / f"2026-{month}-01" for month in ("07", "08", "11")]
    for day in days:
        day.mkdir(parents=True)
        (day / "a.json").write_bytes(b"x" * 3 * MIB)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "a").write_bytes(b"x" * MIB)
    details = {each.check: each.detail for each in check_sizes(tmp_path, SETTINGS, NOW)}
    assert details["size of plans"] == "9.0 of 2048 MiB; `darkstar clean` frees 3.0 MiB (retention.plans_days)"
    assert details["size of lake"] == "1.0 of 4096 MiB; nothing of it is removed"
    os.truncate(days[2] / "a.json", 2049 * MIB)  # takes no room on the disk
    finding = next(each for each in check_sizes(tmp_path, SETTINGS, NOW) if each.check == "size of plans")
    assert (finding.verdict, finding.detail[-16:]) == (Verdict.WARN, "above its budget")
    assert finding.remedy == "lower retention.plans_days, or raise retention.budget_mib.plans"


def test_it_is_told_when_retention_was_applied_and_that_it_is_long_ago(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"png")
    clean(tmp_path, SETTINGS, now=NOW)
    assert check_sizes(tmp_path, SETTINGS, NOW)[-1].detail == "applied 2026-11-29 12:00 UTC, 0.0 MiB freed"
    assert check_sizes(tmp_path, SETTINGS, NOW + timedelta(days=8))[-1].verdict is Verdict.WARN
