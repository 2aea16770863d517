from datetime import UTC, datetime
from pathlib import Path

from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import FetchLog
from tests.builders.command_line import Darkstar


def test_the_state_of_each_source_is_shown(home: Path, darkstar: Darkstar):
    assert darkstar("init", "--yes").code == 0
    assert "no source was asked" in darkstar("fetch").out
    error = FetchError("nordpool", "unreachable", "it has a fault of its own (503)")
    FetchLog(home_dir()).failed("home", "prices", error, asked_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    (row,) = darkstar("fetch", "--json").document["sources"]
    assert (row["source"], row["cause"], row["failures"], row["succeeded_at"]) == ("nordpool", "unreachable", 1, None)
    assert "fault of its own (503)" in darkstar("fetch").out
    assert home_dir().is_relative_to(home)
