"""The targets of stored energy: floors by the calendar, bounded commands, and every planner that keeps them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.care import Care, ReserveRule
from env.errors import LimitsError
from env.inverter import Command
from env.power_tariff import PowerWindow
from env.simulator import World, simulate
from env.site import Site
from env.time_grid import grid
from planner.byhand.commands import ahead_price
from planner.care.soc_targets import SocTargets, reserve_kwh, scheduled_targets, soc_targets
from planner.currencies import PER_EURO
from planner.optimizer.solution import SOC
from planner.plans.make_plan import make_plan
from planner.plans.release import PLAN, simple_candidates
from planner.plans.task import End, PlanTask
from planner.policies.value_policy import ValueDays
from planner.value.scenarios import Scenarios
from planner.value.value_function import soc_grid
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60)
RESERVE_KWH = 3.0  # 20 % of 10 kWh above the 1 kWh that is never used


def cared(care: Care) -> Site:
    return replace(home(PAPER_BATTERY), care=care)


@pytest.mark.parametrize("currency", ["EUR", "NOK", "HUF", "VND"])
@given(price=st.floats(-0.5, 5.0))
def test_a_missing_kwh_is_worth_the_same_in_every_currency(currency: str, price: float) -> None:
    rate = PER_EURO[currency] / PER_EURO["SEK"]
    swedish = home(PAPER_BATTERY)
    foreign = replace(home(replace(PAPER_BATTERY, wear_cost=PAPER_BATTERY.wear_cost * rate)), currency=currency)
    for way in (1.0, -1.0):
        prices = np.full((1, 4), way * price)
        mine, theirs = (
            soc_targets(site, np.zeros((1, 4)), prices * factor, prices * factor).shortfall_price[0]
            for site, factor in ((swedish, 1.0), (foreign, rate))
        )
        assert theirs == pytest.approx(mine * rate, rel=0.05)  # the worth of the least price has two digits
    slots = pl.DataFrame({"import_price": [price] * 4, "export_price": [0.0] * 4})
    scaled = slots.select(pl.all() * rate)
    assert ahead_price(foreign, scaled) == pytest.approx(ahead_price(swedish, slots) * rate, rel=0.05)


def a_day(
    site: Site, day: date = date(2026, 1, 14), *, start_kwh: float = 5.0, price: np.ndarray | None = None
) -> PlanTask:
    """A day with the given prices, else with dear mornings and evenings and negative ones at noon."""
    slots = grid(day, day, STOCKHOLM).select("slot_start")
    hour = np.arange(slots.height) / 4
    if price is None:
        price = 1.0 + 0.8 * np.cos((hour - 18) / 12 * np.pi) - 1.5 * ((hour >= 12) & (hour < 14))
    slots = slots.with_columns(
        import_price=pl.Series(price),
        export_price=pl.Series(price - 0.4),
        load_kwh=pl.Series(np.full(slots.height, 0.4)),
        pv_kwh=pl.Series(np.maximum(0.5 * np.sin((hour - 7) / 10 * np.pi), 0.0)),
    )
    targets = scheduled_targets(site, slots["slot_start"], price[None], price[None] - 0.4)
    return PlanTask(slots=slots, site=site, start_soc_kwh=start_kwh, end=End(value=0.8), targets=targets)


def valued(task: PlanTask) -> np.ndarray:
    """Stored energy at the fence posts of a day that `value` plans and the forecast describes exactly."""
    import_price, export_price, load, pv = (values[None] for values in task.arrays)
    policy = ValueDays(
        site=task.site,
        scenarios=Scenarios(load[:, None], pv[:, None]),
        import_price=import_price,
        export_price=export_price,
        end_value=0.8 * soc_grid(task.site.battery)[None],
        targets=task.targets,
    )
    world = World(load, pv, import_price, export_price)
    done = simulate(
        lambda slot, soc: policy.command(slot, soc, None, None), world, task.site, np.array([task.start_soc_kwh])
    )
    return done.soc_kwh[0]


@pytest.mark.parametrize(
    ("day", "n_kept"),
    [(date(2026, 1, 14), 32), (date(2026, 3, 29), 28), (date(2026, 10, 25), 36)],
    ids=["ordinary", "spring", "autumn"],
)
def test_reserve_follows_the_clock_on_days_of_any_length(day: date, n_kept: int) -> None:
    site = cared(Care(reserve=(ReserveRule(percent=20, window=NIGHT),)))
    kept = reserve_kwh(site.care, grid(day, day, STOCKHOLM)["slot_start"], site)
    assert (kept == RESERVE_KWH).sum() == n_kept
    assert (kept == PAPER_BATTERY.min_soc_kwh).sum() == len(kept) - n_kept


def test_the_highest_of_the_rules_that_hold_counts_and_never_more_than_the_battery_takes() -> None:
    winter = PowerWindow(months=(12, 1, 2))
    rules = (ReserveRule(percent=20), ReserveRule(percent=50, window=winter), ReserveRule(percent=10))
    site = cared(Care(reserve=rules))
    slots = pl.Series([datetime(2026, 1, 14, tzinfo=UTC), datetime(2026, 7, 14, tzinfo=UTC)])
    assert reserve_kwh(site.care, slots, site).tolist() == [6.0, 3.0]
    site = cared(Care(reserve=(ReserveRule(percent=100),)))
    assert reserve_kwh(site.care, slots, site).tolist() == [9.0, 9.0]


def test_a_reserve_of_more_than_all_is_refused() -> None:
    with pytest.raises(LimitsError, match="0 to 100 %"):
        ReserveRule(percent=101)


def test_a_home_without_care_has_no_targets() -> None:
    assert a_day(home(PAPER_BATTERY)).targets is None


@pytest.mark.parametrize("start_kwh", [5.0, 3.0, 1.0], ids=["above", "at", "below"])
def test_plans_keep_the_reserve_or_come_back_to_it_at_once(start_kwh: float) -> None:
    task = a_day(cared(Care(reserve=(ReserveRule(percent=20),))), start_kwh=start_kwh)
    for soc in (np.concatenate([[start_kwh], make_plan(task).schedule["soc_end_kwh"].to_numpy()]), valued(task)):
        assert soc.min() >= min(start_kwh, RESERVE_KWH) - 1e-6
        assert soc[4:].min() >= RESERVE_KWH - 1e-6, "a kWh a slot brings it back within an hour"
        assert soc.min() < 4.0 or start_kwh < 4.0, "what is above the reserve is used"


def test_a_reserve_that_begins_later_is_charged_where_it_is_cheapest() -> None:
    evening = PowerWindow(start_minute=17 * 60, end_minute=24 * 60)
    task = a_day(cared(Care(reserve=(ReserveRule(percent=60, window=evening),))), start_kwh=1.0)
    plan = make_plan(task)
    soc = plan.schedule["soc_end_kwh"].to_numpy()
    assert plan.released == PLAN
    assert soc[16 * 4 : 17 * 4].max() >= 7.0 - 1e-6
    assert soc[17 * 4 :].min() >= 7.0 - 1e-6
    charged = plan.schedule.filter(pl.col("charge_kwh") > 0.1)
    assert charged["import_price"].max() < 1.0, "the dear hours are not needed for it"  # type: ignore[operator]


def test_the_reserve_costs_what_the_plan_without_it_would_have_saved_and_never_less_than_nothing() -> None:
    free = make_plan(a_day(home(PAPER_BATTERY))).cost
    costs = [make_plan(a_day(cared(Care(reserve=(ReserveRule(percent=each),))))).cost for each in (0, 20, 60)]
    assert costs[0] == pytest.approx(free, abs=1e-6)
    assert costs == sorted(costs)


def test_simple_schedules_leave_the_reserve_and_are_weighed_by_what_they_miss() -> None:
    task = a_day(cared(Care(reserve=(ReserveRule(percent=60),))), start_kwh=2.0)
    self_consumption, idle = simple_candidates(task)
    for option in (self_consumption, idle):
        assert option.verification.valid
        assert option.schedule["soc_end_kwh"].min() >= 2.0 - 1e-9  # type: ignore[operator]
        assert option.missed > 0
        assert option.weight > option.cost


def test_energy_rests_below_the_ceiling_until_shortly_before_its_use() -> None:
    hour = np.arange(96) / 4
    price = np.where(hour < 4, 0.80, np.where((hour >= 17) & (hour < 21), 3.0, 0.85))
    free, cared_for = (
        make_plan(a_day(site, start_kwh=1.0, price=price)).schedule["soc_end_kwh"].to_numpy()
        for site in (home(PAPER_BATTERY), cared(Care(resting_soc_percent=70)))
    )
    assert (free[16:66] > 7.0 + 1e-6).all(), "the night is the cheapest, and nothing else counts"
    assert (cared_for[:60] < 7.1).all()
    assert cared_for[67] == pytest.approx(free[67], abs=0.1), "full all the same when it is needed"


@given(
    soc=st.floats(0.0, 10.0),
    floor=st.floats(1.0, 9.0),
    power=st.floats(0.0, 8.0),
    load=st.floats(0.0, 3.0),
)
def test_a_bounded_command_never_takes_energy_below_the_floor(
    soc: float, floor: float, power: float, load: float
) -> None:
    site = home(PAPER_BATTERY)
    one = np.ones((1, 1))
    targets = soc_targets(site, floor * one, one, one)
    command = targets.kept_above(
        Command(np.zeros(1), np.array([power]), np.array([9.0])), 0, np.array([soc]), PAPER_BATTERY
    )
    done = simulate(lambda *_: command, World(load * one, 0 * one, one, one), site, np.array([soc]))
    assert done.soc_kwh[0, 1] >= min(soc, floor) - 1e-9


def test_the_optimiser_with_targets_of_nothing_gives_the_same_plan() -> None:
    task = a_day(home(PAPER_BATTERY))
    import_price, export_price, _, _ = (values[None] for values in task.arrays)
    nothing = soc_targets(task.site, np.full_like(import_price, 1.0), import_price, export_price)
    without, with_them = task.program().solve(), replace(task, targets=nothing).program().solve()
    np.testing.assert_allclose(with_them.flows[:, SOC], without.flows[:, SOC], atol=1e-6)
    assert isinstance(nothing, SocTargets)
    assert nothing.slots(4, 8).floor_kwh.shape == (1, 4)


def test_two_days_of_targets_stay_apart() -> None:
    site = cared(Care(reserve=(ReserveRule(percent=20, window=PowerWindow(weekdays=(3,))),)))
    days = [date(2026, 1, 14) + timedelta(days=more) for more in (0, 1)]
    starts = pl.concat([grid(day, day, STOCKHOLM)["slot_start"] for day in days])
    prices = np.ones((2, 96))
    targets = scheduled_targets(site, starts, prices, prices)
    assert targets is not None
    assert (targets.floor_kwh[0] == RESERVE_KWH).all()
    assert (targets.homes(slice(1, 2)).floor_kwh == PAPER_BATTERY.min_soc_kwh).all()
