"""Shadows, the history of plans and savings: priced alike, on what was read, from where the home really stood."""

import threading
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.datasets.replay_inputs import replay_inputs
from darkstar_pipeline.evaluation.actual_days import (
    ActualDay,
    actual_days,
    metered_cost,
    planned_schedule,
    reference_schedules,
    settlement,
)
from darkstar_pipeline.evaluation.plan_history import COLUMNS, PlanRecord, in_force, keep_plan, plans_between, system_id
from darkstar_pipeline.evaluation.shadow_days import shadow_rows
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs
from darkstar_pipeline.planning.plan_sources import value_plan
from darkstar_pipeline.service.engine import shadow
from darkstar_pipeline.service.engine.input_status import InputStatus
from darkstar_pipeline.service.engine.plan_vs_actual import history_document
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.savings import Savings
from darkstar_pipeline.service.engine.shadow import ShadowPlanner
from darkstar_pipeline.service.http.routes import history
from darkstar_pipeline.service.schemas.history import HistoryDocument, SavingsDocument
from darkstar_pipeline.warehouse.schemas import (
    METER_READINGS,
    RAW_SPOT_PRICES,
)
from env.errors import MissingTariffError
from env.power_tariff import PowerTariff, power_costs
from env.time_grid import grid, slot_count
from planner.evaluation.daily_results import daily_results
from planner.plans.policy_plans import PolicySchedule
from planner.plans.task import PlanTask
from planner.replay.daily import replay_days
from tests.builders.metered_days import grade
from tests.builders.service_home import LONG_DAY, asking, made_engine, moment
from tests.builders.small_home import ZONE, small_settings

DAY = date(2025, 10, 27)
SHORT_DAY = date(2025, 3, 30)


def with_shadows(context: Context, *shadows: str) -> Context:
    service = context.site_settings.service.model_copy(update={"shadows": shadows})
    settings = context.site_settings.model_copy(update={"service": service})
    whole = Settings.model_validate({**small_settings().model_dump(), "sites": {"home": settings}})
    return open_context(settings=whole, home=context.home)


def plan_rows(day: date, powers: tuple[float, float, float]) -> pl.DataFrame:
    """A schedule of a day that says the same all day."""
    slots = grid(day, day, ZONE).select("slot_start")
    nothing = dict.fromkeys(COLUMNS[3:], None)
    commands = dict(zip(COLUMNS[:3], powers, strict=True))
    return slots.with_columns(**{name: pl.lit(value, pl.Float64) for name, value in {**commands, **nothing}.items()})


def keep(context: Context, system: str, day: date, powers: tuple[float, float, float], created: datetime) -> None:
    plan = PlanRecord(
        system=system,
        plan_id=f"{created:%H%M%S}",
        created_at=created,
        episode_start=created,
        schedule=plan_rows(day, powers),
        metrics={"policy": "value", "rung": "value", "start_soc_kwh": 17.1},
    )
    keep_plan(context.lake, context.site, plan)


@pytest.mark.parametrize("day", [LONG_DAY, DAY, SHORT_DAY], ids=["100 slots", "96 slots", "92 slots"])
def test_latest_plan_before_a_slot_is_in_force_and_no_later_one(context: Context, day: date) -> None:
    system = system_id("home")
    keep(context, system, day, (1.0, 0.0, 0.0), moment(day, 0, 0))
    keep(context, system, day, (2.0, 0.0, 0.0), moment(day, 12, 0) + timedelta(seconds=20))
    keep(context, system, day, (3.0, 0.0, 0.0), moment(day, 18, 10))
    slots = grid(day, day, ZONE)["slot_start"].to_list()
    active = in_force(plans_between(context.lake, context.site_name, day, day), slots)
    assert active.height == len(slots) == slot_count(day, ZONE)
    noon, evening = moment(day, 12, 0), moment(day, 18, 15)
    for start, power in zip(active["slot_start"], active["charge_kw"], strict=True):
        assert power == (1.0 if start < noon else 2.0 if start < evening else 3.0), start
    assert in_force(plans_between(context.lake, context.site_name, day, day).head(0), slots).is_empty()


