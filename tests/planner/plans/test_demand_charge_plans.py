"""Plans under demand charges: worked by hand, against CVXPY's own solution and against the bill."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import cvxpy as cp
import numpy as np
import polars as pl
import pytest

from env.inverter import Command
from env.power_tariff import MonthState, PowerTariff, PowerWindow, Tier, month_state, power_costs
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import day_start, grid
from planner.errors import PlannerError
from planner.optimizer.fallback_solvers import CLARABEL, solve_by, stated
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.peak_calendar import horizon_demand_charges
from planner.optimizer.solution import CHARGE, DISCHARGE, IMPORT
from planner.plans.idle_variants import idle_variant_costs
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN, default_loads, simulated
from planner.plans.schedule import modelled_cost
from planner.plans.task import End, PlanTask
from tests.builders.homes import DEFAULT_BATTERY, NO_LIMITS, PAPER_BATTERY, STOCKHOLM, days_of_slots, home

TIERS = tuple(Tier(up_to_kw=kw, cost=money) for kw, money in ((2, 83.0), (5, 147.0), (10, 252.0)))
NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
TARIFFS = {
    "per kW": PowerTariff(price_per_kw=81.25),
    "half at night": PowerTariff(price_per_kw=81.25, windows=(NIGHT,)),
    "quarters, two kW at least": PowerTariff(price_per_kw=40.0, minutes=15, top=2, minimum_kw=2.0),
    "several on one day": PowerTariff(price_per_kw=60.0, different_days=False),
    "tiers": PowerTariff(tiers=TIERS),
    "never": PowerTariff(price_per_kw=50.0, months=(7,)),
}
FIRST_DAYS = {"24 h": date(2026, 5, 5), "23 h": date(2026, 3, 29), "25 h": date(2026, 10, 25)}


def charging_home(*tariffs: PowerTariff, limits: Limits = NO_LIMITS) -> Site:
    version = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.2456, energy_tax=0.439, power=tariffs)
    return replace(home(DEFAULT_BATTERY, limits), tariff=Tariff((version,)))


def evening_peaks(first: date, *, cheaper: float = 0.0) -> pl.DataFrame:
    """Two days of 1 kW, and 5 kW from 18 to 19 by the local clock, all energy at the same price."""
    slots = grid(first, first + timedelta(days=1), STOCKHOLM)
    evening = pl.col("slot_start").dt.convert_time_zone(STOCKHOLM).dt.hour() == 18
    return slots.with_columns(
        import_price=pl.lit(1.0 - cheaper),
        export_price=pl.lit(0.0 - cheaper),
        load_kwh=pl.when(evening).then(1.25).otherwise(0.25),
        pv_kwh=pl.lit(0.0),
    )


def program_of(
    slots: pl.DataFrame, site: Site, tariffs: Sequence[PowerTariff], states: Sequence[MonthState] = (), *, start: float
) -> HomeProgram:
    power = horizon_demand_charges(slots["slot_start"], tariffs, STOCKHOLM, states)
    program = HomeProgram(site, slots.height, power=power)
    prices = slots["import_price"].to_numpy(), slots["export_price"].to_numpy()
    program.set_prices(*prices, 0.0)
    program.set_house(slots["load_kwh"].to_numpy(), slots["pv_kwh"].to_numpy(), prices[1])
    program.start_at(0, start)
    return program


@pytest.mark.parametrize("first", FIRST_DAYS.values(), ids=FIRST_DAYS)
def test_program_levels_the_peak_when_a_kw_is_dear(first: date) -> None:
    """Empty at the start, 72 % come back: all hours before 18 at P, which spares 5 - P: hours * 0.72 (P - 1) = 5 - P.

    17, 18 or 19 hours pass before 18 o'clock of the first day. The second day has longer.
    """
    slots = evening_peaks(first)
    hours = int(np.argmax(slots["load_kwh"].to_numpy() > 1)) / 4
    solution = program_of(slots, home(PAPER_BATTERY), [PowerTariff(top=1, price_per_kw=60.0)], start=1.0).solve()
    level = (5 + 0.72 * hours) / (1 + 0.72 * hours)
    assert hours == {date(2026, 5, 5): 18, date(2026, 3, 29): 17, date(2026, 10, 25): 19}[first]
    assert solution.power_cost == pytest.approx(60 * level, abs=1e-5)
    assert solution.flows[:, IMPORT].reshape(-1, 4).sum(axis=1).max() == pytest.approx(level, abs=1e-6)


def test_program_leaves_the_battery_alone_when_the_month_is_above_already() -> None:
    """6 kW stand: nothing below them costs more. Today's 4 kW do not stand against 5."""
    slots, tariff = evening_peaks(date(2026, 5, 5)), PowerTariff(top=1, price_per_kw=60.0)
    month = MonthState(month=date(2026, 5, 1), today=date(2026, 5, 5))
    above = program_of(slots, home(PAPER_BATTERY), [tariff], [replace(month, peaks_kw=(6.0,))], start=1.0).solve()
    assert above.flows[:, [CHARGE, DISCHARGE]].max() == pytest.approx(0.0, abs=1e-9)
    assert above.power_cost == pytest.approx(360.0)
    below = program_of(slots, home(PAPER_BATTERY), [tariff], [replace(month, today_kw=4.0)], start=1.0).solve()
    assert below.power_cost == pytest.approx(240.0)
    assert below.flows[:, DISCHARGE].sum() == pytest.approx(2.0, abs=1e-6)  # 5 to 4 kW on both evenings


