"""The planner always has an answer, names its source, and returns to the champion once a failure is fixed."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.overrides import OverrideRequest
from darkstar_pipeline.service.schemas.plans import PlanDocument, PlanSlot
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, SPOT_PRICES
from env.power_tariff import PowerTariff
from env.tariff import Tariff
from env.time_grid import slot_count
from tests.builders.service_home import LONG_DAY, made_engine, moment, place_version, put_in_use
from tests.builders.small_home import ZONE
from tests.builders.waiting import until

NEXT_DAY = LONG_DAY + timedelta(days=1)
BATTERY_KW = 8.0


def sources(plan: PlanDocument) -> list[tuple[str, str]]:
    return [(attempt.rung, attempt.outcome) for attempt in plan.attempts]


def input_state(plan: PlanDocument, name: str) -> str:
    return next(plan_input.state for plan_input in plan.inputs if plan_input.name == name)


def check(engine: PlannerEngine) -> PlanDocument:
    """Check the invariants of every answer, whatever went wrong."""
    plan, command = engine.plan(), engine.command()
    assert plan.verified
    assert all(later.slot_start == slot.slot_end for slot, later in zip(plan.slots, plan.slots[1:], strict=False))
    assert command.slot_start <= engine.clock.now() < command.expires_at <= command.slot_start + timedelta(minutes=15)
    for slot in (*plan.slots, command):
        assert 0 <= slot.charge_kw <= BATTERY_KW
        assert 0 <= slot.discharge_kw <= BATTERY_KW
        assert slot.charge_kw == 0 or slot.discharge_kw == slot.export_kw == 0
    if plan.savings is not None and plan.idle_cost is not None and plan.cost is not None:
        assert sum(block.saving for block in plan.blocks) == pytest.approx(plan.savings.blocks)
        assert plan.savings.against_idle == pytest.approx(plan.idle_cost - plan.cost)
        assert (plan.blocks[0].start, plan.blocks[-1].end) == (plan.slots[0].slot_start, plan.valid_until)
    return plan


def test_plan_says_what_changed_when_another_was_made_before(context: Context) -> None:
    engine, clock = made_engine(context, moment())
    engine.check()
    first = check(engine)
    assert first.changes is None
    clock.at += timedelta(minutes=15)
    engine.check()
    second = check(engine)
    assert second.changes is not None
    assert (second.changes.since, second.changes.since_at) == (first.id, first.created_at)
    assert second.changes.saving > -0.05, "going on with the plan before is not better by more than what is kept"
    until = clock.at + timedelta(minutes=30)
    engine.overrides.add(OverrideRequest.model_validate({"mode": "charge", "until": until, "power_kw": 1.0}), clock.at)
    engine.check()
    third = check(engine)
    assert third.changes is not None
    assert "by_hand" in [each.cause for each in third.changes.causes]
    assert (third.blocks[0].by_hand, third.blocks[-1].by_hand) == (True, False)
    assert "asked for by hand" in third.blocks[0].sentence


@pytest.mark.parametrize(
    ("at", "n_slots"),
    [
        pytest.param(moment(LONG_DAY, 0, 0), 100, id="the long day"),
        pytest.param(moment(LONG_DAY, 2, 30), 90, id="first half of the repeated hour"),
        pytest.param(moment(LONG_DAY, 2, 30, fold=1), 86, id="its second half"),
        pytest.param(moment(), 40 + 96, id="after tomorrow is published"),
        pytest.param(moment(date(2025, 10, 25), 13, 0), 44 + 100, id="into the long day"),
    ],
)
def test_plan_is_the_champions_when_all_is_well(context: Context, at: datetime, n_slots: int) -> None:
    engine, _ = made_engine(context, at)
    assert engine.check()
    plan = check(engine)
    assert (plan.rung, plan.model is not None and plan.model.version) == ("champion", 1)
    assert len(plan.slots) == n_slots
    assert plan.cost is not None
    assert plan.idle_cost is not None
    assert plan.self_consumption_cost is not None
    assert plan.cost <= min(plan.idle_cost, plan.self_consumption_cost) + 1e-6
    assert engine.store.find(plan.id) == plan
    assert slot_count(LONG_DAY, ZONE) == 100
    assert not engine.check(), "nothing has changed"


def break_prices(context: Context) -> None:
    for day in (LONG_DAY, NEXT_DAY):
        shutil.rmtree(Lake(context.home / "lake").path(RAW_SPOT_PRICES, "home", day).parent)


def break_price_file(context: Context) -> None:
    Lake(context.home / "lake").path(RAW_SPOT_PRICES, "home", LONG_DAY).write_bytes(b"no parquet")


def empty_prices(context: Context) -> None:
    rows = context.lake.read(RAW_SPOT_PRICES, "home", LONG_DAY, LONG_DAY)
    context.lake.write_day(RAW_SPOT_PRICES, "home", LONG_DAY, rows.with_columns(price=pl.lit(float("nan"))))


def lose_lake(context: Context) -> None:
    shutil.rmtree(context.home / "lake")


def lose_readings(context: Context) -> None:
    shutil.rmtree(context.home / "lake" / METER_READINGS.name)


def break_reading_file(context: Context) -> None:
    Lake(context.home / "lake").path(METER_READINGS, "home", LONG_DAY - timedelta(days=1)).write_bytes(b"no parquet")


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        (break_prices, "prices"),
        (break_price_file, "prices"),
        (empty_prices, "prices"),
        (lose_lake, "prices"),
        (lose_readings, "load"),
        (break_reading_file, "storage"),
    ],
)
def test_last_plan_goes_on_when_its_ground_is_gone(
    context: Context, fault: Callable[[Context], None], missing: str
) -> None:
    engine, clock = made_engine(context)
    engine.check()
    top = engine.plan()
    kept = context.home / "kept"
    shutil.copytree((context.home / "lake"), kept)
    fault(context)
    clock.at += timedelta(minutes=15)
    engine.check()
    plan = check(engine)
    assert plan.rung == "last_plan"
    assert [slot.slot_start for slot in plan.slots] == [slot.slot_start for slot in top.slots[1:]]
    assert [slot.charge_kw for slot in plan.slots] == [slot.charge_kw for slot in top.slots[1:]]
    assert [plan_input.name for plan_input in plan.inputs if plan_input.state == "missing"] == [missing]
    assert any(not part.ok for part in engine.components())
    shutil.rmtree((context.home / "lake"), ignore_errors=True)
    shutil.copytree(kept, (context.home / "lake"))
    clock.seconds += 31
    assert engine.check()
    assert check(engine).rung == "champion"


def test_inverter_runs_its_default_when_nothing_was_ever_known(context: Context) -> None:
    lose_lake(context)
    engine, _ = made_engine(context)
    assert check(engine).rung == "self_consumption", "there is an answer before the first plan"
    engine.check()
    plan = check(engine)
    assert sources(plan)[-1] == ("self_consumption", "released")
    assert engine.command().default
    assert len(plan.slots) == 40
    assert plan.slots[-1].slot_end == moment(NEXT_DAY, 0, 0)
    assert plan.cost is None


def test_last_plan_ends_when_its_prices_do(context: Context) -> None:
    engine, clock = made_engine(context)
    engine.check()
    lose_lake(context)
    clock.at = engine.plan().valid_until
    engine.check()
    assert check(engine).rung == "self_consumption"


def test_plan_goes_on_from_the_last_one_when_the_service_comes_back(context: Context) -> None:
    engine, _ = made_engine(context)
    engine.check()
    again, clock = made_engine(context, moment(hour=14, minute=20))
    assert again.plan() == engine.plan()
    lose_lake(context)
    again.check()
    assert check(again).rung == "last_plan"
    clock.at = moment(date(2025, 12, 1))
    again.check()
    assert check(again).rung == "self_consumption"


@pytest.mark.parametrize(
    ("percent", "at", "source"),
    [
        pytest.param(80.0, moment(), "live", id="read now"),
        pytest.param(80.0, moment() - timedelta(hours=2), "protocol", id="stale"),
        pytest.param(180.0, moment(), "protocol", id="impossible"),
        pytest.param(float("nan"), moment(), "protocol", id="no number"),
        pytest.param(None, moment(), "protocol", id="nobody can say"),
    ],
)
def test_state_of_charge_is_taken_only_when_it_is_worth_it(
    context: Context, percent: float | None, at: datetime, source: str
) -> None:
    class Meter:
        def soc(self) -> tuple[float, datetime] | None:
            return None if percent is None else (percent, at)

    engine, _ = made_engine(context)
    engine.live = Meter()
    engine.check()
    plan = check(engine)
    assert next(plan_input.source for plan_input in plan.inputs if plan_input.name == "soc") == source
    assert plan.slots[0].soc_start_percent == pytest.approx(80.0 if source == "live" else 50.0)
    engine.live = None
    expected = engine.plan().slots[0].soc_start_percent
    engine.replan()
    assert next(plan_input.source for plan_input in engine.plan().inputs if plan_input.name == "soc") == "projected"
    assert engine.plan().slots[0].soc_start_percent == pytest.approx(expected)


@pytest.mark.parametrize(("live", "source"), [(70.0, "protocol"), (60.0, "observed")])
def test_level_that_a_silent_sensor_s_history_repeats_is_not_taken_for_a_reading(
    context: Context, live: float, source: str
) -> None:
    class Meter:
        def soc(self) -> tuple[float, datetime] | None:
            return live, moment() - timedelta(hours=1)

    at = moment(minute=0)
    rows = context.lake.read(METER_READINGS, "home", LONG_DAY, LONG_DAY)
    read = pl.when(pl.col("slot_start") == pl.lit(at).dt.convert_time_zone("UTC")).then(70.0).alias("soc_start_percent")
    context.lake.write_day(METER_READINGS, "home", LONG_DAY, rows.with_columns(read))
    engine, _ = made_engine(context)
    engine.live = Meter()
    engine.check()
    assert next(each.source for each in check(engine).inputs if each.name == "soc") == source


@pytest.mark.parametrize(
    ("column", "minutes", "percent"),
    [("soc_start_percent", 0, 70.0), ("soc_end_percent", 15, 70.0), ("soc_end_percent", 30, 70.0)],
)
def test_state_of_charge_is_read_from_the_lake_when_it_is_there(
    context: Context, column: str, minutes: int, percent: float
) -> None:
    at = moment(minute=0)
    rows = context.lake.read(METER_READINGS, "home", LONG_DAY, LONG_DAY)
    when = pl.lit(at - timedelta(minutes=minutes)).dt.convert_time_zone("UTC")
    read = pl.when(pl.col("slot_start") == when).then(percent).alias(column)
    context.lake.write_day(METER_READINGS, "home", LONG_DAY, rows.with_columns(read))
    engine, _ = made_engine(context, at)
    engine.check()
    assert input_state(engine.plan(), "soc") == "fresh"
    assert engine.plan().slots[0].soc_start_percent == pytest.approx(percent)


def test_plan_is_made_on_an_old_forecast_when_nothing_was_read_lately(context: Context) -> None:
    at = moment(date(2025, 11, 2), 9)
    for day in pl.date_range(date(2025, 10, 22), date(2025, 11, 2), eager=True):
        shutil.rmtree(Lake(context.home / "lake").path(METER_READINGS, "home", day).parent)
    engine, _ = made_engine(context, at)
    engine.check()
    plan = check(engine)
    assert plan.rung == "champion"
    assert input_state(plan, "load") == "stale"
    assert not next(part for part in engine.components() if part.name == "inputs").ok


def test_value_decides_when_no_version_is_in_use(context: Context) -> None:
    (RegisteredModel.of(context).folder / POINTER).unlink()
    engine, _ = made_engine(context)
    engine.check()
    plan = check(engine)
    assert sources(plan) == [("champion", "unavailable"), ("value", "released")]
    assert plan.model is None


@pytest.mark.slow  # plans with a demand charge
def test_import_limit_is_commanded_when_power_is_charged(context: Context) -> None:
    """The level stands in the verified plan, in the command, and in both when the inputs are gone."""
    (RegisteredModel.of(context).folder / POINTER).unlink()
    charging = tuple(
        replace(version, power=(PowerTariff(price_per_kw=81.25),)) for version in context.site.tariff.versions
    )
    limits = replace(context.site.limits, takes_import_limit=True)
    limited = replace(context, site=replace(context.site, limits=limits, tariff=Tariff(charging)))
    engine, clock = made_engine(limited)
    plan = engine.replan()
    assert (plan.rung, plan.verified) == ("value", True)
    limit_kw = {slot.slot_start: slot.import_limit_kw for slot in plan.slots}
    assert any(limit is not None for limit in limit_kw.values())
    command = engine.command()
    assert command.import_limit_kw == limit_kw[command.slot_start]
    assert not command.default or command.import_limit_kw is None
    lose_lake(limited)
    for _ in range(2):  # the month's peaks go from plan to plan
        clock.at += timedelta(minutes=15)
        engine.check()
        later = check(engine)
        assert (later.rung, later.month) == ("last_plan", plan.month), later.why
        assert later.slots[0].import_limit_kw == limit_kw[later.slots[0].slot_start]


def test_optimiser_plans_when_policies_fail(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        message = "no such luck"
        raise ZeroDivisionError(message)

    for name in ("learned_schedule", "strategic_schedule"):
        monkeypatch.setattr(f"darkstar_pipeline.planning.plan_sources.{name}", fails)
    engine, clock = made_engine(context)
    engine.check()
    plan = check(engine)
    assert sources(plan) == [("champion", "failed"), ("value", "failed"), ("mpc", "released")]
    assert "no such luck" in plan.why
    monkeypatch.setattr("darkstar_pipeline.planning.plan_sources.make_plan", fails)
    engine.replan()
    assert check(engine).rung == "last_plan"
    monkeypatch.undo()
    clock.seconds += 31
    assert engine.check(), "what failed is tried again by itself"
    assert check(engine).rung == "champion"


def test_command_is_the_default_when_a_person_takes_over(context: Context) -> None:
    engine, _ = made_engine(context)
    engine.check()
    engine.overrides.set_automatic(automatic=False)
    command = engine.command()
    assert (command.automatic, command.default, command.discharge_kw) == (False, True, BATTERY_KW)
    again, _ = made_engine(context)
    assert not again.command().automatic, "who steers outlives a restart"
    again.overrides.set_automatic(automatic=True)
    assert again.overrides.automatic


@pytest.mark.parametrize(
    ("mode", "power_kw", "words"),
    [
        ("charge", 3.0, "charge 3.0 kW"),
        ("charge", None, "charge 8.0 kW"),
        ("discharge", 0.2, "cover load up to 0.2 kW"),
        ("export", 2.0, "cover load and sell 2.0 kW"),
        ("hold", None, "sell surplus"),
        ("self_consumption", None, "self-consumption"),
    ],
)
def test_override_is_part_of_the_plan_when_it_holds(
    context: Context, mode: str, power_kw: float | None, words: str
) -> None:
    engine, clock = made_engine(context)
    engine.check()
    until = clock.at + timedelta(minutes=50)
    engine.overrides.add(OverrideRequest.model_validate({"mode": mode, "until": until, "power_kw": power_kw}), clock.at)
    assert engine.check()
    plan = check(engine)
    overridden = [slot for slot in plan.slots if slot.overridden]
    assert [slot.command for slot in overridden] == [words] * 4
    assert engine.command().overridden
    assert len(plan.slots) == 40 + 96
    assert plan.rung == "champion"
    clock.at = until + timedelta(minutes=8)
    engine.check()
    assert not any(slot.overridden for slot in check(engine).slots)


def test_override_covers_the_whole_plan_when_it_ends_after_it(context: Context) -> None:
    engine, clock = made_engine(context)
    engine.overrides.add(OverrideRequest(mode="hold", until=clock.at + timedelta(days=9)), clock.at)
    engine.check()
    plan = check(engine)
    assert all(slot.overridden for slot in plan.slots)
    assert plan.rung == "self_consumption"


def test_battery_is_left_alone_in_the_plan_while_others_have_it(context: Context) -> None:
    """Load and sun are the grid's until then; the plan behind it starts from what the battery had."""
    engine, clock = made_engine(context, moment())
    assert engine.check()
    end: list[datetime] = [moment(hour=16, minute=0)]
    engine.others_until = lambda now: end[0] if now < end[0] else None
    assert engine.check(), "that others have it is a reason to plan anew"
    plan = check(engine)
    first = [slot for slot in plan.slots if slot.slot_start < end[0]]
    assert len(first) == 8
    assert all(slot.overridden and slot.charge_kw == slot.discharge_kw == 0 for slot in first)
    assert all(slot.soc_end_percent == pytest.approx(first[0].soc_start_percent) for slot in first)
    assert not plan.slots[8].overridden
    clock.at = end[0]
    assert engine.check()
    assert not check(engine).slots[0].overridden


