"""`darkstar fleet launch` says how much work a backfill is, and Dagster has it afterwards."""

from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.fleet.homes_file import change_homes
from darkstar_pipeline.orchestration.instance import open_instance
from tests.builders.command_line import Darkstar
from tests.builders.fleet_homes import home_rows

DAYS = ("--from", "2026-03-28", "--to", "2026-03-29")


@pytest.fixture
def fleet(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a fleet of two homes in sixteen buckets."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (home / "darkstar.yaml").write_text("fleet: {defaults: {first_day: 2026-01-01}}\n")
    state = home_dir()
    change_homes(state, lambda _: home_rows({"a": {}, "b": {}}))
    return state


def test_a_dry_run_tells_the_plan_and_leaves_dagster_alone(fleet: Path, darkstar: Darkstar) -> None:
    told = darkstar("fleet", "launch", *DAYS, "--dry-run", "--json")
    assert told.code == 0, told.out
    plan = told.document
    assert (plan["home_days"], plan["partitions"], plan["runs"], plan["files"]) == (4, 32, 2, 320)
    assert plan["backfill_id"] is None
    with open_instance(fleet) as instance:
        assert instance.get_backfills() == []


def test_a_launch_hands_the_backfill_over_and_says_when_it_begins(fleet: Path, darkstar: Darkstar) -> None:
    told = darkstar("fleet", "launch", *DAYS)
    assert told.code == 0, told.err
    with open_instance(fleet) as instance:
        backfill = instance.get_backfills()[0]
    assert f"Dagster has it as {backfill.backfill_id}" in told.out
    assert "dagster-daemon" in told.out


def test_days_that_cannot_be_are_refused_before_anything_is_launched(fleet: Path, darkstar: Darkstar) -> None:
    told = darkstar("fleet", "launch", "--from", "2025-12-31", "--to", "2026-03-29", "--json")
    assert told.code == 2
    assert "2025-12-31 is before 2026-01-01" in told.error["message"]
    with open_instance(fleet) as instance:
        assert instance.get_backfills() == []
