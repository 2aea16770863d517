"""Explanations of slots: reasons, sentences, and idle costs that an independent solve confirms."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.devices import Appliance, Devices, ElectricVehicle, WaterHeater
from env.site import Limits, Site
from planner.errors import NoFeasibleScheduleError
from planner.optimizer.deferrable_loads import ApplianceRequest, LoadRequests, VehicleRequest
from planner.optimizer.fallback_solvers import CLARABEL, solve_by
from planner.optimizer.home_program import HomeProgram
from planner.plans.explanations import explain
from planner.plans.make_plan import Plan, make_plan
from planner.plans.reasons import EXPLAINED, PLAN_REASONS
from planner.plans.task import End, PlanTask
from planner.value.terminal_value import TerminalValue
from tests.builders.battery_limits import idle_battery
from tests.builders.homes import PAPER_BATTERY, days_of_slots, home

SHORT_DAY, LONG_DAY, ORDINARY = date(2026, 3, 29), date(2025, 10, 26), date(2026, 1, 14)
COST_TOLERANCE = 0.01  # money


def day_task(
    day: date = ORDINARY, *, site: Site | None = None, cheaper: float = 0.0, end: End | None = None
) -> PlanTask:
    """A day of the default home, all prices lower by `cheaper`."""
    slots = days_of_slots(day, day, seed=5)
    moved = slots.with_columns(pl.col("import_price") - 1.25 * cheaper, pl.col("export_price") - cheaper)
    chosen = home() if site is None else site
    return PlanTask(slots=moved, site=chosen, start_soc_kwh=17.1, end=end if end is not None else End(value=1.0))


def paper_task(
    hours: list[tuple[float, float, float, float]], *, start: float = 1.0, site: Site | None = None
) -> PlanTask:
    """Slots from 12:00 local winter time: load, PV, import and export price; the paper battery."""
    starts = pl.datetime_range(
        datetime(2026, 1, 14, 11, tzinfo=UTC), interval="15m", end=datetime(2026, 1, 14, 20, tzinfo=UTC), eager=True
    )[: len(hours)].cast(pl.Datetime("us", "UTC"))
    names = ("load_kwh", "pv_kwh", "import_price", "export_price")
    slots = pl.DataFrame(hours, schema=list(names), orient="row").with_columns(slot_start=starts)
    return PlanTask(slots=slots, site=home(PAPER_BATTERY) if site is None else site, start_soc_kwh=start)


def explanations_of(plan: Plan) -> list[tuple[str, str]]:
    return list(plan.schedule.select("reason", "sentence").iter_rows())


def forced_idle(program: HomeProgram, slot: int) -> float | None:
    """Cost of the best plan with the battery idle in a slot, solved without a warm start."""
    program.clear_basis()
    with idle_battery(program, slot):
        try:
            return program.solve().objective
        except NoFeasibleScheduleError:
            return None


DAYS = {
    "92 slots": day_task(SHORT_DAY),
    "100 slots": day_task(LONG_DAY),
    "export prices below zero": day_task(SHORT_DAY, cheaper=0.8),
    "import prices below zero": day_task(LONG_DAY, cheaper=1.5),
    "curve at the end": day_task(
        end=End(curve=TerminalValue(floor_kwh=6.0, widths_kwh=np.array([8.0, 15.0]), slopes=np.array([1.5, 0.7])))
    ),
    "demanded end": day_task(end=End(return_soc_kwh=30.0)),
    "every limit": day_task(site=home(limits=Limits(import_kw=9.0, export_kw=2.0, inverter_kw=5.0, curtailable=True))),
}


@pytest.mark.parametrize("task", DAYS.values(), ids=DAYS)
def test_idle_cost_equals_an_independent_solve_when_any_slot_is_idle(task: PlanTask) -> None:
    plan = make_plan(task)
    program = task.program()
    best = program.solve().objective
    for slot, costs in enumerate(plan.schedule["idle_costs"]):
        alone = forced_idle(program, slot)
        if alone is None:
            assert costs is None
        else:
            assert costs == pytest.approx(alone - best, abs=COST_TOLERANCE)


def test_idle_cost_equals_another_solvers_when_a_slot_is_idle() -> None:
    task = DAYS["100 slots"]
    plan = make_plan(task)
    active = np.argsort(plan.schedule["idle_costs"].to_numpy())[[-1, -10, -40]]
    for slot in active.tolist():
        program = task.program()
        best = solve_by(CLARABEL, program).objective
        with idle_battery(program, slot):
            alone = solve_by(CLARABEL, program).objective
        assert plan.schedule["idle_costs"][slot] == pytest.approx(alone - best, abs=COST_TOLERANCE)


@pytest.mark.parametrize("task", DAYS.values(), ids=DAYS)
def test_explanations_are_complete_when_a_day_is_planned(task: PlanTask) -> None:
    plan = make_plan(task)
    assert set(plan.schedule["reason"]) <= set(PLAN_REASONS)
    assert (plan.schedule["sentence"].str.len_chars() > 10).all()
    assert not plan.schedule["sentence"].str.contains("nan|None|-0.00|  ").any()
    again = explain(task, plan.schedule.drop(EXPLAINED), plan.solution)
    assert again.equals(plan.schedule)


# Charged: 1 kWh at 0.20, stored 0.9, delivered 0.72 for 3.00; wear 0.1 each way:
# without it 0.72 kWh more are imported: 0.72 * (3 - 0.1) - (0.2 + 0.1) = 1.788 more.
CHEAP, DEAR = (0.0, 0.0, 0.2, 0.1), (2.0, 0.0, 3.0, 0.1)


def test_charging_is_explained_by_its_use_and_value_when_the_evening_is_dear() -> None:
    (charge, _, cover) = explanations_of(make_plan(paper_task([CHEAP, (0.0, 0.0, 3.5, 0.1), DEAR])))
    assert charge == (
        "charge_from_grid",
        "charges 1.00 kWh at 0.20 SEK/kWh; used at 12:30 for 3.00 SEK/kWh; doing nothing here costs 1.79 SEK more",
    )
    assert cover[0] == "cover_load"
    assert cover[1].startswith("covers 0.72 kWh of load at 3.00 SEK/kWh; keeping it is worth ")
    assert cover[1].endswith("doing nothing here costs 1.79 SEK more")


CASES = {
    "paid to charge": (
        [(0.0, 0.0, -0.5, -0.6), DEAR], 1.0, Limits(), "paid_to_charge",
        "charges 1.00 kWh and is paid 0.50 SEK/kWh; used at 12:15 for 3.00 SEK/kWh; doing nothing here costs ",
    ),
    "sun stored": (
        [(0.0, 0.6, 2.0, 0.1), DEAR], 1.0, Limits(), "store_surplus",
        "stores 0.60 kWh of sun that would sell at 0.10 SEK/kWh; used at 12:15 for 3.00 SEK/kWh; doing nothing here ",
    ),
    "sun stored where selling costs": (
        [(0.0, 0.6, 2.0, -0.1), DEAR], 1.0, Limits(), "store_surplus",
        "stores 0.60 kWh of sun that would cost 0.10 SEK/kWh to sell; used at 12:15 ",
    ),
    "surplus exported": (
        [(0.0, 0.6, 2.0, 1.5), (0.0, 0.0, 1.0, 0.1)], 1.0, Limits(), "sell_surplus",
        "sells 0.60 kWh of sun at 1.50 SEK/kWh; storing it is worth ",
    ),
    "surplus exported over a full battery": (
        [(0.0, 0.6, 2.0, 0.1), (1.0, 0.0, 1.9, 0.1)], 9.0, Limits(), "sell_surplus",
        "sells 0.60 kWh of sun at 0.10 SEK/kWh; the battery is full",
    ),
    "battery exported": (
        [(0.25, 0.0, 4.0, 3.0), (0.0, 0.0, 1.0, 0.1)], 9.0, Limits(), "sell_from_battery",
        "sells 0.75 kWh from the battery, after covering 0.25 kWh of load, at 3.00 SEK/kWh; keeping it is worth ",
    ),
    "sun left unused": (
        [(0.0, 0.6, 2.0, -0.3)], 9.0, Limits(curtailable=True), "curtail",
        "leaves 0.60 kWh of sun unused, since selling it would cost 0.30 SEK/kWh",
    ),
    "sun the grid refuses": (
        [(0.0, 0.6, 2.0, 0.3)], 9.0, Limits(export_kw=0.0), "curtail",
        "leaves 0.60 kWh of sun unused, which grid and inverter cannot take",
    ),
    "kept for later": (
        [(0.5, 0.0, 8.0, 0.1), (1.0, 0.0, 9.0, 0.1)], 1.5, Limits(), "keep_for_later",
        "buys 0.50 kWh at 8.00 SEK/kWh; keeping the stored energy is worth 9.00 SEK/kWh",
    ),
    "empty": (
        [(0.5, 0.0, 1.0, 0.1)], 1.0, Limits(), "hold",
        "buys 0.50 kWh at 1.00 SEK/kWh; the battery is empty; storing a kWh now is worth ",
    ),
    "nothing": ([(0.0, 0.0, 1.0, 0.1)], 1.0, Limits(), "hold", "nothing to cover and nothing to store"),
    "fuse": (
        [(2.0, 0.0, 1.0, 0.1), (1.0, 0.0, 9.0, 0.1)], 1.7, Limits(import_kw=6.0), "keep_under_fuse",
        "covers 0.50 kWh of load to stay within the fuse of 6 kW; doing nothing here exceeds the fuse by 0.50 kWh",
    ),
    "inverter in the way": (
        [(0.5, 0.0, 9.0, 0.1)], 9.0, Limits(inverter_kw=0.0), "limited",
        "buys 0.50 kWh at 9.00 SEK/kWh; a limit keeps the battery from covering it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("hours", "start", "limits", "reason", "beginning"), CASES.values(), ids=CASES)
def test_first_slot_is_explained_in_these_words_when_worked_by_hand(
    hours: list[tuple[float, float, float, float]], start: float, limits: Limits, reason: str, beginning: str
) -> None:
    site = replace(home(PAPER_BATTERY), limits=limits)
    first = explanations_of(make_plan(paper_task(hours, start=start, site=site)))[0]
    assert first[0] == reason
    assert first[1].startswith(beginning)


def test_energy_is_kept_for_the_end_when_nothing_uses_it() -> None:
    task = replace(paper_task([CHEAP]), end=End(value=2.0))
    assert (
        "kept for the end, worth 2.00 SEK/kWh; doing nothing here costs 1.50 SEK more"
        in explanations_of(make_plan(task))[0][1]
    )


def test_idling_misses_the_end_when_the_slot_is_needed_for_it() -> None:
    task = replace(paper_task([CHEAP]), end=End(return_soc_kwh=1.9))
    plan = make_plan(task)
    assert plan.schedule["idle_costs"][0] is None
    assert explanations_of(plan)[0][1].endswith("doing nothing here would miss what is asked for")


def test_clock_names_its_zone_when_the_hour_comes_twice() -> None:
    starts = pl.Series([datetime(2025, 10, 26, 0, 45, tzinfo=UTC), datetime(2025, 10, 26, 1, 0, tzinfo=UTC)])
    slots = pl.DataFrame([CHEAP, DEAR], schema=["load_kwh", "pv_kwh", "import_price", "export_price"], orient="row")
    slots = slots.with_columns(slot_start=starts.cast(pl.Datetime("us", "UTC")))
    task = PlanTask(slots=slots, site=home(PAPER_BATTERY), start_soc_kwh=1.0)
    assert "used at 02:00 CET for" in explanations_of(make_plan(task))[0][1]


def test_movable_loads_are_explained_with_their_rank_when_they_run() -> None:
    hours = [(0.0, 0.0, price, 0.1) for price in (1.4, 1.2, 1.3, 1.1, 1.5, 1.6)]
    devices = Devices(
        water_heater=WaterHeater(power_kw=3.0, energy_kwh_per_day=0.75),
        vehicle=ElectricVehicle(power_kw=4.0),
        appliances=(Appliance(name="dish_washer", power_kw=1.0, run_hours=0.25),),
    )
    task = paper_task(hours, site=replace(home(PAPER_BATTERY), devices=devices))
    start = task.slots["slot_start"]
    requests = LoadRequests(
        vehicle=VehicleRequest(arrives=start[0], departs=start[3], energy_kwh=1.0),
        appliances=(ApplianceRequest(name="dish_washer", earliest=start[4], latest=start[5]),),
    )
    sentences = [sentence for _, sentence in explanations_of(make_plan(replace(task, requests=requests)))]
    planned = "slot of those planned"
    assert sentences[3].endswith(f"heats water with 0.75 kWh at 1.10 SEK/kWh, the day's cheapest {planned}")
    assert sentences[1].endswith(f"charges the car with 1.00 kWh at 1.20 SEK/kWh, the day's 2nd cheapest {planned}")
    assert sentences[4].endswith(f"runs dish washer with 0.25 kWh at 1.50 SEK/kWh, the day's 5th cheapest {planned}")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), cheaper=st.sampled_from([0.0, 1.0, 2.0]))
def test_idling_never_saves_when_days_are_random(seed: int, cheaper: float) -> None:
    slots = days_of_slots(ORDINARY, ORDINARY, seed=seed)[:32]
    moved = slots.with_columns(pl.col("import_price") - cheaper, pl.col("export_price") - cheaper)
    plan = make_plan(PlanTask(slots=moved, site=home(), start_soc_kwh=10.0, end=End(value=0.5)))
    assert (plan.schedule["idle_costs"] >= -1e-6).all()