@pytest.mark.parametrize(("second", "cost", "discharged"), [(147.0, 83.0, 6.0), (84.0, 84.0, 0.0)])
def test_program_stays_in_the_lower_tier_when_it_pays(second: float, cost: float, discharged: float) -> None:
    """From 5 to 2 kW twice loses 6 / 0.72 - 6 = 2.33 kWh at 1.0, and wear: less than 64, more than 1."""
    tariff = PowerTariff(top=1, tiers=(Tier(up_to_kw=2, cost=83.0), Tier(up_to_kw=5, cost=second)))
    solution = program_of(evening_peaks(date(2026, 5, 5)), home(PAPER_BATTERY), [tariff], start=1.0).solve()
    assert solution.power_cost == pytest.approx(cost)
    assert solution.flows[:, DISCHARGE].sum() == pytest.approx(discharged, abs=1e-5)


@pytest.mark.parametrize("tariff", TARIFFS.values(), ids=TARIFFS)
@pytest.mark.parametrize("fuse", [None, 4.0], ids=["no fuse", "fuse"])
def test_program_answers_like_cvxpy_and_the_bill_when_a_day_is_under_way(
    tariff: PowerTariff, fuse: float | None
) -> None:
    """Planned at 10:45 of the autumn day, with a second component, after four days of imports without a plan."""
    days = days_of_slots(date(2026, 10, 21), date(2026, 10, 26), seed=5)
    now = day_start(date(2026, 10, 25), STOCKHOLM) + timedelta(hours=10, minutes=45)
    past = days.filter(pl.col("slot_start") < now).with_columns(import_kwh=pl.col("load_kwh"))
    slots, tariffs = days.filter(pl.col("slot_start") >= now), [tariff, PowerTariff(top=1, price_per_kw=10.0)]
    states = [month_state(past, component, STOCKHOLM, now) for component in tariffs]
    program = program_of(slots, home(limits=Limits(import_kw=fuse)), tariffs, states, start=17.0)
    solution = program.solve()
    # By default a tier that ends at 10 MW leaks 10 W through the tolerance of its binary.
    strict = {"mip_feasibility_tolerance": 1e-9, "mip_rel_gap": 0.0}
    own = stated(program).problem().solve(solver=cp.HIGHS, **strict)
    assert solution.objective == pytest.approx(own, abs=1e-3)
    whole = pl.concat([past, slots.with_columns(import_kwh=pl.Series(solution.flows[:, IMPORT]))])
    bill = sum(power_costs(whole, component, STOCKHOLM)["cost"].sum() for component in tariffs)
    assert solution.power_cost == pytest.approx(bill, abs=1e-6)


def test_program_answers_when_the_house_breaks_the_last_tier_and_the_fuse() -> None:
    """A house that draws 20 kW behind 3 has still a plan: the last tier has no end."""
    slots = evening_peaks(date(2026, 5, 5)).with_columns(pl.col("load_kwh") * 4)
    limits = Limits(import_kw=3.0)
    tiers = PowerTariff(top=1, tiers=TIERS)
    solution = program_of(slots, home(PAPER_BATTERY, limits), [tiers], start=1.0).solve()
    assert solution.power_cost == 252.0


def test_clarabel_answers_like_highs_when_power_has_a_price() -> None:
    tariff = PowerTariff(price_per_kw=60.0)
    program = program_of(evening_peaks(date(2026, 5, 5)), home(PAPER_BATTERY), [tariff], start=1.0)
    assert solve_by(CLARABEL, program).objective == pytest.approx(program.solve().objective, abs=1e-3)


def test_program_refuses_a_later_start_when_it_knows_the_month_up_to_the_first_slot() -> None:
    program = program_of(evening_peaks(date(2026, 5, 5)), home(), [PowerTariff()], start=17.0)
    with pytest.raises(PlannerError, match="make a new program for slot 4"):
        program.start_at(4, 17.0)


def test_month_is_refused_when_it_is_of_other_components() -> None:
    starts = grid(date(2026, 5, 5), date(2026, 5, 5), STOCKHOLM)["slot_start"]
    with pytest.raises(PlannerError, match="has 2 components, the month so far names 1"):
        horizon_demand_charges(starts, [PowerTariff()] * 2, STOCKHOLM, [MonthState(month=date(2026, 5, 1))])