def test_battery_rests_in_windows_ahead_in_which_others_have_it(context: Context) -> None:
    """Twice within the plan: it goes on behind each from what the battery has then."""
    engine, _ = made_engine(context, moment())
    assert engine.check()
    plain = check(engine)
    engine.others_at = lambda at: at.astimezone(ZoneInfo(ZONE)).hour in (17, 18)
    engine.replan()
    plan = check(engine)
    assert (plan.verified, plan.rung, len(plan.slots)) == (True, plain.rung, len(plain.slots))
    theirs = [slot for slot in plan.slots if slot.slot_start.astimezone(ZoneInfo(ZONE)).hour in (17, 18)]
    assert len(theirs) == 16
    assert all(slot.charge_kwh == slot.discharge_kwh == 0 for slot in theirs)
    for slot, later in pairwise(plan.slots):
        assert later.soc_start_percent == pytest.approx(slot.soc_end_percent)
    assert sum(slot.charge_kwh or 0.0 for slot in plan.slots) > 0
    assert [slot.command for slot in plan.slots[:8]] == [slot.command for slot in plain.slots[:8]]


def test_what_comes_before_a_window_is_planned_with_it_in_view(context: Context) -> None:
    """Energy that was bought for the dear hours is not bought where others have the battery then."""

    class Empty:
        def soc(self) -> tuple[float, datetime]:
            return 7.0, moment()

    engine, _ = made_engine(context, moment())
    engine.live = Empty()
    assert engine.check()
    plain = check(engine)
    used = [slot.slot_start for slot in plain.slots if (slot.discharge_kwh or 0.0) > 0.01]
    engine.others_at = lambda at: at in used
    engine.replan()
    plan = check(engine)
    assert all(slot.discharge_kwh == slot.charge_kwh == 0 for slot in plan.slots if slot.slot_start in used)

    def bought(slots: list[PlanSlot]) -> float:
        return sum(slot.charge_kwh or 0.0 for slot in slots if slot.slot_start < used[-1])

    assert bought(plan.slots) < bought(plain.slots) - 1.0
    assert plan.verified


