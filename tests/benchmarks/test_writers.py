from pathlib import Path

import pytest

from benchmarks.robustness.writers import rows_of


@pytest.mark.thorough
def test_nothing_that_was_said_to_be_taken_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 2, longest_seconds=6.0)
    assert [row.figure for row in rows if row.met is False] == []
    done = {row.figure: row.value for row in rows}
    assert all(int(done[f"done_{name}"]) > 0 for name in ("import_0", "import_1", "feed", "backfill", "backup"))
