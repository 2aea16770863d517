"""A plan has one deadline, reading its inputs included, and nobody waits for a plan that somebody else makes."""

import threading
import time
from collections.abc import Generator
from datetime import timedelta
from types import SimpleNamespace

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.engine import input_status, planner_engine
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.plans import ReplanDocument
from planner import deadline
from planner.plans import fallback_chain
from tests.builders.service_home import HandClock, asking, made_engine

ANSWER_SECONDS = 10.0


class SlowDisk:
    """A disk whose reading takes some time, as the deadline's clock sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now, read = 0.0, input_status._recent_readings
        clock = SimpleNamespace(monotonic=lambda: self.now)

        def slowly(*arguments: object) -> object:
            self.now += seconds
            return read(*arguments)  # pyright: ignore[reportArgumentType] - as it is called

        monkeypatch.setattr(deadline, "time", clock)
        monkeypatch.setattr(input_status, "time", clock)
        monkeypatch.setattr(input_status, "_recent_readings", slowly)


def test_plan_stands_in_time_when_reading_its_inputs_takes_all_of_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, clock = made_engine(context)
    first = engine.replan()
    SlowDisk(monkeypatch, 61.0)
    engine.memo = type(engine.memo)()
    plan = engine.replan()
    assert plan.rung == "last_plan"
    assert "reading the inputs took the whole time of a plan (60 s, service.plan_seconds)" in plan.why
    assert [each.command for each in plan.slots] == [each.command for each in first.slots]
    monkeypatch.undo()
    clock.seconds += 31
    assert engine.check()
    assert engine.plan().rung == "champion"


def test_champion_is_not_to_blame_when_reading_has_left_it_no_time(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverted = list[str]()
    engine, _ = made_engine(context)
    engine.check()
    disk = SlowDisk(monkeypatch, 40.0)

    def never(*_: object) -> None:
        disk.now += 60
        deadline.check_deadline()

    monkeypatch.setattr("darkstar_pipeline.planning.plan_sources.learned_schedule", never)
    monkeypatch.setattr(engine.follower, "revert", reverted.append)
    plan = engine.replan()
    assert plan.attempts[0].outcome == fallback_chain.FAILED
    assert reverted == []


@pytest.fixture
def busy(context: Context, monkeypatch: pytest.MonkeyPatch) -> Generator[tuple[PlannerEngine, HandClock]]:
    """An engine in the middle of a plan that does not come to its end."""
    engine, clock = made_engine(context)
    engine.replan()
    begun, goes_on, build = threading.Event(), threading.Event(), planner_engine.build_plan

    def long(*arguments: object) -> object:
        begun.set()
        goes_on.wait(30)
        return build(*arguments)  # pyright: ignore[reportArgumentType] - as it is called

    monkeypatch.setattr(planner_engine, "build_plan", long)
    thread = threading.Thread(target=engine.replan, daemon=True)
    thread.start()
    assert begun.wait(20)
    monkeypatch.undo()
    clock.at += timedelta(seconds=5)
    yield engine, clock
    goes_on.set()
    thread.join(20)


def test_every_request_is_answered_from_memory_while_a_plan_is_made(busy: tuple[PlannerEngine, HandClock]) -> None:
    engine, clock = busy
    in_force = engine.plan()
    with asking(engine) as client:
        began = time.monotonic()
        for path in ("/plan", "/command", "/overrides", "/health", "/ready"):
            assert client.get(path).status_code in (200, 503)
        answers = [ReplanDocument.model_validate_json(client.post("/replan").content) for _ in range(50)]
    assert time.monotonic() - began < ANSWER_SECONDS
    assert {(each.id, each.pending, each.asked_at) for each in answers} == {(in_force.id, True, clock.at)}


def test_another_plan_follows_when_one_was_asked_for_while_one_was_made(context: Context) -> None:
    engine, _ = made_engine(context)
    assert engine.check()
    with engine._planning:
        assert engine.replan() == engine.plan()
    before = engine.counts[0]
    assert engine.check()
    assert engine.counts[0] == before + 1
    assert not engine.check()
