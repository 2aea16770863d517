"""A block by hand: its price is what the next plan costs more, it is kept by every plan, and ends by itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.planning import around_blocks
from darkstar_pipeline.service.byhand.previews import PREVIEWS_FILE, VALID, ByHand, PreviewGoneError
from darkstar_pipeline.service.engine.overrides import FURTHEST, OverlapError, OverrideError, StaleError
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.overrides import BlockPreview, BlockRequest, OverrideRequest
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES, SPOT_PRICES
from planner.plans.fallback_chain import FallbackResult, first_usable_plan
from planner.plans.task import PlanTask
from planner.verification.findings import Violation
from tests.builders.service_home import LONG_DAY, HandClock, asking, made_engine, moment

HOUR = timedelta(hours=1)


def by_hand(engine: PlannerEngine) -> ByHand:
    """What the routes and the command line work with."""
    return ByHand(service_folder(engine.context.home, engine.context.site_name), engine.overrides)


def asked(mode: str, start: datetime, until: datetime, power_kw: float | None = None, **more: bool) -> BlockRequest:
    times = {"start": start.isoformat(), "until": until.isoformat()}
    return BlockRequest.model_validate({"mode": mode, **times, "power_kw": power_kw, **more})


def preview(engine: PlannerEngine, request: BlockRequest) -> BlockPreview:
    return by_hand(engine).preview(request, engine.clock.now(), engine.context.site, engine.planned_block)


def accept(engine: PlannerEngine, request: BlockRequest) -> BlockPreview:
    shown = preview(engine, request)
    by_hand(engine).accept(shown.id, engine.clock.now())
    return shown


def inside(plan: PlanDocument, request: BlockRequest) -> list[float | None]:
    return [slot.charge_kwh for slot in plan.slots if request.start <= slot.slot_start < request.until]


def running(context: Context) -> tuple[PlannerEngine, HandClock]:
    engine, clock = made_engine(context)
    assert engine.check()
    return engine, clock


@pytest.mark.parametrize(("mode", "power_kw"), [("charge", 3.0), ("export", 4.0), ("discharge", 1.0), ("hold", None)])
def test_price_of_a_preview_is_what_the_next_plan_costs_more(
    context: Context, mode: str, power_kw: float | None
) -> None:
    engine, _ = running(context)
    plain = engine.plan()
    shown = preview(engine, asked(mode, moment(hour=17, minute=0), moment(hour=19, minute=0), power_kw))
    assert engine.plan() is plain, "a preview changes nothing"
    assert shown.figures is not None
    assert shown.cost is not None
    assert shown.figures.site.cost == pytest.approx(plain.cost, abs=1e-9)
    by_hand(engine).accept(shown.id, engine.clock.now())
    assert engine.check()
    plan = engine.plan()
    assert plan.cost is not None
    assert plain.cost is not None
    assert plan.cost - plain.cost == pytest.approx(shown.cost, abs=1e-6)
    assert plan.cost == pytest.approx(shown.figures.changed.cost, abs=1e-6)
    assert [block.sentence for block in shown.plan] == [block.sentence for block in plan.blocks]
    assert plan.verified
    assert plan.rung == plain.rung


def test_block_is_kept_by_every_plan_and_by_a_restart_and_ends_by_itself(context: Context) -> None:
    engine, clock = running(context)
    request = asked("charge", moment(hour=17, minute=0), moment(hour=18, minute=0), 2.0)
    assert accept(engine, request).notes == []
    for hours in (0, 1, 2, 3):
        clock.at = moment() + hours * HOUR
        assert engine.check()
        assert inside(engine.plan(), request) == pytest.approx([0.5] * 4) or hours == 3
    again = PlannerEngine(context, clock=clock)
    assert [each.mode for each in again.overrides.active(clock.at)] == ["charge"]
    again.replan()
    assert again.command().overridden
    assert again.command().command == "charge 2.0 kW"
    clock.at = request.until
    assert again.check()
    assert not any(slot.overridden for slot in again.plan().slots)
    assert again.overrides.active(clock.at) == []


@pytest.mark.parametrize("champion", [True, False])
def test_charge_ends_at_its_target_whoever_plans(context: Context, *, champion: bool) -> None:
    if not champion:
        (RegisteredModel.of(context).folder / POINTER).unlink()
    engine, _ = running(context)
    times = {"start": moment(hour=17, minute=0).isoformat(), "until": moment(hour=22, minute=0).isoformat()}
    request = BlockRequest.model_validate({"mode": "charge", **times, "target_percent": 70})
    shown = accept(engine, request)
    assert shown.notes == []
    engine.check()
    assert engine.plan().rung == ("champion" if champion else "value")
    assert engine.plan().cost == pytest.approx(shown.figures.changed.cost if shown.figures else 0.0, abs=1e-6)
    inside_block = [slot for slot in engine.plan().slots if request.start <= slot.slot_start < request.until]
    assert inside_block[-1].soc_end_percent == pytest.approx(70)
    assert inside_block[-1].charge_kw == 0
    stored = engine.overrides.active(engine.clock.now())[0]
    assert stored.target_percent == 70


def test_slots_before_a_block_are_left_as_they_are_where_it_takes_nothing_from_them(context: Context) -> None:
    """The bound of what a charge is to find lies between two points of the value function's grid."""
    (RegisteredModel.of(context).folder / POINTER).unlink()
    engine, _ = running(context)
    assert engine.plan().rung == "value"
    before = [slot.charge_kwh for slot in engine.plan().slots if slot.slot_start < moment(hour=23, minute=30)]
    accept(engine, asked("charge", moment(hour=23, minute=30), moment(LONG_DAY + timedelta(days=1), 2, 45), 3.0))
    engine.check()
    after = [slot.charge_kwh for slot in engine.plan().slots if slot.slot_start < moment(hour=23, minute=30)]
    assert after == pytest.approx(before)