def test_nobody_at_home_changes_nothing_when_no_water_is_heated(context: Context) -> None:
    engine, clock = made_engine(context)
    engine.check()
    before = engine.plan().slots
    engine.overrides.add(OverrideRequest(mode="vacation", until=clock.at + timedelta(days=9)), clock.at)
    engine.check()
    assert engine.plan().slots == before


def test_full_disk_is_only_reported_when_plans_cannot_be_stored(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, clock = made_engine(context)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("pathlib.Path.replace", full)
    engine.check()
    plan = check(engine)
    assert plan.rung == "champion"
    assert input_state(plan, "storage") == "missing"
    monkeypatch.undo()
    monkeypatch.setenv("DARKSTAR_CONFIG", str(context.home / "none.yaml"))
    clock.seconds += 31
    assert engine.check()
    assert "storage" not in {plan_input.name for plan_input in check(engine).inputs}


@pytest.mark.parametrize(
    "at",
    [datetime(1970, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, tzinfo=UTC), datetime(2261, 3, 1, tzinfo=UTC)],
)
def test_wrong_clock_means_the_default_when_no_price_is_known(context: Context, at: datetime) -> None:
    engine, clock = made_engine(context)
    engine.check()
    clock.at = at
    engine.check()
    assert check(engine).rung == "self_consumption"
    clock.at = moment()
    engine.check()
    assert check(engine).rung == "champion"


def test_plan_is_made_anew_when_the_clock_is_set_within_a_slot(context: Context) -> None:
    engine, clock = made_engine(context)
    engine.check()
    clock.at += timedelta(seconds=30)
    clock.seconds += 30
    assert not engine.check()
    clock.at += timedelta(seconds=30)
    assert engine.check()


def test_new_settings_are_taken_over_when_they_are_right(context: Context) -> None:
    engine, _ = made_engine(context)
    engine.check()
    path = context.home.parent / "darkstar.yaml"
    path.write_text("sites: {home: {battery: {charge_kw: 70")
    engine.check()
    assert not next(part for part in engine.components() if part.name == "configuration").ok
    path.write_text("sites: {home: {battery: {charge_kw: 5.0}}}")
    assert engine.check()
    assert next(part for part in engine.components() if part.name == "configuration").ok
    assert engine.context.site.battery.charge_kw == 5.0
    assert max(slot.charge_kw for slot in check(engine).slots) <= 5.0


def test_thread_plans_by_itself_when_it_is_started(context: Context) -> None:
    engine, _ = made_engine(context)
    heard: list[str] = []
    engine.add_listener(lambda _context, _gathered, _following, plan: heard.append(plan.id))
    engine.start()
    try:
        until(lambda: bool(heard), "the first plan", 30)
        assert heard == [engine.plan().id]
        bundle = place_version(context, 2)
        put_in_use(context, 2, bundle)

        def replanned() -> bool:
            engine.wake()
            return len(heard) >= 2

        until(replanned, "a plan of the promoted version", 30)
        model = engine.plan().model
        assert model is not None
        assert model.version == 2
        assert engine.counts[1] == 0
    finally:
        engine.stop()


def test_same_plan_is_kept_once_a_slot_when_something_is_missing(context: Context) -> None:
    engine, clock = made_engine(context)
    shutil.rmtree(context.home / "lake" / RAW_SPOT_PRICES.name)
    shutil.rmtree(context.home / "lake" / SPOT_PRICES.name, ignore_errors=True)
    heard: list[str] = []
    engine.add_listener(lambda _context, _inputs, _following, plan: heard.append(plan.id))
    slots = 3
    for _ in range(slots * 30):  # a look every half minute, as the clock goes on
        engine.check()
        clock.at, clock.seconds = clock.at + timedelta(seconds=30), clock.seconds + 30
    assert "missing" in {plan_input.state for plan_input in engine.plan().inputs}
    kept = list(engine.store.folder.rglob("*.json"))
    assert len(kept) == len(set(heard)) <= slots + 1
    assert engine.store.find(engine.plan().id) == engine.plan()
