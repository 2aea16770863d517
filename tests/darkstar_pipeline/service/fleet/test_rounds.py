"""Rounds of planning in a process of their own: a killed one leaves the plans, and the next slot plans again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import yaml

from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.planning.fleet.plan_rows import decoded_plans, plans_key
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.fleet.rounds import PlanningRounds
from tests.builders.fleets import PLANNED_AT, fleet_settings
from tests.builders.waiting import until


def made_at(state: Path) -> set[datetime]:
    store = fleet_lake(fleet_settings(2), state).store
    found: set[datetime] = set()
    for bucket in (0, 1):
        stored = store.get(plans_key(bucket))
        assert stored is not None
        found |= set(decoded_plans(stored.data)["created_at"].drop_nulls())
    return found


@pytest.mark.thorough  # processes start, and one is killed
def test_a_killed_round_leaves_the_plans_and_the_next_slot_plans_again(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = fleet_settings(2).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "darkstar.yaml").write_text(yaml.safe_dump({"fleet": section, "engine": {"workers": 1}}))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.setenv("DARKSTAR_HOME", str(state))
    clock = Clock(offset=PLANNED_AT + timedelta(minutes=20) - datetime.now(UTC))
    before, rounds = made_at(state), PlanningRounds(state, clock)
    children = {child.pid for child in psutil.Process().children()}
    rounds.check()
    (ours,) = [
        child
        for child in psutil.Process().children()
        if child.pid not in children and "spawn_main" in str(child.cmdline())
    ]
    ours.kill()
    until(lambda: not rounds.status().ok, "the round is seen to have failed")
    assert "its process ended" in rounds.status().note
    rounds.check()
    assert not rounds.status().ok, "a slot is planned once"
    assert made_at(state) == before
    clock.offset += timedelta(minutes=15)
    rounds.check()
    until(lambda: "7 homes planned" in rounds.status().note, "the next slot is planned", seconds=120)
    assert min(made_at(state)) > max(before)
