"""Entities that Home Assistant takes, and attributes that its recorder keeps."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.engine.plan_documents import command_document
from darkstar_pipeline.service.home_assistant.entities import (
    ATTRIBUTE_BYTES,
    Topics,
    compact_json,
    discovery_message,
    entity_states,
    next_change,
    plan_attributes,
    steering_attributes,
)
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.service.schemas.steering import STEERING_STATES, Steering
from planner.wording.languages import speaking
from planner.wording.messages import translated
from tests.builders.service_home import made_engine, moment

RECORDER_BYTES = 16_384
STEERING = Steering(state="dry_run", steers=False, words="Dry run.")


@pytest.fixture
def plan(context: Context) -> PlanDocument:
    return made_engine(context)[0].replan()


def stretched(plan: PlanDocument, slots: int) -> PlanDocument:
    """The plan with so many slots, its own over and over."""
    first = plan.slots[0].slot_start
    step = timedelta(minutes=15)
    longer = [
        plan.slots[number % len(plan.slots)].model_copy(
            update={"slot_start": first + number * step, "slot_end": first + (number + 1) * step}
        )
        for number in range(slots)
    ]
    return plan.model_copy(update={"slots": longer, "valid_until": longer[-1].slot_end})


@pytest.mark.parametrize("slots", [1, 100, 192, 400], ids=lambda slots: f"{slots} slots")
def test_plan_attributes_fit_the_recorder_when_the_plan_is_long(plan: PlanDocument, slots: int) -> None:
    attributes = plan_attributes(stretched(plan, slots), plan.slots[0].slot_start)
    assert len(compact_json(attributes)) <= ATTRIBUTE_BYTES < RECORDER_BYTES
    assert len(attributes["slots"]) + attributes["slots_left_out"] == slots
    assert (attributes["slots_left_out"] > 0) == (slots == 400)
    assert all(len(row) == len(attributes["columns"]) for row in attributes["slots"])


def test_plan_attributes_leave_past_slots_out_when_time_goes_by(plan: PlanDocument) -> None:
    later = plan.slots[3].slot_start + timedelta(minutes=1)
    attributes = plan_attributes(plan, later)
    assert datetime.fromisoformat(attributes["slots"][0][0]) == plan.slots[3].slot_start
    assert attributes["slots"][0][5] == round(plan.slots[3].import_price or 0, 4)


@pytest.mark.parametrize(
    ("day", "fold"), [(date(2025, 10, 26), 0), (date(2025, 10, 26), 1)], ids=["first half", "repeated hour"]
)
def test_states_hold_the_slot_of_now_when_the_clock_changes(context: Context, day: date, fold: int) -> None:
    engine, clock = made_engine(context, moment(day, 2, 16, fold=fold))
    plan, command = engine.replan(), engine.command()
    states = entity_states(plan, command, STEERING, clock.now())
    assert plan.slots[0].slot_start == moment(day, 2, 15, fold=fold)
    assert (states["plan_valid"], states["steering"]) == ("ON", "dry_run")
    assert states["planned_soc"] == round(plan.slots[0].soc_end_percent or 0, 1)
    assert states["planned_saving"] == round((plan.idle_cost or 0) - (plan.cost or 0), 2)


def test_states_say_not_valid_when_no_slot_holds_the_moment(context: Context, plan: PlanDocument) -> None:
    after = plan.valid_until + timedelta(seconds=1)
    command = command_document(context.site, plan, after, automatic=True)
    states = entity_states(plan, command, STEERING, after)
    assert (states["plan_valid"], states["planned_soc"], states["next_change"]) == ("OFF", None, None)


def test_next_change_is_the_first_other_command_when_there_is_one(plan: PlanDocument) -> None:
    now = plan.slots[0].slot_start
    change = next_change(plan, now)
    before = [slot.command for slot in plan.slots if change is None or slot.slot_start < change]
    assert set(before) == {plan.slots[0].command}
    if change is not None:
        assert next(slot for slot in plan.slots if slot.slot_start == change).command != plan.slots[0].command
    steady = plan.model_copy(update={"slots": plan.slots[:1]})
    assert next_change(steady, now) is None


def test_discovery_message_names_entities_once_when_two_sites_share_a_broker() -> None:
    messages = [discovery_message(Topics(site, "homeassistant"), site, "SEK") for site in ("home", "cabin")]
    ids = [component["unique_id"] for each in messages for component in each["components"].values()]
    assert len(ids) == len(set(ids)) == 14
    assert all(component["expire_after"] == 120 for each in messages for component in each["components"].values())
    assert json.loads(compact_json(messages[0])) == messages[0]


def test_entities_speak_the_site_s_language_and_their_ids_stay(context: Context, plan: PlanDocument) -> None:
    topics, now = Topics("home", "homeassistant"), plan.slots[0].slot_start
    command = command_document(context.site, plan, now, automatic=True)
    with speaking("de"):
        named = discovery_message(topics, "home", "EUR", ["ev"])["components"]
        states = entity_states(plan, command, STEERING, now)
    english = discovery_message(topics, "home", "EUR", ["ev"])["components"]
    assert named["planned_soc"]["name"] == "Geplanter Ladestand"
    assert [each["unique_id"] for each in named.values()] == [each["unique_id"] for each in english.values()]
    assert states["command"] == translated(command.command, "de") != command.command
    assert states["steering"] == "dry_run", "codes stay"


def test_steering_is_announced_with_all_its_states_when_home_assistant_asks() -> None:
    steering = discovery_message(Topics("home", "homeassistant"), "home", "SEK")["components"]["steering"]
    assert (steering["device_class"], steering["options"]) == ("enum", list(STEERING_STATES))
    assert steering_attributes(STEERING) == {**STEERING.model_dump(mode="json"), "words": "Dry run."}


def test_import_limit_is_told_only_where_one_is_commanded(context: Context, plan: PlanDocument) -> None:
    """Self-consumption under a limit is not the inverter's own default: the limit has to be written, and to end."""
    battery, first = context.site.battery, plan.slots[0]
    by_itself = {"charge_kw": 0.0, "discharge_kw": battery.discharge_kw, "export_kw": 0.0}
    now = first.slot_start + timedelta(minutes=1)
    for limit in (None, 0.0, 4.25):
        slot = first.model_copy(update={**by_itself, "import_limit_kw": limit})
        command = command_document(context.site, plan.model_copy(update={"slots": [slot]}), now, automatic=True)
        assert command.default == (limit is None)
        told = [json.loads(document.model_dump_json()) for document in (slot, command)]
        assert [document.get("import_limit_kw", "absent") for document in told] == 2 * (
            ["absent"] if limit is None else [limit]
        )


def test_command_is_throttled_where_surplus_is_curtailed_and_selling_costs_money(
    context: Context, plan: PlanDocument
) -> None:
    battery, first = context.site.battery, plan.slots[0]
    now = first.slot_start + timedelta(minutes=1)
    by_itself, selling = (0.0, battery.discharge_kw, 0.0), (0.0, battery.discharge_kw, 2.0)
    for curtailable, price, powers, throttled in (
        (True, -0.01, by_itself, True),
        (True, -0.01, (0.0, 0.0, 3.0), True),
        (True, 0.0, by_itself, False),
        (True, None, by_itself, False),
        (True, -0.01, selling, False),
        (False, -0.01, by_itself, False),
    ):
        site = replace(context.site, limits=replace(context.site.limits, curtailable=curtailable))
        named = dict(zip(("charge_kw", "discharge_kw", "export_kw"), powers, strict=True))
        slot = first.model_copy(update={**named, "export_price": price})
        command = command_document(site, plan.model_copy(update={"slots": [slot]}), now, automatic=True)
        assert command.throttled == throttled
        assert command.default == (powers == by_itself)
        assert ("throttled" in json.loads(command.model_dump_json())) == throttled