def test_plans_of_two_writers_are_both_kept_when_they_come_at_once(context: Context) -> None:
    def write(system: str) -> None:
        for minute in range(5):
            keep(context, system, DAY, (1.0, 0.0, 0.0), moment(DAY, 9, minute))

    threads = [threading.Thread(target=write, args=(system_id("home", name),)) for name in ("value", "mpc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert plans_between(context.lake, context.site_name, DAY, DAY).height == 10


@pytest.mark.parametrize(
    "names", [("rl", "rl+gate", "RL", "models:/antares-home/1", "models:/antares-home/11", "../../x", "<b>", "é" * 90)]
)
def test_every_policy_has_a_system_of_its_own(names: tuple[str, ...]) -> None:
    found = [system_id("home", name) for name in names]
    assert len(set(found)) == len(names)
    assert all(each.startswith("antares-home--shadow-") and len(each) < 100 for each in found)


@pytest.mark.parametrize("power", [(0.0, 8.0, 0.0), (0.0, 0.0, 99.0), (2.0, 0.0, 0.0), (0.0, 8.0, 99.0)])
def test_recorded_commands_cost_what_living_by_them_costs(context: Context, power: tuple[float, float, float]) -> None:
    rows = context.lake.read(RAW_SPOT_PRICES, "home", DAY, DAY)
    context.lake.write_day(RAW_SPOT_PRICES, "home", DAY, rows.with_columns(pl.col("price") - 0.9))
    grade(context, [DAY])
    actual = actual_days(context, [DAY])[0]
    assert actual.start_soc_kwh == pytest.approx(0.4 * 34.2)
    keep(context, system_id("home"), DAY, power, moment(DAY, 0, 0))
    plans = plans_between(context.lake, context.site_name, DAY, DAY)
    (planned,) = costs_of(actual, planned_schedule(actual, plans)).values()
    simple = costs_of(actual, reference_schedules(actual, ("idle", "self_consumption", "oracle")))
    assert planned >= simple["oracle"] - 1e-6
    assert simple["oracle"] <= min(simple.values()) + 1e-6
    if power == (0.0, 8.0, 0.0):
        assert planned == pytest.approx(simple["self_consumption"], abs=1e-3)
    assert costs_of(actual, planned_schedule(actual, plans, "again")) == {"again": planned}


def costs_of(actual: ActualDay, schedules: pl.DataFrame) -> dict[str, float]:
    """What schedules of a day cost, by policy."""
    results = daily_results(schedules, actual.protocol, actual.site)
    return dict(zip(results["policy"].to_list(), results["cost"].to_list(), strict=True))


def test_metered_cost_is_the_bill_with_wear_and_settlement(context: Context) -> None:
    grade(context, [LONG_DAY])
    actual = actual_days(context, [LONG_DAY])[0]
    read, prices = actual.readings, actual.slots
    bill = float((read["import_kwh"] * prices["import_price"] - read["export_kwh"] * prices["export_price"]).sum())
    wear = 0.0725 * 100 * 0.2
    expected = bill + wear - settlement(actual) * 0.2 * 34.2
    assert metered_cost(actual) == pytest.approx(expected)
    uncounted = replace(actual, readings=read.with_columns(batt_charge_kwh=pl.lit(None, pl.Float64)))
    assert metered_cost(uncounted) == pytest.approx(expected, abs=0.1)
    for column in ("import_kwh", "soc_end_percent"):
        blind = replace(actual, readings=read.with_columns(pl.lit(None, pl.Float64).alias(column)))
        assert metered_cost(blind) is None


@pytest.mark.parametrize(("percent", "told"), [(5.0, True), (14.3, False), (50.0, False)])
def test_day_that_begins_outside_the_usable_range_is_told_in_savings_and_comparison(
    context: Context, percent: float, *, told: bool
) -> None:
    grade(context, [DAY])
    rows = context.lake.read(METER_READINGS, "home", DAY, DAY)
    first = pl.int_range(pl.len()) == 0
    begun = rows.with_columns(soc_start_percent=pl.when(first).then(percent).otherwise("soc_start_percent"))
    context.lake.write_day(METER_READINGS, "home", DAY, begun)
    (actual,) = actual_days(context, [DAY])
    assert (f"began the day at {percent:.3g} %, outside its usable range" in actual.start_note) is told
    assert ("1 days began outside the battery's usable range" in Savings().document(context, [DAY], "day").note) is told


def test_shadows_are_planned_filed_and_keep_their_own_energy(context: Context) -> None:
    home = with_shadows(context, "value", "mpc", "champion", "models:/antares-home/1", "models:/antares-home/9")
    engine, clock = made_engine(home)
    shadows = ShadowPlanner()
    engine.add_listener(shadows.on_plan)
    engine.check()
    before = engine.plan()
    shadows.start()
    shadows.stop()
    rows = plans_between(home.lake, home.site_name, LONG_DAY, LONG_DAY)
    assert rows["system_id"].n_unique() == 5, "the lived plan and four shadows; one has no such version"
    assert "no version 9" in shadows.problem
    assert not shadows.components()[0].ok
    assert (shadows.planned, shadows.failed) == (4, 1)
    assert engine.plan() == before

    class Meter:
        def soc(self) -> tuple[float, datetime] | None:
            return 90.0, clock.now()

    engine.live = Meter()
    again = ShadowPlanner()  # as after a restart
    engine.add_listener(again.on_plan)
    clock.at += timedelta(minutes=15)
    engine.check()
    again.start()
    again.stop()
    found = plans_between(home.lake, home.site_name, LONG_DAY, LONG_DAY).filter(
        pl.col("system_id") == system_id("home", "value")
    )
    assert found.height == 2
    own = found.sort("created_at")["metrics"].str.json_path_match("$.soc_kwh").cast(pl.Float64)[1]
    assert own != pytest.approx(0.9 * 34.2), "the home's stored energy is not the shadow's"
    first = found.sort("created_at")["shadow_schedule"].str.json_path_match("$.soc_end_kwh[0]").cast(pl.Float64)[0]
    assert own == pytest.approx(first, abs=0.5)


def test_history_has_what_the_batterys_own_meter_read(context: Context) -> None:
    read = context.lake.read(METER_READINGS, context.site_name, DAY, DAY)
    stored = read.with_columns(batt_charge_kwh=pl.lit(0.5), batt_discharge_kwh=pl.lit(0.25))
    context.lake.write_day(METER_READINGS, context.site_name, DAY, stored)
    slots = history_document(context, DAY).slots
    assert {(slot.charge_kwh, slot.discharge_kwh) for slot in slots} == {(0.5, 0.25)}
    assert history_document(context, LONG_DAY).slots[0].charge_kwh is None, "not read"


def test_history_and_savings_are_answered_when_asked(context: Context) -> None:
    grade(context, [LONG_DAY, DAY])
    engine, _ = made_engine(context, moment(DAY, 14))
    shadows = ShadowPlanner()
    engine.add_listener(shadows.on_plan)
    engine.check()
    shadows.start()
    shadows.stop()
    with asking(engine) as client:
        document = HistoryDocument.model_validate_json(client.get("/history").content)
        past = HistoryDocument.model_validate_json(client.get(f"/history?day={LONG_DAY}").content)
        nothing = HistoryDocument.model_validate_json(client.get("/history?day=2024-03-31").content)
        query = f"first={LONG_DAY}&last={DAY + timedelta(days=2)}"
        days = SavingsDocument.model_validate_json(client.get(f"/savings?{query}").content)
        months = SavingsDocument.model_validate_json(client.get(f"/savings?by=month&{query}").content)
        for wrong in ("day=0", "day=2025-13-01", "day=2025-02-30", "day=yesterday", "by=year"):
            path = "/savings" if wrong.startswith("by") else "/history"
            assert client.get(f"{path}?{wrong}").status_code == 422, wrong
        assert client.get("/history?day=1800-01-01").status_code == 422
        swapped = client.get("/savings?first=2025-10-02&last=2025-10-01")
        assert (swapped.status_code, swapped.json()["error"]["code"]) == (422, "usage")
        assert "is after" in swapped.json()["error"]["message"]
    assert document.day == DAY
    assert [slot.command is not None for slot in document.slots] == [False] * 57 + [True] * 39
    assert document.slots[60].soc_percent is not None
    assert (len(past.slots), len(nothing.slots)) == (100, 92)
    assert nothing.slots[0].import_price is None
    assert [row.period for row in days.rows] == [LONG_DAY.isoformat(), DAY.isoformat()]
    assert [row.period for row in months.rows] == ["2025-10"]
    assert months.total.lived == pytest.approx(sum(row.lived for row in days.rows if row.lived is not None))
    assert months.rows[0].saved_vs_idle == pytest.approx(days.total.saved_vs_idle)
    assert "2 days are not graded" in days.note


def with_power(context: Context) -> Context:
    """The home with 40 for each kW of a month's highest hour, tax included."""
    tariff = TariffSettings(power=(PowerTariffSettings(top=1, price_per_kw=32.0),))
    settings = context.site_settings.model_copy(update={"tariff": (tariff,)})
    return open_context(settings=Settings(sites={"home": settings}), home=context.home)


def test_shadows_are_compared_by_the_bill_where_power_is_charged(context: Context) -> None:
    grade(context, [LONG_DAY, DAY])
    nothing = plans_between(context.lake, "home", date(2025, 1, 1), date(2025, 1, 2))
    charged, plain = (
        shadow_rows(home, actual_days(home, [LONG_DAY, DAY]), nothing, ["self_consumption"])
        for home in (with_power(context), context)
    )
    added = {
        name: sum(row[name] for row in charged) - sum(row[name] for row in plain)
        for name in ("cost", "actual_cost", "idle_cost", "difference")
    }
    read = context.lake.read(METER_READINGS, "home", LONG_DAY.replace(day=1), DAY)
    net = (pl.col("load_kwh") - pl.col("pv_kwh")).clip(lower_bound=0)
    imports = read.select("slot_start", "local_day", import_kwh=pl.coalesce("import_kwh", net))
    before, whole = (
        float(power_costs(part, PowerTariff(top=1, price_per_kw=40.0), ZONE)["cost"].sum())
        for part in (imports.filter(pl.col("local_day") < LONG_DAY), imports)
    )
    bill = whole - before
    assert added["actual_cost"] == pytest.approx(bill)
    assert added["difference"] == pytest.approx(added["cost"] - bill)
    assert before > 0
    assert 0 <= added["cost"] <= added["idle_cost"] + 1e-9
    assert sum(row["oracle_cost"] for row in charged) <= sum(row["cost"] for row in charged) + 1e-6


def test_shadow_plans_with_its_own_peak_of_today_where_power_is_charged(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home charges at 10 kW for an hour after two; its shadow, which did not, has the house's own peak."""
    home, seen = with_power(with_shadows(context, "value")), list[PlanInputs]()

    def spied(context: Context, inputs: PlanInputs, memo: Memo, task: PlanTask) -> PolicySchedule:
        seen.append(inputs)
        return value_plan(context, inputs, memo, task)

    monkeypatch.setattr(shadow, "value_plan", spied)
    engine, clock = made_engine(home)
    received: list[InputStatus] = []
    engine.add_listener(lambda _context, inputs, _state, _plan: received.append(inputs))
    for by in (timedelta(0), timedelta(hours=2)):
        clock.at += by
        hour = pl.col("slot_start").is_between(moment(LONG_DAY, 14, 0), moment(LONG_DAY, 15, 0), closed="left")
        rows = home.lake.read(METER_READINGS, "home", LONG_DAY, LONG_DAY)
        read = rows.with_columns(import_kwh=pl.when(hour).then(2.5).otherwise(0.1))
        home.lake.write_day(METER_READINGS, "home", LONG_DAY, read)
        shadows = ShadowPlanner()
        engine.add_listener(shadows.on_plan)
        engine.check()
        shadows.start()
        shadows.stop()
    live, own = received[-1].plan_inputs, seen[-1]
    assert live is not None
    assert live.task.month[0].today_kw == pytest.approx(10.0)
    assert own.task.month[0].today_kw < 10.0
    assert own.task.month[0].peaks_kw == live.task.month[0].peaks_kw
    assert own.rolling.window.month == own.task.month


def test_savings_are_of_the_bill_where_power_is_charged(context: Context) -> None:
    """Of two days the first adds its whole peak and the second what it is above; a day alone is no month."""
    grade(context, [LONG_DAY, DAY])
    power, charged = PowerTariff(top=1, price_per_kw=40.0), with_power(context)
    savings, free = Savings(), Savings()
    both = [LONG_DAY, DAY]
    days, plain = savings.document(charged, both, "day"), free.document(context, both, "day")
    month, second = savings.document(charged, both, "month"), savings.document(charged, [DAY], "day")
    imports = charged.lake.read(METER_READINGS, "home", LONG_DAY, DAY).select("slot_start", "import_kwh")
    bill = float(power_costs(imports, power, ZONE)["cost"].sum())
    lived, without = days.total.lived, plain.total.lived
    assert lived is not None
    assert without is not None
    assert lived - without == pytest.approx(bill)
    assert month.total.lived == pytest.approx(lived)
    assert second.rows == days.rows[1:]
    assert days.total.oracle is not None
    assert days.total.oracle <= min(days.total.idle or 0.0, days.total.self_consumption or 0.0) + 1e-6
    assert days.total.captured_share is not None
    assert days.total.captured_share <= 1


def test_history_of_a_day_before_any_tariff_is_refused_as_a_wrong_request(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_tariff(_: Context, day: date) -> HistoryDocument:
        raise MissingTariffError(day, DAY)

    monkeypatch.setattr(history, "history_document", without_tariff)
    with asking(made_engine(context, moment())[0]) as client:
        refused = client.get("/history?day=2010-01-01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "usage")
    assert refused.json()["error"]["hint"] == "ask for a later day"


def test_savings_go_by_the_commands_when_nothing_is_metered(context: Context) -> None:
    grade(context, [DAY], meters=False)
    savings = Savings()
    nothing = savings.document(context, [DAY], "day")
    assert (nothing.total.lived, nothing.total.saved_vs_idle) == (None, None)
    assert nothing.total.oracle is not None
    keep(context, system_id("home"), DAY, (0.0, 8.0, 0.0), moment(DAY, 0, 0))
    document = savings.document(context, [DAY], "day")
    assert document.total.lived == pytest.approx(document.total.self_consumption, abs=1e-3)
    assert document.total.captured_share is not None
    assert document.total.captured_share <= 1


def test_replayed_days_are_those_of_evaluate_when_the_start_is_the_same(context: Context) -> None:
    grade(context, [DAY], meters=False)
    actual = actual_days(context, [DAY])[0]
    found = replay_inputs(context.lake, context.site, [DAY], has_pv=context.site_settings.has_pv)
    from darkstar_pipeline.datasets.replay_inputs import protocol_of

    protocol = protocol_of(context.site_settings, context.site.battery)
    idle = replay_days("idle", found.slots, found.forecasts, context.site, protocol).with_columns(policy=pl.lit("idle"))
    assert (
        costs_of(actual, reference_schedules(actual, ("idle",)))["idle"]
        == daily_results(idle, protocol, context.site)["cost"][0]
    )


def test_listeners_get_the_inputs_of_every_plan(context: Context) -> None:
    engine: PlannerEngine = made_engine(context)[0]
    received: list[InputStatus] = []
    engine.add_listener(lambda _context, inputs, _state, _plan: received.append(inputs))
    engine.check()
    assert [inputs.plan_inputs is not None for inputs in received] == [True]