def test_several_blocks_stand_together_and_one_in_the_way_is_named(context: Context) -> None:
    engine, _ = running(context)
    first = asked("charge", moment(hour=15, minute=0), moment(hour=16, minute=0))
    accept(engine, first)
    accept(engine, asked("charge", moment(hour=20, minute=0), moment(hour=21, minute=0)))
    [_, standing] = engine.overrides.active(engine.clock.now())
    late = asked("hold", moment(hour=15, minute=45), moment(hour=17, minute=0))
    with pytest.raises(OverlapError, match=standing.id) as error:
        preview(engine, late)
    assert "replaces" in error.value.hint
    shown = accept(engine, late.model_copy(update={"replace": True}))
    assert shown.replaces == [standing.id]
    assert [each.mode for each in engine.overrides.active(engine.clock.now())] == ["hold", "charge"]


def test_override_that_begins_now_stands_before_a_block_and_lets_it_be(context: Context) -> None:
    engine, clock = running(context)
    accept(engine, asked("charge", moment(hour=15, minute=0), moment(hour=16, minute=0), 2.0))
    now = OverrideRequest(mode="hold", until=moment(hour=15, minute=30))
    engine.overrides.add(now, clock.at)
    engine.overrides.add(OverrideRequest(mode="charge", until=moment(hour=14, minute=10)), clock.at)
    assert len(engine.overrides.active(clock.at)) == 3
    engine.check()
    commands = {slot.slot_start: slot.command for slot in engine.plan().slots}
    assert commands[moment(hour=14, minute=0)] == "charge 8.0 kW"
    assert commands[moment(hour=15, minute=0)] == "sell surplus"
    assert commands[moment(hour=15, minute=45)] == "charge 2.0 kW"


