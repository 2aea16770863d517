from pathlib import Path

import pytest

from benchmarks.robustness.growth import MB, simulate
from tests.builders.tracking import with_empty_store


@pytest.mark.thorough
def test_state_stops_growing_and_nothing_that_is_needed_goes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with_empty_store(tmp_path_factory, tmp_path / "state")
    kept = {"plans_days": 3, "dagster_days": 7, "runs_days": 7, "versions": 3, "versions_days": 14, "log_mib": 5}
    growth = simulate(tmp_path, 42, dict(kept), clean_every=7)
    assert growth.problems == []
    assert growth.lost == 0
    assert growth.made < 42 * 60 * MB
    assert max(growth.sizes[-2:]) < 0.7 * growth.made
