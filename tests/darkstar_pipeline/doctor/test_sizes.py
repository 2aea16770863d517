import os
from pathlib import Path

from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.sizes import BUDGETS_MIB, MIB, check_sizes


def test_sizes_are_told_by_kind_and_what_has_outgrown_its_budget_has_a_remedy(tmp_path: Path) -> None:
    assert check_sizes(tmp_path).verdict is Verdict.OK
    folder = tmp_path / "service" / "home" / "plans"
    folder.mkdir(parents=True)
    (folder / "a.json").write_bytes(b"x" * 3 * MIB)
    assert check_sizes(tmp_path).detail == "service 3 MiB; none above its budget"
    os.truncate(folder / "a.json", (BUDGETS_MIB["service"] + 1) * MIB)  # takes no room on the disk
    finding = check_sizes(tmp_path)
    assert finding.verdict is Verdict.WARN
    assert "above its budget: service of 2048 MiB" in finding.detail
    assert "keep_plans_days" in finding.remedy