def test_preview_says_why_when_no_plan_around_the_block_keeps_the_limits(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verifier refuses every plan around it: the plan is the one without, at no price."""
    engine, _ = running(context)
    wrong = Violation(3, None, "import_limit", 1.0, "kW", "slot 3 imports too much")

    def broken(task: PlanTask, *more: Any, **named: Any) -> FallbackResult:
        made = first_usable_plan(task, *more, **named)
        if task.by_hand is None:
            return made
        refused = replace(made.plan.verification, violations=(wrong,))
        return replace(made, plan=replace(made.plan, verification=refused))

    monkeypatch.setattr(around_blocks, "first_usable_plan", broken)
    shown = preview(engine, asked("charge", moment(hour=17, minute=0), moment(hour=18, minute=0)))
    assert shown.notes[0] == "what was asked for by hand is refused: slot 3 imports too much"
    assert shown.cost == 0


def test_preview_is_refused_with_place_and_remedy_when_it_cannot_be(context: Context) -> None:
    engine, clock = running(context)
    now = clock.at
    for request, words in (
        (asked("charge", now - 2 * HOUR, now - HOUR), "has passed"),
        (asked("charge", now + 2 * HOUR, now + HOUR), "is not after"),
        (asked("charge", now, now + timedelta(days=32)), "31 days"),
        (asked("heat_water", now, now + HOUR), "no water heater"),
        (asked("charge_car", now, now + HOUR), "no car"),
    ):
        with pytest.raises(OverrideError, match=words) as error:
            preview(engine, request)
        assert error.value.hint
    with pytest.raises(PreviewGoneError):
        by_hand(engine).accept("00000000", now)
    shown = preview(engine, asked("hold", now, now + HOUR))
    clock.at = now + VALID
    with pytest.raises(PreviewGoneError, match="older than 15 minutes"):
        by_hand(engine).accept(shown.id, clock.at)
    with pytest.raises(ValueError, match="takes no power_kw"):
        asked("hold", now, now + HOUR, 3.0)


def test_begin_in_the_past_and_odd_minutes_are_taken_to_the_slots_and_told(context: Context) -> None:
    engine, clock = running(context)
    shown = preview(engine, asked("hold", clock.at - HOUR, clock.at + HOUR))
    assert (shown.block.start, shown.block.until) == (moment(hour=14, minute=0), moment(hour=15, minute=15))
    assert [note[:20] for note in shown.notes] == ["plans are made in qu", "its start has passed"]


def test_more_power_than_there_is_is_clamped_with_a_note(context: Context) -> None:
    engine, _ = running(context)
    shown = preview(engine, asked("charge", moment(hour=15, minute=0), moment(hour=19, minute=0), 50.0))
    assert any("charges at most 8 kW" in note for note in shown.notes)
    assert any("the battery is full" in note for note in shown.notes)


def test_block_behind_the_prices_is_kept_and_not_priced(context: Context) -> None:
    engine, clock = running(context)
    day = LONG_DAY + timedelta(days=3)
    shown = accept(engine, asked("charge", moment(day, 2, 0), moment(day, 4, 0)))
    assert not shown.priced
    assert any("no prices are known" in note for note in shown.notes)
    engine.check()
    assert not any(slot.overridden for slot in engine.plan().slots)
    clock.at = moment(day, 2, 5)
    engine.check()
    assert engine.command().overridden, "without prices, too"
    assert engine.command().charge_kw == 8.0


def test_block_holds_where_there_are_no_prices_at_all(context: Context) -> None:
    for table in (RAW_SPOT_PRICES, SPOT_PRICES):
        for day in (LONG_DAY, LONG_DAY + timedelta(days=1)):
            context.lake.write_day(table, "home", day, context.lake.read(table, "home", day, day).head(0))
    engine, clock = made_engine(context)
    engine.check()
    shown = accept(engine, asked("charge", clock.at, clock.at + HOUR, 3.0))
    assert (shown.priced, shown.cost, shown.figures) == (False, None, None)
    assert "priced later" in shown.notes[-1]
    engine.check()
    assert (engine.command().charge_kw, engine.command().overridden) == (3.0, True)


@pytest.mark.parametrize(
    ("day", "first", "hours", "slots"),
    [(date(2025, 10, 26), 0, 3, 4 * 4)],
)
def test_block_over_the_repeated_hour_has_all_its_slots(
    context: Context, day: date, first: int, hours: int, slots: int
) -> None:
    engine, clock = made_engine(context, moment(day, 0, 5))
    engine.check()
    request = asked("hold", moment(day, first + 1, 0), moment(day, first + 1 + hours, 0))
    accept(engine, request)
    engine.check()
    assert sum(slot.overridden for slot in engine.plan().slots) == slots
    del clock


def test_block_is_previewed_accepted_and_removed_over_http(context: Context) -> None:
    engine, clock = running(context)
    with asking(engine) as client:
        body = {"mode": "charge", "start": (clock.at + HOUR).isoformat(), "until": (clock.at + 2 * HOUR).isoformat()}
        shown = client.post("/overrides/preview", json=body)
        assert shown.status_code == 200
        assert shown.json()["cost"] == pytest.approx(
            shown.json()["figures"]["changed"]["cost"] - shown.json()["figures"]["site"]["cost"]
        )
        assert client.get("/overrides").json()["overrides"] == []
        taken = client.post("/overrides/accept", json={"preview": shown.json()["id"]})
        assert taken.status_code == 201
        assert taken.json()["start"] == shown.json()["block"]["start"]
        twice = client.post("/overrides/accept", json={"preview": shown.json()["id"]})
        assert (twice.status_code, twice.json()["error"]["code"]) == (422, "wrong_moment")
        later = {**body, "start": (clock.at + 4 * HOUR).isoformat(), "until": (clock.at + 5 * HOUR).isoformat()}
        late = client.post("/overrides/preview", json=later).json()
        assert list(late["against"]["overrides"]) == [taken.json()["id"]]
        client.post("/automatic", json={"automatic": False})
        stale = client.post("/overrides/accept", json={"preview": late["id"]})
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale")
        again = client.post("/overrides/preview", json=body)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "overlap")
        assert client.post("/overrides/preview", json={**body, "replace": True}).status_code == 200
        assert client.post("/overrides/preview", json={**body, "start": "02:00"}).status_code == 422
        assert client.delete(f"/overrides/{taken.json()['id']}").status_code == 204
        assert client.get("/overrides").json()["overrides"] == []


def test_block_of_another_process_is_taken_up_by_a_running_engine(context: Context) -> None:
    engine, clock = running(context)
    other = PlannerEngine(context, clock=clock)
    other.check()
    accept(other, asked("hold", clock.at, clock.at + HOUR))
    assert engine.check()
    assert engine.command().overridden
    [block] = engine.overrides.active(clock.at)
    assert other.overrides.end(block.id)
    assert engine.check()
    assert not engine.command().overridden


def test_replacement_takes_the_place_of_what_its_preview_named_alone(context: Context) -> None:
    hands, now = ByHand(service_folder(context.home, context.site_name)), moment(hour=12, minute=0)
    request = asked("hold", moment(hour=17, minute=0), moment(hour=19, minute=0), replace=True)
    shown = hands.preview(request, now, context.site, unplanned)
    set_since = hands.preview(request.model_copy(update={"mode": "charge"}), now, context.site, unplanned)
    hands.accept(set_since.id, now)
    with pytest.raises(StaleError):
        hands.accept(shown.id, now)
    with pytest.raises(OverlapError, match="charge"):
        hands.preview(request.model_copy(update={"replace": False}), now, context.site, unplanned)
    again = hands.preview(request, now, context.site, unplanned)
    assert [hands.accept(again.id, now).mode, len(hands.blocks(now))] == ["hold", 1]


def test_block_that_ends_in_the_last_quarter_hour_of_the_month_ahead_can_be_accepted(context: Context) -> None:
    hands, now = ByHand(service_folder(context.home, context.site_name)), moment(hour=12, minute=7)
    shown = hands.preview(asked("hold", now, now + FURTHEST), now, context.site, unplanned)
    assert hands.accept(shown.id, now).until > now + FURTHEST


def test_price_is_refused_once_other_blocks_are_set_and_holds_after_a_new_plan(context: Context) -> None:
    """The second of two prices, each worked out without the other's block, does not contain the first."""
    engine, clock = running(context)
    first = preview(engine, asked("charge", moment(hour=17, minute=0), moment(hour=19, minute=0), 3.0))
    second = asked("export", moment(hour=20, minute=0), moment(hour=22, minute=0), 4.0)
    alone = preview(engine, second)
    clock.at += timedelta(minutes=1)
    engine.replan()
    by_hand(engine).accept(first.id, clock.at)
    with pytest.raises(StaleError) as error:
        by_hand(engine).accept(alone.id, clock.at)
    assert error.value.hint == "preview the block again"
    assert engine.check()
    before = engine.plan().cost
    shown = accept(engine, second)
    assert shown.cost != pytest.approx(alone.cost, abs=1e-3)
    assert engine.check()
    assert (engine.plan().cost or 0.0) - (before or 0.0) == pytest.approx(shown.cost, abs=1e-6)


def test_price_is_stale_by_what_people_change_and_not_by_what_ends_by_itself(context: Context) -> None:
    hands, now = ByHand(service_folder(context.home, context.site_name)), moment(hour=12, minute=0)
    short = hands.overrides.add(OverrideRequest(mode="hold", until=now + timedelta(minutes=5)), now)
    request = asked("charge", moment(hour=17, minute=0), moment(hour=19, minute=0))

    def shown() -> str:
        return hands.preview(request, now, context.site, unplanned).id

    removed, kept = shown(), hands.overrides.set_by_hand(now)
    assert kept.overrides == {short.id: short.until}
    hands.overrides.end(short.id)
    with pytest.raises(StaleError):
        hands.accept(removed, now)
    switched = shown()
    hands.overrides.set_automatic(automatic=False)
    with pytest.raises(StaleError):
        hands.accept(switched, now)
    hands.overrides.add(OverrideRequest(mode="hold", until=now + timedelta(minutes=5)), now)
    ended = shown()
    assert hands.accept(ended, now + timedelta(minutes=6)).mode == "charge"


def test_previews_that_are_made_at_once_are_all_kept(context: Context) -> None:
    folder, now = service_folder(context.home, context.site_name), moment(hour=12, minute=0)
    request = asked("hold", moment(hour=17, minute=0), moment(hour=19, minute=0))

    def made(_: int) -> str:
        return ByHand(folder).preview(request, now, context.site, unplanned).id

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(made, range(16)))
    assert all(name in (folder / PREVIEWS_FILE).read_text() for name in names)


def test_price_is_that_of_the_next_plan_where_power_is_charged_and_a_reserve_kept(context: Context) -> None:
    tariff = {"vat": 0.25, "transfer_fee": 0.2, "power": [{"top": 1, "price_per_kw": 30.0}]}
    care = {"reserve": [{"percent": 30}]}
    site = {"first_day": date(2025, 1, 1), "tariff": [tariff], "household": {"care": care}}
    charged = Settings(sites={"home": SiteSettings.model_validate(site)})
    engine, _ = running(open_context(settings=charged, home=context.home))
    before = engine.plan().cost
    shown = accept(engine, asked("export", moment(hour=19, minute=0), moment(hour=23, minute=0), 8.0))
    assert shown.figures is not None
    assert shown.figures.difference.demand_charge > 1
    assert any("what is left is the reserve" in note for note in shown.notes)
    assert engine.check()
    after = engine.plan().cost
    assert after is not None
    assert before is not None
    assert after - before == pytest.approx(shown.cost, abs=1e-6)


def unplanned(*_: object) -> str:
    return "there are no prices"
