"""Rows added one by one: once each, whatever part of the key tells them apart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.models.run_tables import add_row
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import ANTARES_PLAN_HISTORY

MADE = datetime(2026, 1, 10, 11, tzinfo=UTC)
PLAN: dict[str, object] = {
    "site": "home",
    "id": "one",
    "system_id": "antares-home",
    "plan_date": MADE.date(),
    "episode_start_local": "2026-01-10T12:00",
    "policy_run_id": "mpc",
    "created_at": MADE,
    "shadow_schedule": "{}",
    "metrics": "{}",
}
OTHER: dict[str, object] = {
    "id": "two",
    "system_id": "antares-home--shadow-value",
    "created_at": MADE + timedelta(minutes=15),
}


def test_every_part_of_the_key_is_tried() -> None:
    assert set(OTHER) == set(ANTARES_PLAN_HISTORY.key)


@pytest.mark.parametrize("column", OTHER)
def test_row_is_added_when_one_part_of_its_key_is_new(tmp_path: Path, column: str) -> None:
    """A shadow's plan beside the live one of the same moment, or the next plan of a system, is no repetition."""
    lake, other = Lake(tmp_path), {**PLAN, column: OTHER[column]}
    assert add_row(lake, ANTARES_PLAN_HISTORY, PLAN)
    assert add_row(lake, ANTARES_PLAN_HISTORY, other)
    assert not add_row(lake, ANTARES_PLAN_HISTORY, other), "it is there by now"
    assert set(lake.read(ANTARES_PLAN_HISTORY, "home")[column].to_list()) == {PLAN[column], OTHER[column]}


def test_row_that_is_there_keeps_its_values_when_its_key_comes_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert add_row(lake, ANTARES_PLAN_HISTORY, PLAN)
    assert not add_row(lake, ANTARES_PLAN_HISTORY, {**PLAN, "metrics": '{"cost": 1.0}'})
    assert lake.read(ANTARES_PLAN_HISTORY, "home")["metrics"].to_list() == ["{}"]