@pytest.mark.parametrize("cheaper", [0.0, 1.5], ids=["ordinary prices", "negative prices"])
@pytest.mark.parametrize("tariff", [TARIFFS["per kW"], TARIFFS["tiers"]], ids=["per kW", "tiers"])
def test_plan_costs_energy_and_the_bill_and_no_more_than_others_when_power_is_charged(
    tariff: PowerTariff, cheaper: float
) -> None:
    slots = evening_peaks(date(2026, 3, 29), cheaper=cheaper)
    task = PlanTask(slots=slots, site=charging_home(tariff), start_soc_kwh=17.1, end=End(value=1.0))
    plan = make_plan(task, explained=False)
    bill = power_costs(plan.schedule, tariff, STOCKHOLM)["cost"].sum()
    gained = float(plan.schedule["soc_end_kwh"][-1]) - 17.1
    assert plan.released == PLAN
    assert plan.cost == pytest.approx(float(plan.schedule["cost"].sum()) + float(bill) - gained, abs=1e-5)
    assert plan.cost < min(plan.idle_cost, plan.self_consumption_cost) + 1e-6
    kwh = slots["load_kwh"].to_numpy()
    idle_bill = power_costs(slots.with_columns(import_kwh=pl.Series(kwh)), tariff, STOCKHOLM)["cost"].sum()
    retained = DEFAULT_BATTERY.retention_per_slot**slots.height * 17.1 - 17.1
    assert plan.idle_cost == pytest.approx(kwh.sum() * (1 - cheaper) + idle_bill - retained, abs=1e-5)


def test_plan_imports_at_more_power_when_the_month_is_above_already() -> None:
    """Cheap nights: with no peak this month a kW more costs 60 a day of two; with a peak of 20 kW nothing."""
    slots = days_of_slots(date(2026, 5, 5), date(2026, 5, 6), seed=3)
    tariff = PowerTariff(top=1, price_per_kw=60.0)
    task = PlanTask(slots=slots, site=charging_home(tariff), start_soc_kwh=10.0, end=End(value=1.2))
    month = MonthState(month=date(2026, 5, 1), peaks_kw=(20.0,))
    highest = [
        float(np.max(plan.schedule["import_kwh"].to_numpy().reshape(-1, 4).sum(axis=1)))
        for plan in (make_plan(task, explained=False), make_plan(replace(task, month=(month,)), explained=False))
    ]
    assert highest[0] < 3.0
    assert highest[1] > 7.0


def test_plan_is_optimal_when_the_month_has_peaks_and_nothing_ahead_counts() -> None:
    """Working hours are charged, and it is Saturday: 6 kW stand, and no plan changes what they cost."""
    working_hours = PowerTariff(price_per_kw=60.0, windows=(PowerWindow(weekdays=(1, 2, 3, 4, 5)),), weight_outside=0.0)
    slots = days_of_slots(date(2026, 5, 9), date(2026, 5, 10), seed=3)
    month = MonthState(month=date(2026, 5, 1), peaks_kw=(6.0,), today=date(2026, 5, 9))
    task = PlanTask(slots=slots, site=charging_home(working_hours), start_soc_kwh=10.0, end=End(value=1.2))
    plan = make_plan(replace(task, month=(month,)), explained=False)
    free = make_plan(replace(task, site=charging_home()), explained=False)
    assert plan.released == PLAN
    assert plan.schedule["soc_end_kwh"].to_numpy() == pytest.approx(free.schedule["soc_end_kwh"].to_numpy(), abs=1e-6)
    assert plan.cost == pytest.approx(free.cost, abs=1e-6)  # what stands is not this plan's doing


def test_peak_is_a_rows_reason_only_where_its_power_decides_the_charge() -> None:
    """Energy is worth more than its price, so that nothing but the charge speaks for covering load."""
    tariff = PowerTariff(top=1, price_per_kw=60.0)
    task = PlanTask(
        slots=evening_peaks(date(2026, 5, 5)), site=charging_home(tariff), start_soc_kwh=17.1, end=End(value=1.5)
    )
    rows = make_plan(task).schedule
    bill = float(power_costs(rows, tariff, STOCKHOLM)["cost"].sum())
    kept = rows.with_row_index().filter(pl.col("reason") == "keep_under_peak")
    assert kept.height > 0
    for row in kept.iter_rows(named=True):
        idle = pl.when(pl.col("index") == row["index"]).then(pl.col("load_kwh")).otherwise(pl.col("import_kwh"))
        without = rows.with_row_index().with_columns(import_kwh=idle)
        spared = float(power_costs(without, tariff, STOCKHOLM)["cost"].sum()) - bill
        assert spared > 0
        assert f"keep the month's peak down, which spares {spared:.2f} SEK" in row["sentence"]
    month = MonthState(month=date(2026, 5, 1), peaks_kw=(20.0,))
    above = make_plan(replace(task, month=(month,))).schedule
    assert "keep_under_peak" not in above["reason"].to_list()


def test_idle_variant_costs_what_the_bill_says_when_one_slot_is_idle() -> None:
    """6 kW stand: of what the evening's hour costs more, only the part above them is the month's charge."""
    slots = evening_peaks(date(2026, 5, 5)).with_columns(
        load_kwh=pl.when(pl.col("load_kwh") > 1).then(1.75).otherwise(0.25)
    )
    site = charging_home(PowerTariff(top=1, price_per_kw=60.0))
    month = MonthState(month=date(2026, 5, 1), peaks_kw=(6.0,))
    task = PlanTask(slots=slots, site=site, start_soc_kwh=17.1, end=End(value=1.5), month=(month,))
    evening = slots["load_kwh"].to_numpy() > 1
    command = Command(np.zeros(slots.height), np.where(evening, 3.0, 0.0), np.zeros(slots.height))
    planned = simulated(task, default_loads(task), command)
    extra = idle_variant_costs(task, planned)
    for slot in np.flatnonzero(evening).tolist():
        other = simulated(
            task,
            default_loads(task),
            Command(command[0], np.where(np.arange(slots.height) == slot, 0.0, command[1]), command[2]),
        )
        assert extra[slot] == pytest.approx(modelled_cost(task, other) - modelled_cost(task, planned), abs=1e-9)
    assert extra[~evening].tolist() == [0.0] * int((~evening).sum())
    assert modelled_cost(task, planned) == pytest.approx(
        float(planned["cost"].sum()) - 1.5 * (float(planned["soc_end_kwh"][-1]) - 17.1)
    )


UNDER_WAY = {
    "an ordinary evening": datetime(2026, 5, 5, 21, 30, tzinfo=UTC),
    "the evening before the spring change": datetime(2026, 3, 28, 22, 30, tzinfo=UTC),
    "the evening of the spring change": datetime(2026, 3, 29, 21, 30, tzinfo=UTC),
    "the evening before the autumn change": datetime(2026, 10, 24, 21, 30, tzinfo=UTC),
    "the evening of the autumn change": datetime(2026, 10, 25, 22, 30, tzinfo=UTC),
}


@pytest.mark.parametrize("now", UNDER_WAY.values(), ids=UNDER_WAY)
def test_hour_under_way_counts_what_it_holds_when_a_plan_begins_at_half_past_eleven(now: datetime) -> None:
    """3 kWh since 23:00, and two quarters of 0.25 kWh to come: 3.5 kW on the day that ends, not the next.

    A kW less saves 60, so the battery covers those two quarters; what the hour holds already stays.
    """
    today = now.astimezone(ZoneInfo(STOCKHOLM)).date()
    every = grid(today - timedelta(days=1), today + timedelta(days=1), STOCKHOLM).with_columns(
        import_price=pl.lit(1.0), export_price=pl.lit(0.0), load_kwh=pl.lit(0.25), pv_kwh=pl.lit(0.0)
    )
    recent = pl.col("slot_start") >= now - timedelta(minutes=30)
    past = every.filter(pl.col("slot_start") < now).with_columns(import_kwh=pl.when(recent).then(1.5).otherwise(0.25))
    tariff, slots = PowerTariff(top=1, price_per_kw=60.0), every.filter(pl.col("slot_start") >= now)
    state = month_state(past, tariff, STOCKHOLM, now)
    assert (state.today, state.open_start, state.open_kwh) == (today, now - timedelta(minutes=30), 3.0)
    (demand,) = horizon_demand_charges(slots["slot_start"], [tariff], STOCKHOLM, [state])
    assert demand.under_way_kw[0] == 3.0
    assert demand.under_way_kw[1:].max() == 0.0
    assert [demand.calendar.days[owner] for owner in demand.calendar.owners[:2]] == [today, today + timedelta(days=1)]
    assert demand.cost(np.full(slots.height, 0.25)) == pytest.approx(60 * 3.5)
    solution = program_of(slots, home(PAPER_BATTERY), [tariff], [state], start=5.0).solve()
    assert solution.flows[:2, IMPORT].sum() == pytest.approx(0.0, abs=1e-9)
    assert solution.power_cost == pytest.approx(180.0)
    whole = pl.concat([past, slots.with_columns(import_kwh=pl.Series(solution.flows[:, IMPORT]))], how="diagonal")
    in_month = whole.filter(pl.col("local_day").dt.month() == today.month)
    assert power_costs(in_month, tariff, STOCKHOLM)["cost"].sum() == pytest.approx(180.0)
